import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, link, mkdir, rename, unlink, writeFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { EnvironmentError, messageOf, RefusedError } from "../operation/index.js";
import { withClient } from "../postgres/index.js";
import { type DatabaseUrl, environmentOf, makeStateFolder, type Project } from "../project/index.js";
import {
  type Cluster,
  localUrl,
  type RunningCluster,
  runningCluster,
  startCluster,
  stopCluster,
  superuser,
} from "./cluster.js";
import { canReach, makeCacheFolder, removeTree } from "./files.js";
import { sweepScratch } from "./scratch.js";
import type { Installation } from "./server-files.js";
import { copyTemplate, ensureInstallation } from "./template.js";

/** The local database of a project, running. */
export interface LocalServer {
  /** Whether the server is ours; otherwise `engine.url` names it and it is neither started nor stopped. */
  readonly embedded: boolean;
  /** The database as the role that migrations run as. */
  readonly url: DatabaseUrl;
  /** Whether this start made the database. */
  readonly created: boolean;
  readonly pid: number | undefined;
  readonly socketFolder: string | undefined;
  readonly dataFolder: string | undefined;
  readonly logFile: string | undefined;
}

/** How many ports above the wanted one are tried before any free one is taken. */
const neighbouringPorts = 20;

/** What a checkout remembers about its server. */
interface EngineState {
  readonly dataFolder: string;
  readonly port?: number;
}

/**
 * Starts the project's local server, or joins it if it runs. The first start copies the template.
 * @throws EnvironmentError `data-other-major`, `data-damaged`, and what preparing and starting a server throw
 */
export async function startServer(project: Project): Promise<LocalServer> {
  const given = environmentOf(project, "local").url;
  if (given) return foreignServer(given);
  const running = findServer(project);
  if (running) return running;
  const installation = await ensureInstallation();
  await sweepScratch(installation);
  const state = await prepareState(project, installation);
  const created = !existsSync(state.dataFolder) && (await copyTemplate(installation, state.dataFolder));
  const cluster = clusterOf(installation, state.dataFolder);
  refuseOtherMajor(state.dataFolder, installation.major);
  const neighbours = Array.from({ length: neighbouringPorts }, (_, index) => project.port + 1 + index);
  const ports = [...(state.port === undefined ? [] : [state.port]), project.port, ...neighbours, 0];
  const server = await startCluster(
    cluster,
    ports.filter((port) => port <= 65535),
  );
  await rememberState(project, { ...state, port: server.port });
  if (!project.exposesNewTables) await withdrawDefaultGrants(localUrl(server, superuser));
  return describe(cluster.dataFolder, server, created);
}

/**
 * Stops the project's local server.
 * @returns whether one was running
 * @throws RefusedError `server-not-ours` when `engine.url` names the server
 */
export async function stopServer(project: Project): Promise<boolean> {
  const given = environmentOf(project, "local").url;
  if (given) {
    throw new RefusedError({
      code: "server-not-ours",
      message: `The local database is ${given}, a server that Pantler did not start.`,
      state: "It is running as before.",
      remedy: "Stop it with the tool that started it.",
    });
  }
  const state = readState(project);
  if (!state || !existsSync(state.dataFolder)) return false;
  return await stopCluster(clusterOf(await ensureInstallation(), state.dataFolder), "fast");
}

/** The project's local server if it runs; starts nothing. */
export function findServer(project: Project): LocalServer | undefined {
  const given = environmentOf(project, "local").url;
  if (given) return foreignServer(given);
  const state = readState(project);
  const server = state && runningCluster(state.dataFolder);
  return server && describe(state.dataFolder, server, false);
}

function foreignServer(url: DatabaseUrl): LocalServer {
  return {
    embedded: false,
    url,
    created: false,
    pid: undefined,
    socketFolder: undefined,
    dataFolder: undefined,
    logFile: undefined,
  };
}

function describe(dataFolder: string, server: RunningCluster, created: boolean): LocalServer {
  return {
    embedded: true,
    url: localUrl(server, "postgres"),
    created,
    pid: server.pid,
    socketFolder: server.socketFolder,
    dataFolder,
    logFile: logFileOf(dataFolder),
  };
}

function clusterOf(installation: Installation, dataFolder: string): Cluster {
  return { installation, dataFolder, logFile: logFileOf(dataFolder), settings: {}, socket: true };
}

