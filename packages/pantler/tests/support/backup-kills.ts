import { cpSync, existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { renderManifest } from "../../src/backup/archive/manifest.js";
import {
  type Backup,
  isUsable,
  listBackups,
  openStore,
  pruneBackups,
  verifyBackup,
} from "../../src/index.js";
import { backUp, restore } from "./backups.js";
import { type Job, Killer, type Outcome, runApart, startWorker } from "./backups-apart.js";
import { withDatabaseUrl } from "./database.js";
import { failure } from "./failure.js";
import { query } from "./inspect.js";
import { changeGoods, changePantry, contentOf, fillPantry, untilAlone } from "./pantry.js";
import { type TestProject, withProject } from "./project.js";

/** What many kills came to: how often each outcome was met, and what should not have been. */
export interface KillSummary {
  readonly counts: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** Collects what trials come to. */
class Tally {
  readonly counts: Record<string, number> = {};
  readonly problems: string[] = [];

  count(outcome: string): void {
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
  }

  problem(trial: number, after: number, what: string): void {
    this.problems.push(`trial ${trial}, killed after ${after.toFixed(1)} ms: ${what}`);
  }
}

/** Kills a job again and again, each time at another moment of the time that it takes. */
async function killMany(
  trials: number,
  random: () => number,
  longest: number,
  look: (
    trial: number,
    kill: (job: Job) => Promise<Outcome>,
    tell: (what: string) => void,
  ) => Promise<string>,
): Promise<KillSummary> {
  const tally = new Tally();
  const killer = new Killer();
  try {
    for (let trial = 0; trial < trials; trial += 1) {
      const after = random() * longest;
      const kill = async (job: Job) => {
        const outcome = await killer.kill(job, after);
        if (outcome.stderr !== "") tally.problem(trial, after, outcome.stderr);
        if (outcome.code !== undefined) tally.problem(trial, after, `it failed: ${outcome.message}`);
        return outcome;
      };
      tally.count(await look(trial, kill, (what) => tally.problem(trial, after, what)));
    }
  } finally {
    killer.end();
  }
  return tally;
}

const hasEnded = ({ milliseconds }: Outcome) => milliseconds !== undefined;

/** Kills the making of backups, full ones and incremental ones in turn: what is listed can be restored. */
export async function killCreates(trials: number, random: () => number): Promise<KillSummary> {
  let summary: KillSummary | undefined;
  await withProject({}, async (project) => {
    await fillPantry(project.url);
    // The first one of a machine may take longer than others.
    await runApart({ root: project.root, action: "create" });
    const { milliseconds = 0 } = await runApart({ root: project.root, action: "create" });
    const store = await openStore(project.target.environment.backups.store);
    const known = new Set((await listBackups(store)).map(({ id }) => id));
    summary = await killMany(trials, random, milliseconds, async (trial, kill, tell) => {
      if (trial % 4 === 3) await changeGoods(project.url);
      const content = await contentOf(project.url);
      const incremental = trial % 2 === 1;
      const outcome = await kill({ root: project.root, action: "create", create: { incremental } });
      const fresh = (await listBackups(store)).filter(({ id }) => !known.has(id));
      for (const backup of fresh) {
        known.add(backup.id);
        if (isUsable(backup)) await requireGood(project, backup, content, tell);
        else tell(`${backup.id} is listed: ${backup.problem.message}`);
      }
      if (hasEnded(outcome) && fresh.length !== 1) tell(`it ended, and ${fresh.length} are listed`);
      return fresh.length > 0 ? "listed" : "not listed";
    });
    await requireSwept(project, summary.problems as string[]);
  });
  return summary ?? { counts: {}, problems: ["no trial took place"] };
}

async function requireGood(
  project: TestProject,
  backup: Backup,
  content: string,
  tell: (what: string) => void,
): Promise<void> {
  const { problems } = await verifyBackup(backup, project.operation);
  for (const problem of problems) tell(problem);
  await withDatabaseUrl(async (url) => {
    await restore(project, backup, {}, url);
    if ((await contentOf(url)) !== content) tell(`${backup.id} is listed and holds something else`);
  });
}

/** After a day what was left behind is swept by the next prune, and what that had claimed by the one after it. */
async function requireSwept({ target, operation }: TestProject, problems: string[]): Promise<void> {
  const store = await openStore(target.environment.backups.store);
  const folder = store.folder ?? "";
  const before = new Date(Date.now() - 2 * day);
  const of = { project: target.project.name, environment: target.environment.name };
  for (let time = 0; time < 2; time += 1) {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    for (const entry of entries.reverse()) utimesSync(join(entry.parentPath, entry.name), before, before);
    await pruneBackups(store, of, { daily: 1, weekly: 1, monthly: 1 }, operation);
  }
  const wanted = new Set([".gitignore"]);
  for (const { id, manifest, ...backup } of (await listBackups(store)).filter(isUsable)) {
    wanted.add(`${id}/manifest.json`);
    const files = [...manifest.files, ...manifest.tables.flatMap((table) => table.files)];
    for (const file of files) wanted.add(`${file.backup ?? id}/${file.name}`);
    problems.push(...(await verifyBackup({ id, manifest, ...backup }, operation)).problems);
  }
  for (const path of filesBelow(folder)) {
    if (!wanted.has(relative(folder, path))) problems.push(`${path} was not swept`);
  }
}

/** Kills restores into a database that holds something: it holds what it held, or what the backup does. */
export async function killRestoresOver(trials: number, random: () => number): Promise<KillSummary> {
  let summary: KillSummary | undefined;
  await withProject({}, async (project) => {
    const { root, url } = project;
    await fillPantry(url);
    const restored = await contentOf(url);
    const { id } = await backUp(project);
    await changePantry(url);
    const changed = await contentOf(url);
    const { milliseconds = 0 } = await runApart({ root, action: "restore", id });
    let now = restored;
    summary = await killMany(trials, random, milliseconds * 1.2, async (_, kill, tell) => {
      if (now === restored) await changePantry(url);
      const outcome = await kill({ root, action: "restore", id });
      await untilAlone(url);
      now = await contentOf(url);
      if (now !== restored && now !== changed) tell(`it is something in between:\n${now}`);
      if (hasEnded(outcome) && now !== restored) tell("it ended, and nothing is restored");
      return now === restored ? "restored" : "as before";
    });
  });
  return summary ?? { counts: {}, problems: ["no trial took place"] };
}

const halfRestored = "select to_regclass('pantler.restore_in_progress') is not null as half";

/** So many restores into one database are killed before one may end. */
const killsInARow = 4;

/** Kills restores into an empty database, and those that start over: the next one recognises what is there. */
export async function killRestoresAnew(trials: number, random: () => number): Promise<KillSummary> {
  const tally = new Tally();
  await withProject({}, async (project) => {
    await fillPantry(project.url);
    const restored = await contentOf(project.url);
    const backup = await backUp(project);
    const longest = await timeRestores(project, backup);
    const killer = new Killer();
    for (let trial = 0; trial < trials; ) {
      await withDatabaseUrl(async (url) => {
        const empty = await contentOf(url);
        let state = "empty";
        for (const end = trial + killsInARow; trial < Math.min(end, trials); trial += 1) {
          // A first one looks at the database for a long time before it changes anything.
          const after = state === "half" ? random() * longest.again : (0.5 + random() / 2) * longest.first;
          await killer.kill({ root: project.root, action: "restore", id: backup.id, url }, after);
          // Every other time the next one comes while the sessions of the killed one may still be at it.
          if (trial % 2 === 0) continue;
          await untilAlone(url);
          const [row] = await query(url, halfRestored);
          const now = await contentOf(url);
          state = row?.half ? "half" : now === restored ? "restored" : now === empty ? "empty" : "neither";
          if (state === "neither")
            tally.problem(trial, after, `nothing says that it is half restored:\n${now}`);
          tally.count(state);
        }
        if (state === "half") {
          const { code } = await failure(backUp(project, {}, url));
          if (code !== "restore-unfinished") tally.problem(trial, 0, `a backup of it ended with ${code}`);
        }
        await restore(project, backup, {}, url);
        if ((await contentOf(url)) !== restored)
          tally.problem(trial, 0, "the next restore did not complete it");
      });
    }
    killer.end();
  });
  return tally;
}

/** How long a restore into an empty database takes, and one that starts over, in milliseconds. */
async function timeRestores(
  { root }: TestProject,
  { id }: Backup,
): Promise<{ first: number; again: number }> {
  let [first, again] = [0, 0];
  await withDatabaseUrl(async (url) => {
    const job: Job = { root, action: "restore", id, url };
    ({ milliseconds: first = 0 } = await runApart(job));
  });
  // How long the first one took says little on a busy machine: one that ends before it is killed was killed too late.
  for (let share = 0.9; again === 0; share = share < 0.2 ? 0.9 : share * 0.85) {
    await withDatabaseUrl(async (url) => {
      const job: Job = { root, action: "restore", id, url };
      await startWorker().run(job, first * share);
      await untilAlone(url);
      if ((await query(url, halfRestored))[0]?.half) ({ milliseconds: again = 0 } = await runApart(job));
    });
  }
  return { first, again };
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.sort();
}

const day = 24 * 60 * 60 * 1000;

/** Kills prunes of a store with families of backups: what is listed then is whole, and the next prune ends the work. */
export async function killPrunes(trials: number, random: () => number): Promise<KillSummary> {
  let summary: KillSummary | undefined;
  await withProject({}, async (project) => {
    const contents = await fillStore(project);
    const folder = join(project.root, "backups");
    const spare = join(project.root, "spare");
    cpSync(folder, spare, { recursive: true, preserveTimestamps: true });
    const refill = () => {
      rmSync(folder, { recursive: true });
      cpSync(spare, folder, { recursive: true, preserveTimestamps: true });
    };
    const retention = { daily: 2, weekly: 2, monthly: 0 };
    const job: Job = { root: project.root, action: "prune", retention };
    const { milliseconds = 0, removed = [] } = await runApart(job);
    const left = filesBelow(folder);
    const store = await openStore(project.target.environment.backups.store);
    summary = await killMany(trials, random, milliseconds * 1.2, async (trial, kill, tell) => {
      refill();
      await kill(job);
      const listed = await listBackups(store);
      const gone = removed.filter((id) => !listed.some((each) => each.id === id)).length;
      if (listed.length !== contents.size - gone) tell(`${listed.length} are listed`);
      for (const backup of listed) {
        if (!isUsable(backup)) tell(`${backup.id} is listed: ${backup.problem.message}`);
        else for (const problem of (await verifyBackup(backup, project.operation)).problems) tell(problem);
      }
      const chosen = listed.filter(isUsable)[Math.floor(random() * listed.length)];
      if (chosen && trial % 5 === 0) await requireGood(project, chosen, contents.get(chosen.id) ?? "", tell);
      const of = { project: project.target.project.name, environment: "local" };
      await pruneBackups(store, of, retention, project.operation);
      const others = filesBelow(folder).filter((path) => !left.includes(path));
      if (others.length > 0) tell(`the next prune left ${others.join(", ")}`);
      return gone === 0 ? "nothing done" : gone === removed.length ? "all unlisted" : "some unlisted";
    });
  });
  return summary ?? { counts: {}, problems: ["no trial took place"] };
}

/**
 * Fills a store with backups of 16 days, every fourth one a full one, the others each with the last one as its parent.
 * @returns what each holds
 */
async function fillStore(project: TestProject): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  await fillPantry(project.url);
  for (let number = 0; number < 8; number += 1) {
    await changeGoods(project.url);
    const { id } = await backUp(project, { incremental: number % 4 !== 0 });
    contents.set(id, await contentOf(project.url));
    ageBackup(project, id, (8 - number) * 2 * day);
  }
  return contents;
}

/** Makes a backup older than it is: its manifest and its files. */
export function ageBackup({ root }: TestProject, id: string, by: number): void {
  const folder = join(root, "backups", id);
  const file = join(folder, "manifest.json");
  const { sha256: _, format: __, ...manifest } = JSON.parse(readFileSync(file, "utf8"));
  const createdAt = new Date(Date.parse(manifest.createdAt) - by);
  writeFileSync(file, renderManifest({ ...manifest, createdAt: createdAt.toISOString() }));
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const path = join(folder, name);
    if (existsSync(path)) utimesSync(path, createdAt, createdAt);
  }
}
