import { describe, expect, it } from "vitest";
import { killCreates, killPrunes, killRestoresAnew, killRestoresOver } from "../support/backup-kills.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = Number(process.env.TRIALS ?? 500);

describe("killed at many random moments", () => {
  it.each([
    ["the making of a backup lists it whole or not at all", killCreates],
    ["a prune leaves every listed backup whole", killPrunes],
    ["a restore over what is there leaves all as it was, or all as in the backup", killRestoresOver],
    ["a restore into an empty database is completed by the next one", killRestoresAnew],
  ])("%s", async (what, kill) => {
    const { seed, random } = trialSeed();
    const { problems, counts } = await kill(trials, random);
    process.stdout.write(`${what}: ${trials} kills, seed ${seed}: ${JSON.stringify(counts)}\n`);
    expect(problems, `TRIAL_SEED=${seed}`).toEqual([]);
  });
});
