import { setTimeout as sleep } from "node:timers/promises";
import { listMigrations, migrateUp } from "../../src/index.js";
import { pantler } from "./cli.js";
import { query } from "./inspect.js";
import { withProject } from "./project.js";

const migrations = Object.fromEntries(
  Array.from({ length: 8 }, (_, index) => {
    const number = index + 1;
    const statements = [
      `create table t${number} (id int primary key, body text)`,
      `insert into t${number} select n, md5(n::text) from generate_series(1, 500) as n`,
      `create index t${number}_body_idx on t${number} (body)`,
      "select pg_sleep(0.01)",
    ];
    return [`${number}_t.sql`, `${statements.join(";\n")};\n`];
  }),
);

/** When a run was killed and what was found then; `problem` is empty when everything agreed. */
export interface KillTrial {
  readonly afterMilliseconds: number;
  readonly finishedBefore: boolean;
  readonly applied: number;
  readonly problem: string;
}

/**
 * Kills `pantler migration up` with SIGKILL at a random moment, then compares ledger and schema, and lets a
 * second run finish the work.
 * @param random gives a number from 0 to 1
 */
export async function killOnce(random: () => number, oneByOne: boolean): Promise<KillTrial> {
  let trial: KillTrial | undefined;
  await withProject(migrations, async (project) => {
    const afterMilliseconds = Math.round(random() * 700);
    const words = ["migration", "up", ...(oneByOne ? ["--one-by-one"] : [])];
    const { code } = await pantler(words, {
      cwd: project.root,
      onStart: (child) => {
        void sleep(afterMilliseconds).then(() => child.kill("SIGKILL"));
      },
    });
    // The list tells how things stand once the server has noticed; until then the dead run's work is not visible.
    const before = await listMigrations(project.target);
    const applied = before.migrations
      .filter(({ state }) => state === "applied")
      .map(({ version }) => version);
    const problems: string[] = [];
    const others = before.migrations.filter(({ state }) => state !== "applied" && state !== "pending");
    if (others.length > 0) problems.push(`the list shows ${JSON.stringify(others)}`);
    if (!oneByOne && applied.length !== 0 && applied.length !== 8)
      problems.push(`${applied.length} of 8 are applied`);
    const tables = await query(
      project.url,
      "select substr(tablename, 2) as version from pg_tables where schemaname = 'public' order by 1",
    );
    const made = tables.map(({ version }) => String(version));
    const known = (await listMigrations(project.target)).migrations
      .filter(({ state }) => state === "applied")
      .map(({ version }) => version);
    // A commit may land between two looks; what was there before must be there still, and both must agree now.
    if (made.join() !== known.join() && made.join() !== applied.join()) {
      problems.push(`the ledger says ${known.join()}, the schema ${made.join()}`);
    }
    try {
      await migrateUp(project.target, {}, project.operation);
      const after = await listMigrations(project.target);
      if (after.migrations.some(({ state }) => state !== "applied"))
        problems.push("the second run did not finish");
    } catch (error) {
      problems.push(`the second run failed: ${error instanceof Error ? error.message : String(error)}`);
    }
    trial = {
      afterMilliseconds,
      finishedBefore: code === 0,
      applied: applied.length,
      problem: problems.join("; "),
    };
  });
  if (!trial) throw new Error("the trial did not take place");
  return trial;
}

/** Random numbers from 0 to 1 for trials, and the seed that gives the same ones again: set TRIAL_SEED to it. */
export function trialSeed(): { readonly seed: number; readonly random: () => number } {
  const seed = Number(process.env.TRIAL_SEED ?? Date.now() % 1_000_000);
  return { seed, random: seededRandom(seed) };
}

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
