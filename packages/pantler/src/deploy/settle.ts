import type { Target } from "../engine/index.js";
import { rollBackMigrations } from "../migrations/index.js";
import { NeedsHandsError, type Operation } from "../operation/index.js";
import { withClient } from "../postgres/index.js";
import type { DeploymentHold } from "./deployment-hold.js";
import { type RunningDeployment, readRunning, recordEnded } from "./deployments.js";
import { type Remains, readRemains } from "./remains.js";
import type { SettledDeployment } from "./request.js";

/**
 * Settles deployments whose process ended before they did. One of which everything is applied was finished; one of which
 * nothing is, was rolled back by the server. A migration that stopped half-way outside of a transaction is undone by its
 * rollback script; those before it stay, being whole, and the deployment that comes now goes on with the others.
 * @param hold keeps others out: what is recorded as running then belongs to nobody
 * @throws NeedsHandsError `deployment-half-done`
 */
export async function settleInterrupted(
  { client }: DeploymentHold,
  operation: Operation,
): Promise<SettledDeployment[]> {
  const settled: SettledDeployment[] = [];
  for (const deployment of await readRunning(client)) {
    const title = `settle the deployment ${deployment.id}, which did not end`;
    await operation.step(title, async (step) => {
      const remains = await readRemains(client, deployment.id, deployment.migrations);
      const outcome = outcomeOf(deployment, remains);
      step.note(outcome);
      await recordEnded(client, deployment.id, outcome, "the process ended before the deployment did");
      settled.push({ id: deployment.id, outcome });
    });
  }
  return settled;
}

/**
 * Undoes a migration that stopped half-way in a deployment whose process ended.
 * @param target nobody may hold the deployment lock
 * @throws NeedsHandsError `deployment-half-done`
 */
export async function undoHalfDone(target: Target, operation: Operation): Promise<void> {
  const found = await withClient(target.url, async (client) => {
    for (const deployment of await readRunning(client)) {
      const { halfDone } = await readRemains(client, deployment.id, deployment.migrations);
      if (halfDone !== undefined) return { deployment, halfDone };
    }
    return undefined;
  });
  if (!found) return;
  const { deployment, halfDone } = found;
  operation.finding(
    "warning",
    `the deployment ${deployment.id} ended half-way through ${halfDone}, which is undone`,
  );
  try {
    await rollBackMigrations(target, [halfDone], operation.part("undo"));
  } catch (error) {
    throw new NeedsHandsError({
      code: "deployment-half-done",
      message: `The deployment ${deployment.id} ended half-way through ${halfDone}, and its rollback failed: ${error instanceof Error ? error.message : String(error)}.`,
      state: `Some statements of ${halfDone} are done. The backup ${deployment.backup} is from before that deployment, ${deployment.startedAt.toISOString()}.`,
      remedy: `Finish or undo it by hand, then say so with pantler migration repair ${halfDone} --status applied|reverted; or restore the backup, losing what was written since: pantler restore ${deployment.backup} --env ${target.environment.name}`,
      cause: error,
    });
  }
}

function outcomeOf({ migrations }: RunningDeployment, { applied }: Remains): SettledDeployment["outcome"] {
  if (applied.length === migrations.length) return "applied";
  return applied.length > 0 ? "interrupted" : "unchanged";
}
