import { describe, expect, it } from "vitest";
import { killCreates, killPrunes } from "../support/backup-kills.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = 6;

describe(`killed at ${trials} random moments`, () => {
  it("the making of a backup lists it whole or not at all, and what is left is swept", async () => {
    const { seed, random } = trialSeed();
    const { problems, counts } = await killCreates(trials, random);
    expect(problems, `TRIAL_SEED=${seed}: ${JSON.stringify(counts)}`).toEqual([]);
  }, 900_000);

  it("a prune leaves every listed backup whole, and is completed by the next one", async () => {
    const { seed, random } = trialSeed();
    const { problems, counts } = await killPrunes(trials, random);
    expect(problems, `TRIAL_SEED=${seed}: ${JSON.stringify(counts)}`).toEqual([]);
  }, 900_000);
});
