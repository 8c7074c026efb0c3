import { type AtEnd, nothingAtEnd } from "./at-end.js";
import type { Direction, FinishedMigration } from "./direction.js";
import { runInTransaction } from "./in-transaction.js";
import type { Batch } from "./plan.js";
import type { DeploymentSession } from "./session.js";
import { runStatementByStatement } from "./statement-by-statement.js";

/**
 * Runs batches one after the other.
 * @param last what has to hold before the last batch commits
 * @returns the migrations in the order they ran
 * @throws UnchangedError when a batch failed and nothing of it is left; `state` names the batches before it
 * @throws NeedsHandsError when something was left that only a person can judge
 */
export async function runBatches(
  session: DeploymentSession,
  batches: readonly Batch[],
  direction: Direction,
  last: AtEnd,
): Promise<FinishedMigration[]> {
  const finished: FinishedMigration[] = [];
  for (const [index, batch] of batches.entries()) {
    const atEnd = index === batches.length - 1 ? last : nothingAtEnd;
    if (batch.transactional) {
      finished.push(...(await runInTransaction(session, batch, direction, atEnd, finished)));
      continue;
    }
    for (const migration of batch.migrations) {
      finished.push(await runStatementByStatement(session, migration, direction, atEnd, finished));
    }
  }
  return finished;
}
