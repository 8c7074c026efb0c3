import { describe, expect, it } from "vitest";
import { cutDeployments } from "../support/deploy-cuts.js";
import { planInOneTransaction } from "../support/deploy-standing.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = 6;

describe("a deployment whose connection is cut", () => {
  it(`says what is true of the environment, ${trials} times, in each of its parts`, async () => {
    const { seed, random } = trialSeed();
    const { counts, problems } = await cutDeployments(planInOneTransaction, trials, random);
    expect(problems, `TRIAL_SEED=${seed}`).toEqual([]);
    process.stdout.write(`${trials} cuts, seed ${seed}: ${JSON.stringify(counts)}\n`);
  }, 600_000);
});
