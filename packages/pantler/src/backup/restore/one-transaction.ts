import { setTimeout as sleep } from "node:timers/promises";
import {
  messageOf,
  NeedsHandsError,
  PantlerError,
  stopWhenAborted,
  UnchangedError,
} from "../../operation/index.js";
import {
  type Client,
  environmentProblem,
  isConnectionLoss,
  sqlstateOf,
  sqlstates,
  watchBlockers,
  withClient,
} from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";

/** How long a statement waits for a lock that a session of the application holds. */
const lockTimeout = "30s";

/** How often to ask what became of a transaction whose server has not noticed the loss, and for how long; in milliseconds. */
const lookAgainAfter = 100;
const patience = 30_000;

/** What is true after a transaction that came to nothing. */
export const undone = "The transaction was undone; everything is as it was before.";

/** What a transaction is a part of. */
export type WorkName = "restore" | "sync" | "reassignment" | "off-boarding";

const handover = {
  whenUnknown: "pantler user list tells whose the rows are.",
  whenBroken: "Mend the rows that this is about.",
  whenFailed: "",
};

const remedies = {
  restore: {
    whenUnknown: "pantler restore with --dry-run compares the rows.",
    whenBroken: "Restore the tables that belong together, or everything.",
    whenFailed: "; pantler backup verify tells whether the archive is sound",
  },
  sync: {
    whenUnknown: "pantler env verify compares the two environments.",
    whenBroken: "Take along the users that rows belong to (--users all), or mend the rows.",
    whenFailed: "",
  },
  reassignment: handover,
  "off-boarding": handover,
} as const;

/**
 * Runs work in one transaction.
 * @param signal interrupts it
 * @param name what errors call it
 * @throws UnchangedError when it came to nothing: `interrupted`, `lock-not-granted`, `foreign-key-broken`, and
 *   `restore-failed` or `sync-failed`
 * @throws NeedsHandsError `commit-unknown` when the connection broke while the server was to keep it
 */
export async function inOneTransaction(
  client: Client,
  url: DatabaseUrl,
  signal: AbortSignal | undefined,
  work: () => Promise<void>,
  name: WorkName = "restore",
): Promise<void> {
  let blockers = "";
  await client.query(`begin; set local lock_timeout = '${lockTimeout}'`);
  try {
    const onSeen = (seen: string) => {
      blockers = seen;
    };
    await watchBlockers(client, url, onSeen, work);
    stopWhenAborted(signal, undone);
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    await client.query("rollback");
    stopWhenAborted(signal, undone, error);
    throw error instanceof PantlerError
      ? error
      : (environmentProblem(url, error) ?? failed(name, error, blockers));
  }
  await commit(client, url, name);
}

async function commit(client: Client, url: DatabaseUrl, name: WorkName): Promise<void> {
  const { rows } = await client.query<{ id: string }>("select pg_current_xact_id()::text as id");
  try {
    await client.query("commit");
  } catch (error) {
    if (!isConnectionLoss(error)) throw failed(name, error, "");
    if (!(await wasKept(url, rows[0]?.id ?? "", name, error))) throw error;
  }
}

/** Asks the server, over a new connection, what became of a transaction (pg_xact_status). */
async function wasKept(
  url: DatabaseUrl,
  transaction: string,
  name: WorkName,
  cause: unknown,
): Promise<boolean> {
  const unknown = (status: string) =>
    new NeedsHandsError({
      code: "commit-unknown",
      message: `The connection broke while the ${name} was to be kept.`,
      state: `Either all of it is kept or nothing; the server says: ${status}.`,
      remedy: `When the server answers again, look: ${remedies[name].whenUnknown}`,
      cause,
    });
  try {
    const status = await withClient(url, async (client) => {
      for (let waited = 0; ; waited += lookAgainAfter) {
        const { rows } = await client.query<{ status: string | null }>(
          "select pg_xact_status($1::xid8) as status",
          [transaction],
        );
        const found = rows[0]?.status ?? "unknown";
        if (found !== "in progress" || waited >= patience) return found;
        await sleep(lookAgainAfter);
      }
    });
    if (status === "committed") return true;
    if (status === "aborted") return false;
    throw unknown(status);
  } catch (error) {
    throw error instanceof NeedsHandsError ? error : unknown("nothing, it cannot be reached");
  }
}

function failed(name: WorkName, error: unknown, blockers: string): UnchangedError {
  const because = messageOf(error);
  const sqlstate = sqlstateOf(error);
  const parts = { state: undone, ...(sqlstate ? { sqlstate } : {}), cause: error };
  switch (sqlstate) {
    case sqlstates.lockNotAvailable:
    case sqlstates.deadlockDetected:
      return new UnchangedError({
        ...parts,
        code: "lock-not-granted",
        message: `A table was in use for too long: ${because}.`,
        ...(blockers ? { detail: blockers } : {}),
        remedy: "Stop what works on the database, or wait for a quieter moment, and run it again.",
      });
    case sqlstates.foreignKeyViolation:
      return new UnchangedError({
        ...parts,
        code: "foreign-key-broken",
        message: `The rows do not fit together, or not with those that are there: ${because}.`,
        ...detailOf(error),
        remedy: remedies[name].whenBroken,
      });
    default:
      return new UnchangedError({
        ...parts,
        code: `${name}-failed`,
        message: `The ${name} failed: ${because}.`,
        ...detailOf(error),
        remedy: `See what the server says above${remedies[name].whenFailed}.`,
      });
  }
}

function detailOf(error: unknown): { detail?: string } {
  const { detail, hint, where } = error as { detail?: string; hint?: string; where?: string };
  const text = [detail, hint, where].filter(Boolean).join("\n");
  return text ? { detail: text } : {};
}
