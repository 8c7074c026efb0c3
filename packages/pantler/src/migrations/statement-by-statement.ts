import { setTimeout as sleep } from "node:timers/promises";
import { NeedsHandsError } from "../operation/index.js";
import { type Client, connect, isConnectionLoss } from "../postgres/index.js";
import type { AtEnd } from "./at-end.js";
import { commit } from "./commit.js";
import { markProgress, markRunning } from "./control.js";
import { type Direction, entryOf, type FinishedMigration, finishedOf, titleOf } from "./direction.js";
import { isLockProblem, lockRetryDelays, statementsStopped } from "./failure.js";
import type { PlannedMigration } from "./plan.js";
import {
  requireChecks,
  requireInspection,
  requireSmokeChecks,
  resetSession,
  runStatement,
  workOf,
} from "./run.js";
import type { ScriptStatement } from "./script.js";
import type { DeploymentSession } from "./session.js";

/**
 * Runs one migration whose statements cannot share a transaction. How far it came is written to the control table
 * after each of them, over a connection that the file cannot change.
 * @param atEnd what has to hold at its end
 * @param before what was done earlier and stays
 * @throws UnchangedError when nothing of it was done
 * @throws EnvironmentError when nothing of it was done, since the environment could not be reached
 * @throws NeedsHandsError when it stopped half-way, or the outcome of its end is not known
 */
export async function runStatementByStatement(
  session: DeploymentSession,
  migration: PlannedMigration,
  direction: Direction,
  { smoke, inspect }: AtEnd,
  before: readonly FinishedMigration[],
): Promise<FinishedMigration> {
  const { client, operation, target } = session;
  const { version } = migration;
  const work = workOf(migration);
  const leftovers: string[] = [];
  let done = 0;
  let inBlock = false;
  await markRunning(client, [entryOf(migration)], direction.way, false, session.backup);
  try {
    return await operation.step(titleOf(direction, migration), async (step) => {
      const began = await resetSession(session);
      const records = await connect(target.url);
      try {
        for (const [index, statement] of work.entries()) {
          const { transaction } = statement.class;
          // A block that the file opens itself is kept or lost as a whole.
          await runAlone(session, migration, statement, !inBlock, leftovers);
          if (transaction === "begin") inBlock = true;
          if (transaction === "commit") inBlock = false;
          step.progress(index + 1, work.length, "statements");
          if (inBlock) continue;
          done = index + 1;
          await markProgress(records, version, done);
        }
      } finally {
        await records.end().catch(() => {});
      }
      if (inBlock) await client.query("commit");
      inBlock = false;
      done = work.length;
      const ended = await resetSession(session);
      const whole = { migration, began, ended, rowsBefore: null, rowsAfter: null };
      await client.query("begin");
      inBlock = true;
      await direction.record(client, [whole]);
      const checks = await requireChecks(session, migration, migration.checks, step);
      await requireSmokeChecks(session, smoke);
      await requireInspection(session, inspect);
      await commit(session, [migration], direction);
      inBlock = false;
      return finishedOf(whole, checks);
    });
  } catch (error) {
    // Nobody knows how the commit ended: what is recorded stays until somebody can look.
    if (error instanceof NeedsHandsError) throw error;
    if (inBlock) await client.query("rollback").catch(() => {});
    await resetSession(session).catch(() => {});
    const progress = { done, total: work.length, leftovers };
    throw await statementsStopped(session, migration, direction, before, error, progress);
  }
}

/** Runs one statement, again where a lock was not to be had and it may be run again. */
async function runAlone(
  session: DeploymentSession,
  migration: PlannedMigration,
  statement: ScriptStatement,
  repeatable: boolean,
  leftovers: string[],
): Promise<void> {
  if (buildsIndex(statement)) return await buildIndex(session, migration, statement, leftovers);
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await runStatement(session, migration, statement);
    } catch (error) {
      const delay = lockRetryDelays[attempt];
      const again = repeatable && isLockProblem(error) && !session.signal?.aborted;
      if (!again || delay === undefined) throw error;
      await sleep(delay);
    }
  }
}

function buildsIndex({ class: { node, need } }: ScriptStatement): boolean {
  return need === "outside" && (node === "IndexStmt" || node === "ReindexStmt");
}

/**
 * Builds an index concurrently, and drops what a failed attempt leaves behind. It waits for every transaction that
 * is older, but nobody waits for it, so it is given more time than other statements.
 */
async function buildIndex(
  session: DeploymentSession,
  migration: PlannedMigration,
  statement: ScriptStatement,
  leftovers: string[],
): Promise<void> {
  const { client, operation } = session;
  const before = await invalidIndexes(client);
  await waitForLocks(client, "4s", "10min");
  try {
    await runStatement(session, migration, statement);
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    await waitForLocks(client, "10min", "10s");
    for (const index of await invalidIndexes(client)) {
      if (before.includes(index)) continue;
      try {
        await client.query(`drop index concurrently if exists ${index}`);
        operation.finding("warning", `the invalid index ${index} that it left was dropped`);
      } catch {
        leftovers.push(index);
      }
    }
    throw error;
  }
  await waitForLocks(client, "10min", "4s");
}

/** Changes how long a statement waits for a lock, unless the file has set that itself. */
async function waitForLocks(client: Client, from: string, to: string): Promise<void> {
  await client.query(
    "select pg_catalog.set_config('lock_timeout', $2, false) where pg_catalog.current_setting('lock_timeout') = $1",
    [from, to],
  );
}

/** The names of invalid indexes, quoted and qualified as they have to be. */
async function invalidIndexes(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "select indexrelid::regclass::text as name from pg_catalog.pg_index where not indisvalid",
  );
  return rows.map(({ name }) => name);
}
