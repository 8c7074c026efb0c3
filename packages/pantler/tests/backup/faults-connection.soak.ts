import { describe, expect, it } from "vitest";
import { cutCreates, cutRestoresAnew, cutRestoresOver } from "../support/backup-cuts.js";
import { trialSeed } from "../support/kill-trials.js";

const trials = Number(process.env.TRIALS ?? 300);

describe("a connection that is cut at many random byte positions", () => {
  it.each([
    ["while a backup is made", cutCreates],
    ["while a database is restored over", cutRestoresOver],
    ["while an empty database is restored into", cutRestoresAnew],
  ])("%s", async (what, cut) => {
    const { seed, random } = trialSeed();
    const { problems, counts } = await cut(trials, random);
    process.stdout.write(`${what}: ${trials} cuts, seed ${seed}: ${JSON.stringify(counts)}\n`);
    expect(problems, `TRIAL_SEED=${seed}`).toEqual([]);
  });
});
