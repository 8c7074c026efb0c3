import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runAs } from "../packages/pantler/src/engine/processes.js";
import { findServerUser } from "../packages/pantler/src/engine/server-user.js";
import {
  alternate,
  bench,
  type Contender,
  median,
  printBudget,
  printMedians,
  printRatio,
  readCounts,
  timed,
} from "./measure.js";
import { findPostgresProgram, pantler, runProgram } from "./programs.js";
import { freePort, withFolder } from "./project-server.js";

/** A server of the system's own PostgreSQL, started the way its manual says. */
interface SystemServer {
  readonly init: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const cold = "pantler start, cold: empty cache";
const first = "pantler start, first of a project";
const warm = "pantler start, server stopped";
const joining = "pantler start, server running";
const systemCold = "initdb and pg_ctl start";
const systemWarm = "pg_ctl start, server stopped";
const bringUp = "pantler start, kitchenpantry: migrations, checks, seeds";
const version = "pantler --version";
const bareNode = "node, nothing to do";
const status = "pantler status, kitchenpantry";
const list = "pantler migration list, kitchenpantry";

const kitchenpantry = fileURLToPath(new URL("../projects/kitchenpantry", import.meta.url));

const { runs } = readCounts({ runs: 5 });

await bench(() => withFolder(compare));

async function compare(folder: string): Promise<void> {
  const system = await findSystemServer(folder);
  if (system === undefined) console.log("initdb and pg_ctl are not on PATH: not measured");
  const project = makeProject(folder);
  const kitchen = makeKitchenpantry(folder);
  try {
    await start(project);
    await start(kitchen);
    console.log("\nwhole processes; a project without migrations where none is named\n");
    const measured = await alternate(
      [
        ...engineContenders(folder, project),
        ...(system ? systemContenders(system) : []),
        ...commandContenders(folder, kitchen),
      ],
      runs,
    );
    printMedians(measured);
    printRatio(measured, cold, systemCold);
    printRatio(measured, first, systemCold);
    printRatio(measured, warm, systemWarm);
    printRatio(measured, version, bareNode);
    for (const [name, budget] of [
      [version, 150],
      [status, 300],
      [list, 300],
    ] as const)
      printBudget(name, median(measured.get(name) ?? []), budget);
  } finally {
    await stop(project);
    await stop(kitchen);
  }
}

function engineContenders(folder: string, project: string): Contender[] {
  return [
    {
      name: cold,
      run: async () => {
        const cache = emptyFolder(folder);
        const milliseconds = await firstStart(folder, { PANTLER_CACHE: cache });
        if (!readdirSync(cache).some((name) => name.startsWith("server-")))
          throw new Error("the start took its server files from elsewhere than PANTLER_CACHE");
        return milliseconds;
      },
    },
    { name: first, run: () => firstStart(folder, {}) },
    {
      name: warm,
      run: async () => {
        await stop(project);
        return await timed(() => start(project));
      },
    },
    { name: joining, run: () => timed(() => start(project)) },
  ];
}

function systemContenders(system: SystemServer): Contender[] {
  return [
    {
      name: systemCold,
      run: async () => {
        const milliseconds = await timed(async () => {
          await system.init();
          await system.start();
        });
        await system.stop();
        return milliseconds;
      },
    },
    {
      name: systemWarm,
      run: async () => {
        const milliseconds = await timed(system.start);
        await system.stop();
        return milliseconds;
      },
    },
  ];
}

function commandContenders(folder: string, kitchen: string): Contender[] {
  return [
    {
      name: bringUp,
      run: async () => {
        const project = makeKitchenpantry(folder);
        const milliseconds = await timed(() => start(project));
        await stop(project);
        return milliseconds;
      },
    },
    { name: bareNode, run: () => timed(() => runProgram(process.execPath, ["--eval", ""])) },
    { name: version, run: () => timed(() => pantler(["--version"])) },
    { name: status, run: () => timed(() => pantler(["status", "--project", kitchen])) },
    { name: list, run: () => timed(() => pantler(["migration", "list", "--project", kitchen])) },
  ];
}

/** Starts a project that has no data yet. It stays until the end: removed files slow down the making of new ones. */
async function firstStart(folder: string, variables: Readonly<Record<string, string>>): Promise<number> {
  const project = makeProject(folder);
  const milliseconds = await timed(() => start(project, variables));
  await stop(project, variables);
  return milliseconds;
}

async function start(project: string, variables: Readonly<Record<string, string>> = {}): Promise<void> {
  await pantler(["start", "--project", project], variables);
}

async function stop(project: string, variables: Readonly<Record<string, string>> = {}): Promise<void> {
  await pantler(["stop", "--project", project], variables);
}

function makeProject(folder: string): string {
  const project = emptyFolder(folder);
  mkdirSync(join(project, "supabase"));
  writeFileSync(join(project, "supabase", "config.toml"), 'project_id = "bench"\n');
  return project;
}

/** A copy, so that the database of the checkout is left alone. */
function makeKitchenpantry(folder: string): string {
  const project = emptyFolder(folder);
  for (const part of ["db", "pantler.config.ts", "package.json"])
    cpSync(join(kitchenpantry, part), join(project, part), { recursive: true });
  return project;
}

/** A new folder that an account the server runs as may enter. */
function emptyFolder(folder: string): string {
  const made = mkdtempSync(join(folder, "start-"));
  chmodSync(made, 0o755);
  return made;
}

async function findSystemServer(folder: string): Promise<SystemServer | undefined> {
  const [initdb, control] = [await findPostgresProgram("initdb"), await findPostgresProgram("pg_ctl")];
  if (initdb === undefined || control === undefined) return undefined;
  console.log(`initdb: ${(await runProgram(initdb, ["--version"])).stdout.trim()}`);
  const user = findServerUser();
  const home = emptyFolder(folder);
  if (user) chownSync(home, user.uid, user.gid);
  let data = "";
  const options = `-p ${await freePort()} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''`;
  const run = async (program: string, ...words: readonly string[]) => {
    const { code, output } = await runAs(user, program, words, home);
    if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output}`);
  };
  return {
    init: async () => {
      data = join(home, `data-${randomBytes(4).toString("hex")}`);
      await run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions");
    },
    start: () => run(control, "start", "-w", "-s", "-D", data, "-l", join(home, "log"), "-o", options),
    stop: () => run(control, "stop", "-w", "-s", "-D", data, "-m", "fast"),
  };
}
