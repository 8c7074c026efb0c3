import { describe, expect, it } from "vitest";
import { killDeployments } from "../support/deploy-kills.js";
import { planInParts } from "../support/deploy-standing.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = 3;

describe("a deployment in several parts, killed", () => {
  it(`leaves the environment as whole parts of it do, ${trials} times, and the next one settles it`, async () => {
    const { seed, random } = trialSeed();
    const { hits, standings, problems } = await killDeployments(planInParts, trials, random);
    expect(problems, `TRIAL_SEED=${seed}`).toEqual([]);
    process.stdout.write(
      `${trials} kills, seed ${seed}: ${JSON.stringify(hits)}, left ${JSON.stringify(standings)}\n`,
    );
  }, 600_000);
});
