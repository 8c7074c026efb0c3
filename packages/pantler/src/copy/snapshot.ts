import { availableParallelism } from "node:os";
import pg from "pg";
import { UnchangedError, withReleases } from "../operation/index.js";
import { type Client, connect, environmentProblem, sqlstates } from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { prepareSession, requireUtf8 } from "./session.js";

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
 * @throws EnvironmentError where a connection is refused or breaks, or `encoding-unsupported`; UnchangedError
 * `table-locked`; and what the work throws
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
      await requireUtf8(client);
      const { rows } = await client.query<{ id: string }>("select pg_export_snapshot() as id");
      const id = rows[0]?.id ?? "";
      // All are waited for, so that none is still being opened when those that are get closed.
      const opened = await Promise.allSettled(
        Array.from({ length: copyConnections() }, async () => {
          const reader = await open();
          await reader.query(`set transaction snapshot '${id}'`);
          return reader;
        }),
      );
      const readers = opened.map((outcome) => {
        if (outcome.status === "rejected") throw outcome.reason;
        return outcome.value;
      });
      return await work({ id, client, readers });
    });
  } catch (error) {
    throw environmentProblem(url, error) ?? lockProblem(error) ?? error;
  }
}

/** A lock that was waited for in vain: a session holds it, or waits before us to change the table's shape. */
function lockProblem(error: unknown): UnchangedError | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code !== sqlstates.lockNotAvailable) return undefined;
  return new UnchangedError({
    code: "table-locked",
    message: `A table could not be read for ${lockTimeout / 1000} seconds, because another session changes it or waits to.`,
    state: "Nothing was changed.",
    remedy: "Run it again when the other session is done.",
    sqlstate: error.code,
    cause: error,
  });
}
