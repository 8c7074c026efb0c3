import { describe, expect, it } from "vitest";
import { drillBackup } from "../../src/index.js";
import { damageOnce, drillDamaged, withLarder } from "../support/backup-damage.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = 80;
const drills = 3;

describe("damage to an archive", () => {
  it(`is noticed ${trials} times of ${trials}, whatever file it hits and however, and ${drills} times by a drill`, async () => {
    const { seed, random } = trialSeed();
    await withLarder(async (larder) => {
      for (let trial = 0; trial < trials; trial += 1) {
        const { what, problem } = await damageOnce(larder, random);
        expect(problem, `TRIAL_SEED=${seed}, trial ${trial}: ${what}`).toBe("");
      }
      for (let trial = 0; trial < drills; trial += 1) {
        const { what, problem } = await drillDamaged(larder, trial, random);
        expect(problem, `TRIAL_SEED=${seed}, drill ${trial}: ${what}`).toBe("");
      }
      for (const backup of [larder.hiddenChild, larder.sealed]) {
        const drill = await drillBackup(backup, larder.keys, larder.project.operation);
        expect(drill).toMatchObject({ proven: true, differences: [] });
      }
    });
  }, 120_000);
});
