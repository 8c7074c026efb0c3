import type { CheckGroup } from "../check.js";
import { requireDeploymentLock } from "../commit.js";
import { markRunning } from "../control.js";
import { entryOf } from "../direction.js";
import type { Batch } from "../plan.js";
import { requireChecks, resetSession } from "../run.js";
import { sentStatements } from "../script.js";
import type { DeploymentSession } from "../session.js";
import { upwards } from "../up.js";
import { runAlone } from "./apply-outside.js";
import type { KnownTables } from "./known-tables.js";
import { type Measured, measureInside, type Run, runSmokeChecks, titleOf } from "./measured.js";
import { TransactionWatch } from "./transaction-watch.js";

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
  await requireDeploymentLock(client);
  await client.query("commit");
  measured.holds.push(...watch.end());
}
