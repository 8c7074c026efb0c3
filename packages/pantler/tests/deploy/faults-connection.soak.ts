import { describe, expect, it } from "vitest";
import { cutDeployments } from "../support/deploy-cuts.js";
import { planInOneTransaction, planInParts } from "../support/deploy-standing.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = Math.ceil(Number(process.env.TRIALS ?? 100) / 2);

describe("a deployment whose connection is cut at many random places", () => {
  it.each([
    ["in one transaction says what is true of the environment", planInOneTransaction],
    ["in several parts says what is true of the environment", planInParts],
  ])("%s", async (what, plan) => {
    const { seed, random } = trialSeed();
    const { counts, problems } = await cutDeployments(plan, trials, random);
    process.stdout.write(`${what}: ${trials} cuts, seed ${seed}: ${JSON.stringify(counts)}\n`);
    expect(problems, `TRIAL_SEED=${seed}`).toEqual([]);
  });
});
