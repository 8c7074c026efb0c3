import { createHash } from "node:crypto";
import {
  chownSync,
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from "node:fs";
import { link, rename, unlink } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EnvironmentError, messageOf } from "../operation/index.js";
import { DatabaseUrl } from "../project/index.js";
import { canReach } from "./files.js";
import { isAlive, isServerOn, runAs, spawnAs } from "./processes.js";
import { type Installation, program } from "./server-files.js";
import type { ServerUser } from "./server-user.js";

/** A data folder and how a server is run on it. */
export interface Cluster {
  readonly installation: Installation;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Whether it listens on a Unix socket too, whose folder stays when the server is gone. */
  readonly socket: boolean;
}

/** A server that takes connections. */
export interface RunningCluster {
  readonly pid: number;
  readonly port: number;
  /** The folder of its Unix socket, where there is one. */
  readonly socketFolder: string | undefined;
}

/** The bootstrap superuser is named as on hosted Supabase: the Supabase CLI spares schemas that this role owns. */
export const superuser = "supabase_admin";

/** The password of every login role of a local server, the same as the Supabase CLI's; it guards loopback only. */
export const localPassword = "postgres";

/** The longest path of a Unix socket that every platform takes, in bytes. */
const longestSocketPath = 100;

/** How long a server may take to start, recovery after a crash included, in milliseconds. */
const startTimeout = 120_000;

/** How long children of a killed server may hold its memory before a new one can start, in milliseconds. */
const orphanTimeout = 15_000;

const pollInterval = 10;

/** The address of a database on a local server. */
export function localUrl(server: RunningCluster, user: string, database = "postgres"): DatabaseUrl {
  return DatabaseUrl.of({
    host: "127.0.0.1",
    port: server.port,
    user,
    password: localPassword,
    database,
    ssl: false,
  });
}

/**
 * Starts a server on a data folder, or joins the one that runs on it already.
 * @param ports candidates in the order they are tried; 0 stands for any free one
 * @throws EnvironmentError `server-start-failed` with the end of the server's log, `no-free-port`,
 * `data-folder-foreign`
 */
export async function startCluster(cluster: Cluster, ports: readonly number[]): Promise<RunningCluster> {
  const deadline = Date.now() + orphanTimeout;
  const remaining = [...ports];
  for (;;) {
    const running = await joinRunning(cluster);
    if (running) return running;
    const port = await nextFreePort(remaining);
    const started = await spawnServer(cluster, port);
    if ("pid" in started) return started;
    const said = started.log;
    // These sentences are the server's own, in English because it runs with LC_MESSAGES=C.
    if (said.includes("could not bind") || said.includes("could not create any TCP/IP sockets")) continue;
    remaining.unshift(port);
    if (said.includes('lock file "postmaster.pid" already exists')) {
      await dropStalePidFile(cluster);
      if (Date.now() < deadline) {
        await sleep(pollInterval);
        continue;
      }
    }
    if (said.includes('lock file "postmaster.pid" is empty') && Date.now() < deadline) {
      // A server that starts writes its number at once; what stays empty was cut off by a crash.
      await sleep(1000);
      await dropStalePidFile(cluster);
      continue;
    }
    const crashed = said.includes("pre-existing shared memory block") || said.includes("is still in use");
    if (crashed && Date.now() < deadline) {
      await sleep(200);
      continue;
    }
    throw new EnvironmentError({
      code: "server-start-failed",
      message: "The local server did not start.",
      detail: said.trim().split("\n").slice(-8).join("\n"),
      state: `Its data in ${cluster.dataFolder} is untouched.`,
      remedy: `Read ${cluster.logFile}.`,
    });
  }
}

/**
 * Stops the server on a data folder.
 * @param mode `fast` ends sessions and writes everything down; `immediate` is for data that is thrown away
 * @returns whether one was running
 * @throws EnvironmentError `server-stop-failed`
 */
export async function stopCluster(cluster: Cluster, mode: "fast" | "immediate"): Promise<boolean> {
  const file = readPidFile(cluster.dataFolder);
  if (!file || !isServerOn(cluster.dataFolder, file.pid)) return false;
  const stopped = await runAs(
    ownerOf(cluster),
    program(cluster.installation, "pg_ctl"),
    ["stop", "-D", cluster.dataFolder, "-m", mode, "-w", "-t", "60", "-s"],
    cluster.dataFolder,
  );
  if (stopped.code === 0 || !isAlive(file.pid)) return true;
  throw new EnvironmentError({
    code: "server-stop-failed",
    message: `The local server (process ${file.pid}) did not stop: ${stopped.output.trim()}`,
    state: "It is still running.",
    remedy: `End its sessions and try again, or read ${cluster.logFile}.`,
  });
}

/** The server that runs on a data folder and takes connections, if there is one. */
export function runningCluster(dataFolder: string): RunningCluster | undefined {
  const file = readPidFile(dataFolder);
  return file?.ready && isServerOn(dataFolder, file.pid) ? file : undefined;
}

interface PidFile extends RunningCluster {
  readonly ready: boolean;
}

