import { readdirSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { type Cost, measureProgram } from "./process-tree.js";
import { findPostgresProgram, type PostgresProgram, runProgram } from "./programs.js";

/** PostgreSQL's own way to do something, and pgcopydb's. */
export interface Peers {
  /** The major of pg_dump, which reads no newer server. */
  readonly major: number | undefined;
  /** Dumps a database into a folder that is not there yet. */
  readonly dump: ((source: DatabaseUrl, folder: string) => Promise<Cost>) | undefined;
  /** Restores such a folder into an empty database. */
  readonly restore: ((folder: string, target: DatabaseUrl) => Promise<Cost>) | undefined;
  /** Copies a database into an empty one through a folder for its notes. */
  readonly clone: ((source: DatabaseUrl, target: DatabaseUrl, folder: string) => Promise<Cost>) | undefined;
  /** Copies a database into an empty one through a pipe. */
  readonly pipe: ((source: DatabaseUrl, target: DatabaseUrl) => Promise<Cost>) | undefined;
}

export const peerNames = {
  dump: "pg_dump -Fd -j2 -Z1",
  restore: "pg_restore -j2",
  clone: "pgcopydb clone",
  pipe: "pg_dump | psql",
} as const;

/** What each takes; more than the processes of the machine would only wait for each other. */
const jobs = "2";

/** Finds the peers that this machine has, and prints which are missing. */
export async function findPeers(): Promise<Peers> {
  const dump = await findOrSay("pg_dump", [peerNames.dump, peerNames.pipe, peerNames.clone]);
  const restore = await findOrSay("pg_restore", [peerNames.restore]);
  const psql = await findOrSay("psql", [peerNames.pipe]);
  const copydb = await findOrSay("pgcopydb", [peerNames.clone]);
  const version = dump ? (await runProgram(dump, ["--version"])).stdout : "";
  const major = /\) (\d+)/.exec(version)?.[1];
  return {
    major: major === undefined ? undefined : Number(major),
    dump: dump ? dumpWith(dump) : undefined,
    restore: restore ? restoreWith(restore) : undefined,
    clone: copydb && dump ? cloneWith(copydb, dirname(dump)) : undefined,
    pipe: dump && psql && process.platform !== "win32" ? pipeThrough(dump, psql) : undefined,
  };
}

function dumpWith(program: string): NonNullable<Peers["dump"]> {
  return async (source, folder) =>
    await measureProgram(program, ["-Fd", `-j${jobs}`, "-Z1", "-f", folder, source.withPassword()]);
}

function restoreWith(program: string): NonNullable<Peers["restore"]> {
  return async (folder, target) =>
    await measureProgram(program, [`-j${jobs}`, "--exit-on-error", "-d", target.withPassword(), folder]);
}

/** @param programs the folder of pg_dump and pg_restore, which it calls by name */
function cloneWith(program: string, programs: string): NonNullable<Peers["clone"]> {
  return async (source, target, folder) =>
    await measureProgram(
      program,
      [
        ...["clone", "--source", source.withPassword(), "--target", target.withPassword()],
        ...["--dir", folder, "--table-jobs", jobs, "--index-jobs", jobs],
      ],
      { env: { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}` } },
    );
}

function pipeThrough(dump: string, psql: string): NonNullable<Peers["pipe"]> {
  const script = 'set -o pipefail; "$0" "$1" | "$2" -X -q -o /dev/null -v ON_ERROR_STOP=1 "$3"';
  return async (source, target) =>
    await measureProgram("bash", ["-c", script, dump, source.withPassword(), psql, target.withPassword()]);
}

/** How large the files of a folder are together, in bytes. */
export function folderBytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? folderBytes(path) : statSync(path).size);
  }, 0);
}

async function findOrSay(
  program: PostgresProgram,
  wantedFor: readonly string[],
): Promise<string | undefined> {
  const path = await findPostgresProgram(program);
  if (!path) console.log(`${program} is not on PATH; left out: ${wantedFor.join(", ")}`);
  return path;
}
