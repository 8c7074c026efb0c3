import { describe, expect, it } from "vitest";
import { killRestoresAnew, killRestoresOver } from "../support/backup-kills.js";
import { trialSeed } from "../support/kill-trials.js";

/** Of each way; the soak has many more. */
const trials = 5;

describe(`a restore, killed at ${2 * trials} random moments`, () => {
  it("over what is there leaves all as it was, or all as in the backup", async () => {
    const { seed, random } = trialSeed();
    const { problems, counts } = await killRestoresOver(trials, random);
    expect(problems, `TRIAL_SEED=${seed}: ${JSON.stringify(counts)}`).toEqual([]);
  }, 900_000);

  it("into an empty database is recognised, and completed by the next one", async () => {
    const { seed, random } = trialSeed();
    const { problems, counts } = await killRestoresAnew(trials, random);
    expect(problems, `TRIAL_SEED=${seed}: ${JSON.stringify(counts)}`).toEqual([]);
  }, 900_000);
});
