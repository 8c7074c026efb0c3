import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type LocalServer, startServer } from "../../src/engine/index.js";
import { openProject, type Project } from "../../src/index.js";
import { type CliOptions, type CliRun, pantler } from "./cli.js";
import { writeInside } from "./project.js";

/** A project folder with a local server of its own, which is gone after the test in whatever state it is. */
export interface Checkout {
  readonly root: string;
  /** The port its config asks for, which was free when the test began. */
  readonly port: number;
  /** Reads the project anew, as every command does. */
  readonly open: () => Promise<Project>;
  readonly start: () => Promise<LocalServer>;
  readonly cli: (words: readonly string[], options?: CliOptions) => Promise<CliRun>;
  readonly write: (path: string, content: string) => void;
}

interface Traces {
  readonly pids: Set<number>;
  readonly folders: Set<string>;
}

/**
 * Runs a test with a checkout that starts real servers.
 * @param files more files of the project, by path
 * @param config more of supabase/config.toml
 */
export async function withCheckout(
  test: (checkout: Checkout) => Promise<void>,
  files: Readonly<Record<string, string>> = {},
  config = "",
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "pantler-checkout-"));
  chmodSync(root, 0o755);
  const port = await freePort();
  const traces: Traces = { pids: new Set(), folders: new Set([root]) };
  const write = (path: string, content: string) => writeInside(root, path, content);
  write("supabase/config.toml", `project_id = "test"\n[db]\nport = ${port}\n${config}`);
  for (const [path, content] of Object.entries(files)) write(path, content);
  const open = () => openProject({ folder: root, from: root, variables: {} });
  const start = async () => {
    const server = await startServer(await open());
    remember(traces, root, server);
    return server;
  };
  const cli = async (words: readonly string[], options: CliOptions = {}) => {
    const run = await pantler(words, { cwd: root, ...options });
    remember(traces, root, run.result);
    return run;
  };
  try {
    await test({ root, port, open, start, cli, write });
  } finally {
    remember(traces, root, recordedServer(root));
    for (const pid of traces.pids) await end(pid);
    for (const folder of traces.folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** A port of 127.0.0.1 that nothing listens on, out of the range that the system hands out by itself. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = await occupy(port).catch(() => undefined);
    if (!server) continue;
    await release(server);
    return port;
  }
}

/** Listens on a port of 127.0.0.1, so that nothing else can. */
export async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, resolve);
  });
  return server;
}

export async function release(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

/** Waits for a thing to become true; the test's own timeout is the bound. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(10);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function remember({ pids, folders }: Traces, root: string, server: object): void {
  const { pid, socketFolder, dataFolder } = server as Partial<Record<keyof LocalServer, unknown>>;
  if (typeof pid === "number") pids.add(pid);
  if (typeof socketFolder === "string") folders.add(socketFolder);
  if (typeof dataFolder === "string" && !dataFolder.startsWith(root)) folders.add(dirname(dataFolder));
}

/** What the server itself wrote down, for one that was started by a command whose answer is not known. */
function recordedServer(root: string): object {
  const file = join(root, ".pantler/postgres/data/postmaster.pid");
  if (!existsSync(file)) return {};
  const lines = readFileSync(file, "utf8").split("\n");
  return { pid: Number.parseInt(lines[0] ?? "", 10), socketFolder: lines[4] || undefined };
}

/** Ends a server of the test's, and nothing that merely got its number. */
async function end(pid: number): Promise<void> {
  const isServer = () => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0]?.endsWith("/postgres") ?? false;
    } catch {
      return process.platform !== "linux" && isAlive(pid);
    }
  };
  if (!isServer()) return;
  process.kill(pid, "SIGQUIT");
  await until(() => !isServer());
}