/** Reads postmaster.pid; its lines are described in the server's header file utils/pidfile.h. */
function readPidFile(dataFolder: string): PidFile | undefined {
  let content: string;
  try {
    content = readFileSync(join(dataFolder, "postmaster.pid"), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw foreignFolder(dataFolder, error);
  }
  const lines = content.split("\n");
  const pid = Number.parseInt(lines[0] ?? "", 10);
  if (!(pid > 0)) return undefined;
  return {
    pid,
    port: Number.parseInt(lines[3] ?? "", 10),
    socketFolder: lines[4]?.trim() || undefined,
    ready: lines[7]?.trim() === "ready",
  };
}

async function joinRunning(cluster: Cluster): Promise<RunningCluster | undefined> {
  const deadline = Date.now() + startTimeout;
  for (;;) {
    const file = readPidFile(cluster.dataFolder);
    if (!file || !isServerOn(cluster.dataFolder, file.pid)) return undefined;
    if (file.ready) return file;
    if (Date.now() > deadline) throw tooSlow(cluster);
    await sleep(pollInterval);
  }
}

async function spawnServer(
  cluster: Cluster,
  port: number,
): Promise<RunningCluster | { readonly log: string }> {
  const user = ownerOf(cluster);
  const log = openLog(cluster.logFile);
  const sockets = cluster.socket ? makeSocketFolder(cluster.dataFolder, port, user) : undefined;
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: sockets ?? "",
    ...cluster.settings,
  };
  try {
    const from = fstatSync(log).size;
    const child = spawnAs(
      user,
      program(cluster.installation, "postgres"),
      [
        ...["-D", cluster.dataFolder, "-p", String(port)],
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      { cwd: cluster.dataFolder, output: log, detached: true },
    );
    let ended = false;
    let failure: Error | undefined;
    child.once("error", (error) => {
      failure = error;
    });
    child.once("exit", () => {
      ended = true;
    });
    child.unref();
    const deadline = Date.now() + startTimeout;
    for (;;) {
      await sleep(pollInterval);
      if (failure) return { log: failure.message };
      const file = readPidFile(cluster.dataFolder);
      if (file?.ready && file.pid === child.pid) return file;
      if (ended) return { log: readFrom(cluster.logFile, from) };
      if (Date.now() > deadline) throw tooSlow(cluster);
    }
  } finally {
    closeSync(log);
  }
}

function openLog(file: string): number {
  try {
    return openSync(file, "a", 0o600);
  } catch (error) {
    throw new EnvironmentError({
      code: "log-unwritable",
      message: `The local server's log cannot be written: ${messageOf(error)}`,
      state: "Nothing was started.",
      remedy: "Move that file away, or make it yours.",
      cause: error,
    });
  }
}

/** The account that a data folder belongs to, which is the one its server has to run as. */
function ownerOf(cluster: Cluster): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(cluster.dataFolder);
  return uid === 0 ? cluster.installation.user : { name: String(uid), uid, gid };
}

/**
 * Takes away a pid file that is empty, or whose number now belongs to some other program. The file is moved before
 * it is judged, so that one written meanwhile by a server that did start is put back.
 */
async function dropStalePidFile(cluster: Cluster): Promise<void> {
  const file = join(cluster.dataFolder, "postmaster.pid");
  const judged = readIfThere(file);
  const pid = readPidFile(cluster.dataFolder)?.pid;
  if (judged === undefined || (pid !== undefined && isServerOn(cluster.dataFolder, pid))) return;
  const aside = `${file}.${process.pid}`;
  await rename(file, aside).catch(() => {});
  const taken = readIfThere(aside);
  if (taken !== undefined && taken !== judged) await link(aside, file).catch(() => {});
  if (taken !== undefined) await unlink(aside);
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

async function nextFreePort(candidates: number[]): Promise<number> {
  for (let port = candidates.shift(); port !== undefined; port = candidates.shift()) {
    const free = await probePort(port);
    if (free !== undefined) return free;
  }
  throw new EnvironmentError({
    code: "no-free-port",
    message: "No port of 127.0.0.1 is free for the local server.",
    state: "Nothing was started.",
    remedy: "Stop a program that listens there, or set engine.port to a free port.",
  });
}

/** Binds a port for a moment to learn whether it is free; 0 asks the system for any. */
async function probePort(port: number): Promise<number | undefined> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(undefined));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}

/**
 * Makes a folder for the server's Unix socket under the temporary folder, since paths of sockets must be short.
 * @returns undefined where there are no Unix sockets, or the folder is not safely ours
 */
function makeSocketFolder(
  dataFolder: string,
  port: number,
  user: ServerUser | undefined,
): string | undefined {
  if (process.platform === "win32") return undefined;
  const owner = user?.uid ?? process.getuid?.();
  const name = createHash("sha256").update(dataFolder).digest("hex").slice(0, 12);
  const folder = join(tmpdir(), `pantler-${owner}-${name}`);
  if (Buffer.byteLength(join(folder, `.s.PGSQL.${port}`)) > longestSocketPath) return undefined;
  try {
    mkdirSync(folder, { mode: 0o700 });
    if (user) chownSync(folder, user.uid, user.gid);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) return undefined;
    const facts = lstatSync(folder);
    if (!facts.isDirectory() || facts.uid !== owner || (facts.mode & 0o077) !== 0) return undefined;
  }
  // A temporary folder of root's own lets the server's account no further.
  return canReach(folder, user) ? folder : undefined;
}

function readFrom(file: string, from: number): string {
  const descriptor = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(64 * 1024);
    return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, buffer.length, from));
  } finally {
    closeSync(descriptor);
  }
}

function tooSlow(cluster: Cluster): EnvironmentError {
  return new EnvironmentError({
    code: "server-start-failed",
    message: `The local server did not take connections within ${startTimeout / 1000} s.`,
    state: "It may still be starting.",
    remedy: `Read ${cluster.logFile}; then run: pantler status`,
  });
}

function foreignFolder(folder: string, cause: unknown): EnvironmentError {
  return new EnvironmentError({
    code: "data-folder-foreign",
    message: `The local server's data in ${folder} belongs to another user of this machine.`,
    state: "Nothing was done.",
    remedy: "Run pantler as that user, or remove the folder to start afresh.",
    cause,
  });
}
