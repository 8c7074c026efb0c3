import { describe, expect, it } from "vitest";
import { killOnce, seededRandom } from "../support/kill-trials.js";

const trials = Number(process.env.TRIALS ?? 500);

describe("migration up, killed at many random moments", () => {
  it(`leaves ledger and schema in agreement ${trials} times`, async () => {
    const seed = Number(process.env.TRIAL_SEED ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    const counts = { nothing: 0, some: 0, all: 0 };
    for (let trial = 0; trial < trials; trial += 1) {
      const result = await killOnce(random, trial % 2 === 1);
      expect(result.problem, `TRIAL_SEED=${seed}, trial ${trial}: ${JSON.stringify(result)}`).toBe("");
      counts[result.applied === 0 ? "nothing" : result.applied === 8 ? "all" : "some"] += 1;
    }
    process.stdout.write(`${trials} kills, seed ${seed}: ${JSON.stringify(counts)}\n`);
  });
});
