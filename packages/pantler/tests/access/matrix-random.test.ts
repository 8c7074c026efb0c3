import { describe, expect, it } from "vitest";
import { tryRandomAccesses } from "../support/access-disagreements.js";

describe("the access matrix of random schemas", () => {
  it("says what really is possible", { timeout: 60_000 }, async () => {
    const { problems, summary } = await tryRandomAccesses(12, 20261121);
    expect(problems, summary).toBe("");
  });
});
