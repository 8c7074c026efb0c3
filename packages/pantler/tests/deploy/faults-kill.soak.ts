import { describe, expect, it } from "vitest";
import { killDeployments } from "../support/deploy-kills.js";
import { planInOneTransaction, planInParts } from "../support/deploy-standing.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = Number(process.env.TRIALS ?? 100);

describe("a deployment, killed at many random moments", () => {
  it.each([
    ["in one transaction leaves all as it was, or all deployed", planInOneTransaction],
    ["in several parts leaves whole parts, or what the next one undoes", planInParts],
  ])("%s", async (what, plan) => {
    const { seed, random } = trialSeed();
    const { hits, standings, problems } = await killDeployments(plan, Math.ceil(trials / 2), random);
    process.stdout.write(
      `${what}: ${Math.ceil(trials / 2)} kills, seed ${seed}: ${JSON.stringify(hits)}, left ${JSON.stringify(standings)}\n`,
    );
    expect(problems, `TRIAL_SEED=${seed}`).toEqual([]);
  });
});