function logFileOf(dataFolder: string): string {
  return `${dataFolder}.log`;
}

function stateFile(project: Project): string {
  return join(project.stateFolder, "engine.json");
}

function readState(project: Project): EngineState | undefined {
  const file = stateFile(project);
  if (!existsSync(file)) return undefined;
  try {
    const { dataFolder, port } = Object(JSON.parse(readFileSync(file, "utf8"))) as Record<string, unknown>;
    if (typeof dataFolder !== "string") throw new Error("it names no data folder");
    const known = { dataFolder: resolve(project.stateFolder, dataFolder) };
    return isPort(port) ? { ...known, port } : known;
  } catch (error) {
    throw new EnvironmentError({
      code: "engine-state-unreadable",
      message: `${file} cannot be read: ${messageOf(error)}.`,
      state: "Nothing was done.",
      remedy: "Remove the file; with the data beside it the local database is found again.",
      cause: error,
    });
  }
}

/**
 * Decides where the data lives: in the checkout, unless the account the server runs as cannot get there (a
 * checkout under root's own home); then below the cache folder under a name that only this checkout knows.
 */
async function prepareState(project: Project, installation: Installation): Promise<EngineState> {
  const known = readState(project);
  if (known) return known;
  const folder = join(makeStateFolder(project), "postgres");
  if (canReach(project.stateFolder, installation.user)) {
    await mkdir(folder, { recursive: true });
    // The server's account has to pass, whatever the umask.
    if (installation.user) await chmod(folder, 0o755);
    return { dataFolder: join(folder, "data") };
  }
  const elsewhere = await makeCacheFolder(installation.user, "projects", randomBytes(8).toString("hex"));
  const state = { dataFolder: join(elsewhere, "data") };
  await rememberState(project, state, "once");
  const believed = readState(project) ?? state;
  if (believed.dataFolder !== state.dataFolder) await removeTree(elsewhere);
  return believed;
}

/**
 * @param when `once` leaves what is there already alone: of two first starts at once the first one is believed by
 * both
 */
async function rememberState(project: Project, state: EngineState, when?: "once"): Promise<void> {
  const file = stateFile(project);
  const draft = `${file}.${process.pid}-${randomBytes(4).toString("hex")}`;
  const inside = relative(project.stateFolder, state.dataFolder);
  // Relative where it can be, so that a copy of the checkout has a server of its own.
  const dataFolder = isAbsolute(inside) || inside.startsWith("..") ? state.dataFolder : inside;
  makeStateFolder(project);
  await writeFile(draft, `${JSON.stringify({ ...state, dataFolder }, null, 2)}\n`);
  if (when === "once") {
    await link(draft, file).catch(() => {});
    await unlink(draft);
  } else await rename(draft, file);
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535;
}

function refuseOtherMajor(dataFolder: string, major: number): void {
  const file = join(dataFolder, "PG_VERSION");
  const found = existsSync(file) ? Number.parseInt(readFileSync(file, "utf8"), 10) : Number.NaN;
  if (found === major) return;
  if (Number.isNaN(found)) {
    throw new EnvironmentError({
      code: "data-damaged",
      message: `${dataFolder} is not the data of a PostgreSQL server: ${file} is missing or says nothing.`,
      state: "The folder is untouched.",
      remedy: "Move it away and run pantler start, which builds the database anew from the migrations.",
    });
  }
  throw new EnvironmentError({
    code: "data-other-major",
    message: `The local data in ${dataFolder} was made by PostgreSQL ${found}; the embedded server is PostgreSQL ${major}.`,
    state: "The data is untouched.",
    remedy: `Move that folder away and run pantler start, which builds the database anew from the migrations; a PostgreSQL ${found} server can still read the old one.`,
  });
}

/**
 * Takes back what tables, sequences and functions in `public` are granted when they are made: with
 * `auto_expose_new_tables = false` the API sees only what a migration grants.
 * @param url the database, as the bootstrap superuser
 */
export async function withdrawDefaultGrants(url: DatabaseUrl): Promise<void> {
  const kinds = ["tables", "sequences", "functions"];
  const statements = ["postgres", superuser].flatMap((role) =>
    kinds.map(
      (kind) =>
        `alter default privileges for role ${role} in schema public revoke all on ${kind} from anon, authenticated, service_role`,
    ),
  );
  await withClient(url, async (client) => {
    await client.query(statements.join(";\n"));
  });
}
