import { expect, it } from "vitest";
import { trialSeed } from "../support/kill-trials.js";
import { killSyncs } from "../support/sync-kills.js";

const trials = Number(process.env.TRIALS ?? 50);

it(`a sync that is killed at ${trials} random moments leaves the target wholly old or wholly new`, async () => {
  const { seed, random } = trialSeed();
  const { problems, counts } = await killSyncs(trials, random);
  process.stdout.write(`${trials} kills, seed ${seed}: ${JSON.stringify(counts)}\n`);
  expect(problems, `TRIAL_SEED=${seed}`).toEqual([]);
});
