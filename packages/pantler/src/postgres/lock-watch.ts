import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseUrl } from "../project/index.js";
import { type Client, withClient } from "./connection.js";

const blockers = `
select
  activity.pid,
  coalesce(activity.usename, 'unknown') as "user",
  coalesce(activity.state, 'unknown') as state,
  left(coalesce(activity.query, ''), 120) as query
from unnest(pg_catalog.pg_blocking_pids($1)) as blocking (pid)
join pg_catalog.pg_stat_activity as activity using (pid)
`;

/** How often to look, in milliseconds. */
const interval = 250;

/**
 * Runs work while watching, over a connection of its own, which sessions keep another one waiting for a lock.
 * @param client the session that may have to wait
 * @param url where the watching connection goes
 * @param onSeen told, a line each, who they are, whenever somebody is seen
 */
export async function watchBlockers<Result>(
  client: Client,
  url: DatabaseUrl,
  onSeen: (blockers: string) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const { rows } = await client.query<{ backend: number }>("select pg_backend_pid() as backend");
  const ended = new AbortController();
  const watch = withClient(url, async (watcher) => {
    while (!ended.signal.aborted) {
      const found = await watcher.query<Blocker>(blockers, [rows[0]?.backend]);
      if (found.rows.length > 0) onSeen(found.rows.map(describe).join("\n"));
      await sleep(interval, undefined, { signal: ended.signal });
    }
  }).catch(() => {
    // Ended, or without a connection: then the failure is reported all the same, only without a name.
  });
  try {
    return await work();
  } finally {
    ended.abort();
    await watch;
  }
}

interface Blocker {
  readonly pid: number;
  readonly user: string;
  readonly state: string;
  readonly query: string;
}

function describe({ pid, user, state, query }: Blocker): string {
  return `blocked by process ${pid} (${user}, ${state}): ${query.replace(/\s+/g, " ")}`;
}
