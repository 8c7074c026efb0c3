import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseUrl } from "../packages/pantler/src/index.js";
import { withClient } from "../packages/pantler/src/postgres/index.js";
import { bin, jsonResult, pantler } from "./programs.js";

/** A project in a folder of its own, whose local server runs as a user's does: with fsync. */
export interface RunningProject {
  readonly root: string;
  /** The local database as the role that migrations run as. */
  readonly url: DatabaseUrl;
  /** Writes a file, by its path in the project. */
  readonly write: (path: string, content: string) => void;
}

/** The project's database as it was before anything was applied. */
const empty = "bench_empty";

/** The port on which the Supabase CLI looks for its local database, unless config.toml names another. */
const supabasePort = 54322;

/**
 * Runs work with a folder under the temporary folder that every user may enter, as a server run by root for
 * another account needs. It is removed whatever happens.
 */
export async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "pantler-bench-"));
  chmodSync(folder, 0o755);
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Runs work with a Supabase project and its running local server, which are removed whatever happens. The
 * server listens on the Supabase CLI's own port if that is free, otherwise on one that config.toml names.
 * @param settings further lines of its config.toml
 */
export async function withProject<Result>(
  settings: string,
  work: (project: RunningProject) => Promise<Result>,
): Promise<Result> {
  return await withFolder(async (folder) => {
    const write = (path: string, content: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    };
    const usual = (await probePort(supabasePort)) !== undefined;
    const port = usual ? "" : `[db]\nport = ${await freePort()}\n`;
    write("supabase/config.toml", `project_id = "bench"\n${port}${settings}`);
    const interrupted = () => {
      spawnSync(process.execPath, [bin, "stop", "--project", folder]);
      rmSync(folder, { recursive: true, force: true });
      process.exit(130);
    };
    process.once("SIGINT", interrupted);
    try {
      const { url } = jsonResult(await pantler(["start", "--project", folder, "--json"]));
      if (typeof url !== "string") throw new Error("pantler start --json did not say where the database is");
      const database = DatabaseUrl.parse(url, "pantler start");
      await inTemplate1(database, `create database ${empty} template ${database.database}`);
      return await work({ root: folder, url: database, write });
    } finally {
      process.off("SIGINT", interrupted);
      await pantler(["stop", "--project", folder]);
    }
  });
}

/** The same database as the bootstrap superuser of a local server. */
export function asSuperuser(url: DatabaseUrl): DatabaseUrl {
  return url.with({ user: "supabase_admin" });
}

/**
 * Makes a database on a local server, as a project's first start finds it, with everything before written to
 * disk. It is left to the removal of the server: ext4 takes minutes to reuse the inodes of removed files and searches
 * past them for every new one, so that each dropped database would slow down the runs after it.
 * @param template one that was made like this and is copied instead, with what it holds; no session is in it
 */
export async function makeFreshDatabase(
  server: DatabaseUrl,
  template: DatabaseUrl = server.with({ database: empty }),
): Promise<DatabaseUrl> {
  databases += 1;
  const name = `bench_${databases}`;
  await inTemplate1(
    server,
    `create database ${name} template ${template.database} owner ${server.user}`,
    "checkpoint",
  );
  return server.with({ database: name });
}

let databases = 0;

/** Runs statements in a database that is nobody's: one cannot be copied while a session is in it. */
async function inTemplate1(server: DatabaseUrl, ...statements: readonly string[]): Promise<void> {
  await withClient(asSuperuser(server).with({ database: "template1" }), async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const port = await probePort(0);
  if (port === undefined) throw new Error("no port of 127.0.0.1 is free");
  return port;
}

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
