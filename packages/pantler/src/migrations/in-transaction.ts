import type { Step } from "../operation/index.js";
import type { Client } from "../postgres/index.js";
import type { AtEnd } from "./at-end.js";
import { commit } from "./commit.js";
import { markRunning } from "./control.js";
import { countRows } from "./count-rows.js";
import {
  type Direction,
  type DoneMigration,
  entryOf,
  type FinishedMigration,
  finishedOf,
  titleOf,
} from "./direction.js";
import { transactionUndone } from "./failure.js";
import { untilGranted } from "./lock-patience.js";
import type { Batch, PlannedMigration } from "./plan.js";
import { requireChecks, requireInspection, requireSmokeChecks, resetSession, runStatement } from "./run.js";
import { sentStatements } from "./script.js";
import type { DeploymentSession } from "./session.js";

/** Rows are counted between the migrations of a batch that is no larger than this. */
const largestCountedBatch = 20;

/** How many migrations are sent ahead of the one whose answers are awaited. */
const furthestAhead = 8;

/**
 * Runs a batch of migrations in one transaction, which is tried again when a lock was not to be had.
 * @param atEnd what has to hold before it commits
 * @param before what was done earlier and stays
 * @throws PantlerError when nothing of the batch was kept, or the outcome is not known
 */
export async function runInTransaction(
  session: DeploymentSession,
  batch: Batch,
  direction: Direction,
  { smoke, inspect }: AtEnd,
  before: readonly FinishedMigration[],
): Promise<FinishedMigration[]> {
  const { client } = session;
  await markRunning(client, batch.migrations.map(entryOf), direction.way, true, session.backup);
  const attemptOnce = async () => {
    await client.query("begin");
    const finished = await runInOrder(session, batch, direction);
    await requireSmokeChecks(session, smoke);
    await requireInspection(session, inspect);
    session.signal?.throwIfAborted();
    await commit(session, batch.migrations, direction);
    return finished;
  };
  const giveBack = async () => {
    await client.query(`rollback; ${session.reset}`).catch(() => {});
  };
  const attempt = await untilGranted(session, attemptOnce, giveBack);
  if ("result" in attempt) return attempt.result;
  throw await transactionUndone(session, batch, direction, before, attempt.error, attempt.blockers);
}

/**
 * Runs the migrations of a batch one after the other. What needs no answer in between is sent without waiting: the
 * server then never waits for us, and a distant one is not asked a thousand times.
 */
async function runInOrder(
  session: DeploymentSession,
  batch: Batch,
  direction: Direction,
): Promise<FinishedMigration[]> {
  const { client, signal } = session;
  const { migrations } = batch;
  const counted = direction.countsRows && migrations.length <= largestCountedBatch;
  const count = counted ? rowCounter(client) : async () => null;
  const hasChecks = ({ checks }: PlannedMigration) => checks.checks.length > 0;
  const finished: FinishedMigration[] = [];
  const unrecorded: DoneMigration[] = [];
  const record = async () => {
    if (unrecorded.length > 0) await direction.record(client, unrecorded.splice(0));
  };
  const ahead: SentMigration[] = [];
  let sent = 0;
  const sendAhead = () => {
    for (let next = migrations[sent]; next && ahead.length < furthestAhead; next = migrations[sent]) {
      const last = ahead.at(-1);
      if (last && (counted || hasChecks(last.migration))) return;
      ahead.push(sendMigration(session, next));
      sent += 1;
    }
  };
  try {
    let rowsBefore = await count();
    let began = await resetSession(session);
    for (sendAhead(); ahead[0]; ahead.shift(), sendAhead()) {
      const current = ahead[0];
      const { migration } = current;
      await session.operation.step(titleOf(direction, migration), async (step) => {
        const ended = await watchStatements(current, step);
        const rowsAfter = await count();
        const done = { migration, began, ended, rowsBefore, rowsAfter };
        unrecorded.push(done);
        // A check may ask the ledger, and finds its own migration there.
        if (hasChecks(migration)) await record();
        finished.push(finishedOf(done, await requireChecks(session, migration, migration.checks, step)));
        rowsBefore = rowsAfter;
        began = hasChecks(migration) ? await resetSession(session) : ended;
      });
      // A request to cancel that found the session between two statements had no effect on it.
      signal?.throwIfAborted();
    }
    await record();
  } catch (error) {
    // The answers to what was sent ahead have to be in before the transaction is rolled back.
    await Promise.allSettled(ahead.map(({ ended }) => ended));
    throw error;
  }
  return finished;
}

interface SentMigration {
  readonly migration: PlannedMigration;
  readonly statements: readonly Promise<void>[];
  /** The server's clock when all are done; rejects with the first failure. */
  readonly ended: Promise<number>;
}

function sendMigration(session: DeploymentSession, migration: PlannedMigration): SentMigration {
  const work = sentStatements(migration.script);
  const statements = work.map((statement) => runStatement(session, migration, statement));
  const reset = resetSession(session);
  const ended = firstFailure([...statements, reset]).then(() => reset);
  // Each is awaited in its turn; until then a rejection is no news.
  for (const promise of [...statements, reset, ended]) promise.catch(() => {});
  return { migration, statements, ended };
}

/** Waits for all, and throws what the first of them in order failed with: later ones fail because it did. */
async function firstFailure(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

async function watchStatements({ statements, ended }: SentMigration, step: Step): Promise<number> {
  for (const [index, statement] of statements.entries()) {
    await statement.catch(() => {});
    step.progress(index + 1, statements.length, "statements");
  }
  return await ended;
}

/** Counts rows at each border between two migrations, and no more once that has become too expensive. */
function rowCounter(client: Client): () => Promise<number | null> {
  let affordable = true;
  return async () => {
    const rows = affordable ? await countRows(client) : null;
    affordable = rows !== null;
    return rows;
  };
}
