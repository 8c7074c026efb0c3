import { type Client, leadingWord, sqlstateOf, sqlstates, withClient } from "../../postgres/index.js";
import { markRunning } from "../control.js";
import { entryOf } from "../direction.js";
import { StepFailure } from "../failure.js";
import type { PlannedMigration } from "../plan.js";
import { requireChecks, resetSession, runStatement, workOf } from "../run.js";
import type { ScriptStatement } from "../script.js";
import { upwards } from "../up.js";
import { describeStatement } from "./describe-statement.js";
import { measureInside, type Run, runSmokeChecks, titleOf } from "./measured.js";
import { measureOutside } from "./outside-watch.js";
import { TransactionWatch } from "./transaction-watch.js";

/** Runs one migration whose statements cannot share a transaction. */
export async function runAlone(run: Run, migration: PlannedMigration): Promise<void> {
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

/** First words of statements that may commit by themselves, or that only a transaction of the file's own allows. */
const differsInside = new Set(["call", "declare", "do", "lock"]);

/** Whether a statement does the same in a transaction that is opened for it alone. */
function mayBeWrapped({ text, class: { need, transaction } }: ScriptStatement): boolean {
  return need !== "outside" && transaction === undefined && !differsInside.has(leadingWord(text));
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
