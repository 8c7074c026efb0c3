import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { base, busiest, fill, pending, verify } from "./deploy-project.js";
import {
  alternate,
  bench,
  type Contender,
  format,
  type Measured,
  median,
  printMedians,
  printRatio,
  printTable,
  readCounts,
  timed,
} from "./measure.js";
import { jsonResult, pantler } from "./programs.js";
import { makeFreshDatabase, type RunningProject, withFolder, withProject } from "./project-server.js";
import { installSupabaseCli, supabaseVersion } from "./supabase-cli.js";
import { printWaitRatios, printWaits, type Traffic, withTraffic } from "./traffic.js";

/** A way to apply the pending migrations to a database. */
interface Way {
  readonly name: string;
  readonly apply: (database: DatabaseUrl) => Promise<unknown>;
}

interface Stage {
  readonly name: string;
  readonly milliseconds: number;
}

/** The ways by name; the Supabase CLI is missing where it cannot be installed. */
interface Ways {
  readonly deploy: Way;
  readonly oneByOne: Way;
  readonly push: Way | undefined;
}

const usualSizes = [100_000, 1_000_000];

// No rows stand for both usual sizes: whoever names a number cannot name this one.
const { runs, rows } = readCounts({ runs: 3, rows: 0 });

await bench(() =>
  withProject("", (project) =>
    withFolder(async (folder) => {
      const ways = await findWays(project, folder);
      project.write("pantler.config.json", '{ "environments": { "production": {} } }\n');
      project.write(base.path, base.content);
      const filled = await fillDatabases(project, rows === 0 ? usualSizes : [rows]);
      for (const { path, content } of pending) project.write(path, content);
      for (const { size, database } of filled) await compare(project, ways, size, database);
    }),
  ),
);

/** Makes a database of each size, to be copied, while only what is applied before is in the project. */
async function fillDatabases(
  { root, url }: RunningProject,
  sizes: readonly number[],
): Promise<{ readonly size: number; readonly database: DatabaseUrl }[]> {
  const filled = [];
  for (const size of sizes) {
    const database = await makeFreshDatabase(url);
    await pantler(["migration", "up", "--project", root], { PANTLER_ENGINE_URL: database.withPassword() });
    await fill(database, size);
    filled.push({ size, database });
  }
  return filled;
}

async function compare(
  { url }: RunningProject,
  { deploy, oneByOne, push }: Ways,
  size: number,
  filled: DatabaseUrl,
): Promise<void> {
  const title = `${size.toLocaleString("en")} rows in 3 tables, 4 pending migrations`;
  const copy = () => makeFreshDatabase(url, filled);

  console.log(`\n${title}; whole processes, one server with fsync on\n`);
  const stages: (readonly Stage[])[] = [];
  const timedWays = [deploy, ...(push ? [push] : [])];
  const measured = await alternate(
    timedWays.map((way) =>
      contenderOf(way, copy, async (database) => {
        const result = await way.apply(database);
        if (way === deploy) stages.push(stagesOf(result));
      }),
    ),
    runs,
  );
  printMedians(measured);
  printStages(stages);
  printAdded(measured, deploy, push);

  console.log(`\n${title}; while ${busiest.name} is read and written\n`);
  const traffic = new Map<string, Traffic[]>();
  const watchedWays = [deploy, oneByOne, ...(push ? [push] : [])];
  await alternate(
    watchedWays.map((way) =>
      contenderOf(way, copy, async (database) => {
        const waited = await withTraffic(database, busiest.name, busiest.ordersOf(size), () =>
          way.apply(database),
        );
        traffic.set(way.name, [...(traffic.get(way.name) ?? []), waited]);
      }),
    ),
    runs,
  );
  printWaits(traffic);
  for (const { name } of [oneByOne, ...(push ? [push] : [])]) printWaitRatios(traffic, deploy.name, name);
}

async function findWays({ root }: RunningProject, folder: string): Promise<Ways> {
  return {
    deploy: {
      name: "pantler deploy",
      apply: (database) =>
        pantler(
          [
            ...["deploy", "production", "--project", root, "--json"],
            ...["--confirm", "APPLY MIGRATIONS production"],
          ],
          { PRODUCTION_DATABASE_URL: database.withPassword() },
        ).then(jsonResult),
    },
    oneByOne: {
      name: "pantler migration up --one-by-one",
      apply: (database) =>
        pantler(["migration", "up", "--one-by-one", "--project", root], {
          PANTLER_ENGINE_URL: database.withPassword(),
        }),
    },
    push: await findPush(root, folder),
  };
}

async function findPush(root: string, folder: string): Promise<Way | undefined> {
  try {
    const cli = await installSupabaseCli(folder);
    return {
      name: `supabase ${supabaseVersion} db push`,
      apply: (database) => cli.run(root, "db", "push", "--yes", `--remote=${database.withPassword()}`),
    };
  } catch (error) {
    console.log(`The Supabase CLI cannot be installed: not measured (${String(error)})`);
    return undefined;
  }
}

function contenderOf(
  { name }: Way,
  copy: () => Promise<DatabaseUrl>,
  run: (database: DatabaseUrl) => Promise<unknown>,
): Contender {
  return {
    name,
    run: async () => {
      const database = await copy();
      const milliseconds = await timed(() => run(database));
      await verify(database, name);
      return milliseconds;
    },
  };
}

function stagesOf(result: unknown): readonly Stage[] {
  const { stages } = result as { readonly stages?: readonly Stage[] };
  if (!stages) throw new Error("pantler deploy --json did not say how long its stages took");
  return stages;
}

function printStages(deployments: readonly (readonly Stage[])[]): void {
  const names = deployments[0]?.map(({ name }) => name) ?? [];
  const taken = (wanted: string) =>
    deployments
      .flatMap((stages) => stages.filter(({ name }) => name === wanted))
      .map((stage) => stage.milliseconds);
  printTable(
    ["stages of pantler deploy", "median", "runs"],
    names.map((name) => [name, format(median(taken(name))), taken(name).map(format).join("  ")]),
  );
}

function printAdded(measured: Measured, deploy: Way, push: Way | undefined): void {
  const [own, peer] = [measured.get(deploy.name), push && measured.get(push.name)];
  if (!own || !peer || !push) return;
  printRatio(measured, deploy.name, push.name);
  console.log(`${deploy.name} takes ${format(median(own) - median(peer))} more than ${push.name}`);
}
