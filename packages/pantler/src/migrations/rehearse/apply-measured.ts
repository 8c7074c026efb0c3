import type { Client } from "../../postgres/index.js";
import { leadingWord, sqlstateOf, sqlstates, withClient } from "../../postgres/index.js";
import { type CheckGroup, type CheckResult, summarize } from "../check.js";
import { markRunning } from "../control.js";
import { entryOf } from "../direction.js";
import { StepFailure } from "../failure.js";
import type { Batch, PlannedMigration } from "../plan.js";
import { requireChecks, resetSession, runStatement, workOf } from "../run.js";
import { type ScriptStatement, sentStatements } from "../script.js";
import type { DeploymentSession } from "../session.js";
import { upwards } from "../up.js";
import { describeStatement } from "./describe-statement.js";
import type { Effects, Hold } from "./effects.js";
import type { KnownTables } from "./known-tables.js";
import { measureOutside } from "./outside-watch.js";
import type { RehearsedStatement } from "./rehearsal.js";
import { TransactionWatch } from "./transaction-watch.js";

/** A statement as it was measured. */
export interface MeasuredStatement extends RehearsedStatement {
  readonly effects: Effects;
  /** The transaction that it shares with others, until whose commit its locks stay. */
  readonly transaction: TransactionWatch | undefined;
}

/** What applying migrations came to. */
export interface Measured {
  readonly statements: MeasuredStatement[];
  readonly holds: Hold[];
  readonly checks: CheckResult[];
}

/**
 * Applies migrations in the transactions of a real run, one statement after the other, and measures each.
 * @param smoke checks that run before the last batch commits
 * @throws StepFailure for a statement or a check that failed
 * @throws the server's error when a commit failed, and the signal's reason when that is aborted
 */
export async function applyMeasured(
  session: DeploymentSession,
  batches: readonly Batch[],
  known: KnownTables,
  smoke: readonly CheckGroup[],
): Promise<Measured> {
  const measured: Measured = { statements: [], holds: [], checks: [] };
  for (const [index, batch] of batches.entries()) {
    const run: Run = { session, known, measured, smoke: index === batches.length - 1 ? smoke : [] };
    if (batch.transactional) await runBatch(run, batch);
    else for (const migration of batch.migrations) await runAlone(run, migration);
  }
  return measured;
}

interface Run {
  readonly session: DeploymentSession;
  readonly known: KnownTables;
  readonly measured: Measured;
  readonly smoke: readonly CheckGroup[];
}

async function runBatch(run: Run, batch: Batch): Promise<void> {
  const { session, known, measured } = run;
  const { client, operation, signal } = session;
  await markRunning(client, batch.migrations.map(entryOf), "up", true, undefined);
  const watch = await TransactionWatch.prepare(client, known);
  await client.query("begin");
  for (const migration of batch.migrations) {
    await operation.step(titleOf(migration), async (step) => {
      const began = await resetSession(session);
      await watch.rebase();
      const work = sentStatements(migration.script);
      for (const [index, statement] of work.entries()) {
        await measureInside(run, watch, migration, statement);
        step.progress(index + 1, work.length, "statements");
      }
      step.note(`${work.length} ${work.length === 1 ? "statement" : "statements"}`);
      const ended = await resetSession(session);
      // A check may ask the ledger, and finds its own migration there.
      await upwards.record(client, [{ migration, began, ended, rowsBefore: null, rowsAfter: null }]);
      const check = () => requireChecks(session, migration, migration.checks, step);
      measured.checks.push(...(await watch.check(check)));
      signal?.throwIfAborted();
    });
  }
  await watch.check(() => runSmokeChecks(run));
  await client.query("commit");
  measured.holds.push(...watch.end());
}

