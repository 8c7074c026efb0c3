import { describe, expect, it } from "vitest";
import { killDeployments } from "../support/deploy-kills.js";
import { planInOneTransaction } from "../support/deploy-standing.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = 3;

describe("a deployment in one transaction, killed", () => {
  it(`leaves the environment as it was or deployed, ${trials} times, and the next one settles it`, async () => {
    const { seed, random } = trialSeed();
    const { hits, standings, problems } = await killDeployments(planInOneTransaction, trials, random);
    expect(problems, `TRIAL_SEED=${seed}`).toEqual([]);
    process.stdout.write(
      `${trials} kills, seed ${seed}: ${JSON.stringify(hits)}, left ${JSON.stringify(standings)}\n`,
    );
  }, 600_000);
});
