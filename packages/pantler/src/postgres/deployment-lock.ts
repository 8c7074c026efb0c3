import { setTimeout as sleep } from "node:timers/promises";
import { RefusedError } from "../operation/index.js";
import type { Client } from "./connection.js";

/** The bytes of "pantler" as a number: every Pantler takes the same advisory lock, no other program does. */
const key = "31632324419151218";

const holder = `
select
  activity.pid,
  activity.application_name as application,
  coalesce(host(activity.client_addr), 'this machine') as address,
  activity.backend_start as since
from pg_catalog.pg_locks as locks
join pg_catalog.pg_stat_activity as activity using (pid)
where locks.locktype = 'advisory'
  and locks.objsubid = 1
  and locks.granted
  and (locks.classid::bigint << 32) | locks.objid::bigint = $1::bigint
  and locks.database = (select oid from pg_catalog.pg_database where datname = current_database())
`;

/** How long to wait for the lock, in milliseconds: the server may need a moment to notice that its holder died. */
const patience = 2000;

/**
 * Takes the lock that keeps a second deployment out of this database, for as long as the session lasts.
 * @param wait how long to wait for it, in milliseconds
 * @throws RefusedError `deployment-running` naming the session that holds it
 */
export async function takeDeploymentLock(client: Client, wait = patience): Promise<void> {
  const deadline = Date.now() + wait;
  do {
    const { rows } = await client.query<{ granted: boolean }>(
      "select pg_try_advisory_lock($1::bigint) as granted",
      [key],
    );
    if (rows[0]?.granted) return;
    await sleep(100);
  } while (Date.now() < deadline);
  const { rows: holders } = await client.query<{
    pid: number;
    application: string;
    address: string;
    since: Date;
  }>(holder, [key]);
  const [session] = holders;
  const who = session
    ? ` (process ${session.pid}, ${session.application || "unnamed"}, from ${session.address}, since ${session.since.toISOString()})`
    : "";
  throw new RefusedError({
    code: "deployment-running",
    message: `Another deployment is running on this database${who}.`,
    state: "Nothing was done here.",
    remedy: "Wait for it to end, then look: pantler migration list",
  });
}

/**
 * Sees to it that this session still keeps deployments out.
 * @param state what is true without it, as a sentence
 * @throws RefusedError `lock-lost`
 */
export async function requireHeldLock(client: Client, state: string): Promise<void> {
  if (await holdsDeploymentLock(client)) return;
  throw new RefusedError({
    code: "lock-lost",
    message: "The lock that keeps deployments out was lost on the way.",
    state,
    remedy: "Use an address whose session stays the same: the direct one, or the session pooler.",
  });
}

/** Whether this session still holds the lock: `pg_advisory_unlock_all()` in a file gives it away. */
export async function holdsDeploymentLock(client: Client): Promise<boolean> {
  const { rows } = await client.query(
    `select from (${holder}) as session where pid = pg_catalog.pg_backend_pid()`,
    [key],
  );
  return rows.length > 0;
}
