import type { Client } from "../../postgres/index.js";

/** The bytes of "restore" as a number: sessions that fill a database share this advisory lock. */
const key = "32199693894120037";

/** How long to wait for sessions that were told to end, in milliseconds. */
const patience = 30_000;

const members = `
select pid
from pg_catalog.pg_locks
where locktype = 'advisory'
  and objsubid = 1
  and granted
  and (classid::bigint << 32) | objid::bigint = $1::bigint
  and database = (select oid from pg_catalog.pg_database where datname = current_database())
  and pid <> pg_catalog.pg_backend_pid()
`;

/** The sessions, by their processes, that fill the database. Of a process that was killed they go on for a while. */
export async function listSessions(client: Client): Promise<number[]> {
  return (await client.query<{ pid: number }>(members, [key])).rows.map(({ pid }) => pid);
}

/**
 * Keeps a session alone with the database, as far as restores are concerned.
 * @param others sessions that nobody needs any more; they are told to end
 * @throws the server's 55P03 when somebody else still fills it
 */
export async function beAlone(client: Client, others: readonly number[]): Promise<void> {
  // A number that another session has got since is none of those that share the lock.
  await client.query(
    `select pg_catalog.pg_terminate_backend(pid) from (${members}) as member where pid = any ($2)`,
    [key, others],
  );
  await client.query(`set lock_timeout = ${patience}`);
  await client.query("select pg_catalog.pg_advisory_lock($1::bigint)", [key]);
}

/** Lets other sessions join in. */
export async function admitOthers(client: Client): Promise<void> {
  await client.query(
    "select pg_catalog.pg_advisory_lock_shared($1::bigint), pg_catalog.pg_advisory_unlock($1::bigint)",
    [key],
  );
}

/**
 * Makes a session one of those that fill the database.
 * @returns its process on the server
 */
export async function join(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(
    "select pg_catalog.pg_backend_pid() as pid from pg_catalog.pg_advisory_lock_shared($1::bigint)",
    [key],
  );
  return rows[0]?.pid ?? 0;
}
