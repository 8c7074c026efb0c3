import { describe, expect, it } from "vitest";
import { killOnce, seededRandom } from "../support/kill-trials.js";

const trials = 6;

describe("migration up, killed at random moments", () => {
  it(`leaves ledger and schema in agreement ${trials} times, and is finished by the next run`, async () => {
    const seed = Number(process.env.TRIAL_SEED ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    for (let trial = 0; trial < trials; trial += 1) {
      const result = await killOnce(random, trial % 2 === 1);
      expect(result.problem, `TRIAL_SEED=${seed}, trial ${trial}: ${JSON.stringify(result)}`).toBe("");
    }
  }, 300_000);
});
