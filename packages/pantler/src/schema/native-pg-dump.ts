import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { EnvironmentError, interruption, withReleases } from "../operation/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { PgDumpFailure, unchanged } from "./pg-dump-failure.js";

/**
 * Asks a pg_dump for its major version.
 * @throws EnvironmentError `pg-dump-missing` when it cannot be run or says something else
 */
export async function majorOf(program: string): Promise<number> {
  const missing = (why: string, cause?: unknown) =>
    new EnvironmentError({
      code: "pg-dump-missing",
      message: `PANTLER_PG_DUMP names ${program}, which ${why}.`,
      state: unchanged,
      remedy: "Set it to the path of a pg_dump, or unset it to use the bundled one.",
      cause,
    });
  let printed: string;
  try {
    printed = (await promisify(execFile)(program, ["--version"], { env: inheritedVariables() })).stdout;
  } catch (error) {
    throw missing("cannot be run", error);
  }
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(printed) ?? [];
  if (major === undefined) throw missing(`calls itself ${JSON.stringify(printed.trim())}`);
  return Number(major);
}

/**
 * Runs a pg_dump of the machine. The connection goes through variables, and the password through a file that only its
 * owner can read, which is gone afterwards: what stands on a command line can be seen by everybody.
 * @param plainStrings whether a session begins with `standard_conforming_strings` on, which pg_dump leaves as it is
 * @returns what it prints
 * @throws PgDumpFailure when it gives up, UnchangedError `interrupted`
 */
export async function runNativePgDump(
  program: string,
  url: DatabaseUrl,
  args: readonly string[],
  plainStrings: boolean,
  signal: AbortSignal | undefined,
): Promise<string> {
  return await withReleases(async (onRelease) => {
    if (signal?.aborted) throw interruption(unchanged);
    const folder = await mkdtemp(join(tmpdir(), "pantler-pg-dump-"));
    onRelease(() => rm(folder, { recursive: true, force: true }));
    const child = spawn(program, [...args, "--no-password"], {
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      env: {
        ...inheritedVariables(),
        ...(await connectionVariables(url, folder)),
        // Some poolers refuse options, so that none are sent without need.
        ...(plainStrings ? {} : { PGOPTIONS: "-c standard_conforming_strings=on" }),
      },
    });
    const stop = () => child.kill();
    signal?.addEventListener("abort", stop, { once: true });
    onRelease(() => signal?.removeEventListener("abort", stop));
    const [printed, said] = [collect(child.stdout), collect(child.stderr)];
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (signal?.aborted) throw interruption(unchanged);
    if (code === 0) return printed();
    throw new PgDumpFailure(said() || `${basename(program)} ended with ${code}`, undefined);
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}

/** Nothing of the caller's that names another database or holds a secret is passed on. */
function inheritedVariables(): NodeJS.ProcessEnv {
  const { PATH, HOME, SystemRoot, TEMP } = process.env;
  return { PATH, HOME, SystemRoot, TEMP, LC_ALL: "C", PGAPPNAME: "pantler" };
}

/** https://www.postgresql.org/docs/17/libpq-envars.html */
async function connectionVariables(url: DatabaseUrl, folder: string): Promise<NodeJS.ProcessEnv> {
  const { host, port, user, database, password, ssl } = url.parameters();
  const secret = async (name: string, content: string) => {
    const file = join(folder, name);
    await writeFile(file, content, { mode: 0o600 });
    return file;
  };
  const variables: NodeJS.ProcessEnv = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGCLIENTENCODING: "UTF8",
    PGCONNECT_TIMEOUT: "10",
    // Where it is not there, libpq would look for the user's own.
    PGPASSFILE: await secret("password", `*:*:*:*:${(password ?? "").replaceAll(/[\\:]/g, "\\$&")}\n`),
    PGSSLMODE: sslModeOf(ssl),
  };
  if (ssl === false) return variables;
  if (ssl.ca) variables.PGSSLROOTCERT = await secret("root.crt", ssl.ca);
  else if (ssl.rejectUnauthorized) variables.PGSSLROOTCERT = "system";
  if (ssl.cert) variables.PGSSLCERT = await secret("client.crt", ssl.cert);
  if (ssl.key) variables.PGSSLKEY = await secret("client.key", ssl.key);
  return variables;
}

function sslModeOf(ssl: ReturnType<DatabaseUrl["parameters"]>["ssl"]): string {
  if (ssl === false) return "disable";
  if (!ssl.rejectUnauthorized) return "require";
  return ssl.checkServerIdentity ? "verify-ca" : "verify-full";
}