/** Runs one migration whose statements cannot share a transaction. */
async function runAlone(run: Run, migration: PlannedMigration): Promise<void> {
  const { session, measured } = run;
  const { client, operation, target } = session;
  await markRunning(client, [entryOf(migration)], "up", false, undefined);
  await operation.step(titleOf(migration), async (step) => {
    const began = await resetSession(session);
    const work = workOf(migration);
    await withClient(target.url, async (observer) => {
      let block: TransactionWatch | undefined;
      for (const [index, statement] of work.entries()) {
        block = await runInOrOutOfBlock(run, observer, migration, statement, block);
        step.progress(index + 1, work.length, "statements");
      }
      if (!block) return;
      await client.query("commit");
      measured.holds.push(...block.end());
    });
    step.note(`${work.length} ${work.length === 1 ? "statement" : "statements"}`);
    const ended = await resetSession(session);
    await client.query("begin");
    await upwards.record(client, [{ migration, began, ended, rowsBefore: null, rowsAfter: null }]);
    measured.checks.push(...(await requireChecks(session, migration, migration.checks, step)));
    await runSmokeChecks(run);
    await client.query("commit");
  });
}

/**
 * Runs a statement where no transaction is open but one that the file opens itself.
 * @returns the watch over the file's transaction, while one is open
 */
async function runInOrOutOfBlock(
  run: Run,
  observer: Client,
  migration: PlannedMigration,
  statement: ScriptStatement,
  block: TransactionWatch | undefined,
): Promise<TransactionWatch | undefined> {
  const { session, known, measured } = run;
  const { transaction } = statement.class;
  if (transaction === "begin" && !block) {
    const watch = await TransactionWatch.prepare(session.client, known);
    await runStatement(session, migration, statement);
    return watch;
  }
  if (transaction === "commit" && block) {
    await runStatement(session, migration, statement);
    measured.holds.push(...block.end());
    return undefined;
  }
  if (block) {
    await measureInside(run, block, migration, statement);
    return block;
  }
  if (!mayBeWrapped(statement) || !(await measureWrapped(run, migration, statement))) {
    await measureUnwrapped(run, observer, migration, statement);
  }
  return undefined;
}

/** Whether a statement does the same in a transaction of its own making: what may commit by itself does not. */
function mayBeWrapped({ text, class: { need, transaction } }: ScriptStatement): boolean {
  return need !== "outside" && transaction === undefined && !["call", "do"].includes(leadingWord(text));
}

/**
 * Measures a statement in a transaction opened for it alone, which shows its locks for certain.
 * @returns false when it turns out that it cannot be in one; nothing of it is left then
 */
async function measureWrapped(
  run: Run,
  migration: PlannedMigration,
  statement: ScriptStatement,
): Promise<boolean> {
  const { client } = run.session;
  const watch = await TransactionWatch.prepare(client, run.known);
  await client.query("begin");
  try {
    await measureInside(run, watch, migration, statement, false);
  } catch (error) {
    const sqlstate = error instanceof StepFailure ? error.parts.sqlstate : sqlstateOf(error);
    if (sqlstate !== sqlstates.activeTransaction) throw error;
    await client.query("rollback");
    return false;
  }
  await client.query("commit");
  run.measured.holds.push(...watch.end());
  return true;
}

async function measureUnwrapped(
  { session, known, measured }: Run,
  observer: Client,
  migration: PlannedMigration,
  statement: ScriptStatement,
): Promise<void> {
  const place = measured.statements.length;
  const { effects, holds } = await measureOutside({ client: session.client, observer, known }, place, () =>
    runStatement(session, migration, statement),
  );
  measured.statements.push({
    ...describeStatement(migration, statement, effects),
    effects,
    transaction: undefined,
  });
  measured.holds.push(...holds);
}

async function measureInside(
  { session, measured }: Run,
  watch: TransactionWatch,
  migration: PlannedMigration,
  statement: ScriptStatement,
  isShared = true,
): Promise<void> {
  const isTruncation = leadingWord(statement.text) === "truncate";
  const effects = await watch.measure(measured.statements.length, isTruncation, () =>
    runStatement(session, migration, statement),
  );
  measured.statements.push({
    ...describeStatement(migration, statement, effects),
    effects,
    transaction: isShared ? watch : undefined,
  });
}

async function runSmokeChecks({ session, measured, smoke }: Run): Promise<void> {
  for (const group of smoke.filter(({ checks }) => checks.length > 0)) {
    await session.operation.step(`check ${group.title}`, async (step) => {
      await resetSession(session);
      const results = await requireChecks(session, undefined, group, step);
      measured.checks.push(...results);
      step.note(summarize(results));
    });
  }
}

function titleOf({ version, name }: PlannedMigration): string {
  return `rehearse ${version}_${name}`;
}
