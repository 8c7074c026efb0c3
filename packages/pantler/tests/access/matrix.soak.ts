import { describe, expect, it } from "vitest";
import { tryRandomAccesses } from "../support/access-disagreements.js";

const trials = Number(process.env.TRIALS ?? 200);

describe("the access matrix of random schemas", () => {
  it("says what really is possible", async () => {
    const { seed, problems, summary } = await tryRandomAccesses(trials);
    process.stdout.write(`${summary}\n`);
    expect(problems, `TRIAL_SEED=${seed}`).toBe("");
  });
});
