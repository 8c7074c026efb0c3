import { EnvironmentError, UnchangedError } from "../operation/index.js";
import { environmentProblem, sqlstates, withClient } from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { bundledMajor, runBundledPgDump } from "./bundled-pg-dump.js";
import { dumpedSchemas } from "./managed-schemas.js";
import { majorOf, runNativePgDump } from "./native-pg-dump.js";
import { PgDumpFailure, unchanged } from "./pg-dump-failure.js";

/** How long pg_dump waits for a lock, in milliseconds: longer than a migration should take, not for ever. */
const usualLockTimeout = 30_000;

/** The pg_dump to use in place of the bundled one, by its path. */
function chosenProgram(): string | undefined {
  return process.env.PANTLER_PG_DUMP || undefined;
}

/** What a run of pg_dump needs. */
export interface PgDumpRun {
  readonly args: readonly string[];
  /** The server's major version. */
  readonly server: number;
  /** Whether a session begins with `standard_conforming_strings` on. */
  readonly plainStrings: boolean;
  /** How long to wait for a table that another session has locked, in milliseconds; 30 seconds by default. */
  readonly lockTimeout: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs pg_dump: the bundled one, or the program that `PANTLER_PG_DUMP` names.
 * @returns what it prints
 * @throws EnvironmentError `pg-dump-too-old`, `pg-dump-missing`, `schema-unreadable`, `connection-lost`
 * @throws UnchangedError `interrupted`, `table-locked`
 */
export async function runPgDump(url: DatabaseUrl, run: PgDumpRun): Promise<string> {
  const { args, server, signal, lockTimeout = usualLockTimeout } = run;
  const program = chosenProgram();
  const major = program === undefined ? bundledMajor : await majorOf(program);
  if (major < server) throw tooOld(url, server, program, major);
  const complete = [...args, `--lock-wait-timeout=${lockTimeout}`];
  try {
    return program === undefined
      ? await runBundledPgDump(url, complete, signal)
      : await runNativePgDump(program, url, complete, run.plainStrings, signal);
  } catch (error) {
    if (error instanceof PgDumpFailure) throw await inWords(url, error, lockTimeout);
    throw environmentProblem(url, error) ?? error;
  }
}

function tooOld(
  url: DatabaseUrl,
  server: number,
  program: string | undefined,
  major: number,
): EnvironmentError {
  return new EnvironmentError({
    code: "pg-dump-too-old",
    message: `${url} is PostgreSQL ${server}, and ${program ?? "the bundled pg_dump"} is of version ${major}, which cannot read it.`,
    state: unchanged,
    remedy:
      program === undefined
        ? `Set PANTLER_PG_DUMP to the path of a pg_dump of version ${server} or newer.`
        : "Unset PANTLER_PG_DUMP to use the bundled one, or name a newer one.",
  });
}

async function inWords(url: DatabaseUrl, failure: PgDumpFailure, lockTimeout: number): Promise<Error> {
  const { said, lines } = failure;
  if (said?.sqlstate === sqlstates.queryCanceled || said?.sqlstate === sqlstates.lockNotAvailable) {
    return new UnchangedError({
      code: "table-locked",
      message: `A table could not be read for ${lockTimeout / 1000} seconds, because another session changes it or waits to.`,
      state: unchanged,
      remedy: "Run it again when the other session is done.",
      sqlstate: said.sqlstate,
      cause: failure,
    });
  }
  const refused = said?.sqlstate === sqlstates.insufficientPrivilege;
  const tables = refused ? await tablesWithoutRights(url) : [];
  const because =
    tables.length > 0 ? `${url.user} has no right to ${tables.join(", ")}` : (said?.message ?? lines[0]);
  return new EnvironmentError({
    code: "schema-unreadable",
    message: `The schema of ${url} cannot be read: ${because}.`,
    detail: lines.join("\n"),
    state: unchanged,
    remedy: refused
      ? `Connect as the owner of what is named (on Supabase: postgres), or have the owner grant the right to ${url.user}.`
      : "See what pg_dump says; PANTLER_PG_DUMP may name another pg_dump.",
    ...(said ? { sqlstate: said.sqlstate } : {}),
    cause: failure,
  });
}

/** The tables that may not even be locked for reading: LockTableAclCheck in lockcmds.c asks for any right at all. */
const lockedOut = `
select class.oid::regclass::text as name
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p')
  and nspname = any ($1)
  and not has_table_privilege(class.oid, 'select, insert, update, delete, truncate')
order by 1
`;

/** pg_dump locks all tables in one statement, of which the server names the first that it refuses, without its schema. */
async function tablesWithoutRights(url: DatabaseUrl): Promise<string[]> {
  return await withClient(url, async (client) => {
    await client.query("set search_path = ''");
    const { rows } = await client.query<{ name: string }>(lockedOut, [await dumpedSchemas(client)]);
    return rows.map(({ name }) => name);
  });
}
