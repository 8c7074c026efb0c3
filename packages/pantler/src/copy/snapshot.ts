import { availableParallelism } from "node:os";
import { withReleases } from "../operation/index.js";
import { type Client, connect, environmentProblem } from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { prepareSession } from "./session.js";

/** Connections that all see the database as it was at one moment. */
export interface Snapshot {
  /** The name under which another session may see the same (`set transaction snapshot`). */
  readonly id: string;
  /** The session that holds the snapshot, in its transaction. */
  readonly client: Client;
  /** Further sessions in the same snapshot; at least one. */
  readonly readers: readonly Client[];
}

/** More connections than this gain little and burden a small server. */
const mostConnections = 4;

/** How many connections copy at once: as many as this machine has processors, at most four. */
export function copyConnections(): number {
  return Math.min(Math.max(availableParallelism(), 1), mostConnections);
}

/** How long a reader waits for a lock, in milliseconds: longer than a migration should take, not for ever. */
const lockTimeout = 30_000;

/**
 * Runs work on one moment of a database: a transaction that only reads, and further connections that see exactly the
 * same. All are closed afterwards; nothing is kept from writing meanwhile.
 * @throws EnvironmentError where a connection is refused or breaks, and what the work throws
 */
export async function withSnapshot<Result>(
  url: DatabaseUrl,
  work: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  try {
    return await withReleases(async (onRelease) => {
      const open = async () => {
        const client = await connect(url);
        onRelease(() => client.end().catch(() => {}));
        await prepareSession(client);
        await client.query(
          `set lock_timeout = ${lockTimeout}; begin isolation level repeatable read read only`,
        );
        return client;
      };
      const client = await open();
      const { rows } = await client.query<{ id: string }>("select pg_export_snapshot() as id");
      const id = rows[0]?.id ?? "";
      const readers = await Promise.all(
        Array.from({ length: copyConnections() }, async () => {
          const reader = await open();
          await reader.query(`set transaction snapshot '${id}'`);
          return reader;
        }),
      );
      return await work({ id, client, readers });
    });
  } catch (error) {
    throw environmentProblem(url, error) ?? error;
  }
}
