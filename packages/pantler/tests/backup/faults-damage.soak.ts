import { describe, expect, it } from "vitest";
import { damageOnce, drillDamaged, withLarder } from "../support/backup-damage.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = Number(process.env.TRIALS ?? 5000);

describe("damage to an archive", () => {
  it(`is noticed ${trials} times, and by one drill for each hundred of them`, async () => {
    const { seed, random } = trialSeed();
    await withLarder(async (larder) => {
      const seen = new Set<string>();
      for (let trial = 0; trial < trials; trial += 1) {
        const { what, problem } =
          trial % 100 === 99 ? await drillDamaged(larder, trial, random) : await damageOnce(larder, random);
        expect(problem, `TRIAL_SEED=${seed}, trial ${trial}: ${what}`).toBe("");
        seen.add(what);
      }
      process.stdout.write(`${trials} times damaged, ${seen.size} ways, seed ${seed}\n`);
    });
  });
});
