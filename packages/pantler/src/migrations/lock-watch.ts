import { setTimeout as sleep } from "node:timers/promises";
import { withClient } from "../postgres/index.js";
import type { DeploymentSession } from "./session.js";

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
 * Watches, over a connection of its own, which sessions keep a deployment waiting.
 * @returns `stop`, which ends the watch and says who they were, a line each; empty when nobody was seen
 */
export function findBlockers(session: DeploymentSession): { readonly stop: () => Promise<string> } {
  let watching = true;
  let seen = "";
  const ended = withClient(session.target.url, async (client) => {
    while (watching) {
      const { rows } = await client.query<{ pid: number; user: string; state: string; query: string }>(
        blockers,
        [session.backend],
      );
      if (rows.length > 0) {
        seen = rows
          .map(
            (row) =>
              `blocked by process ${row.pid} (${row.user}, ${row.state}): ${row.query.replace(/\s+/g, " ")}`,
          )
          .join("\n");
      }
      await sleep(interval);
    }
  }).catch(() => {
    // Without the watch the failure is reported all the same, only without a name.
  });
  return {
    stop: async () => {
      watching = false;
      await ended;
      return seen;
    },
  };
}
