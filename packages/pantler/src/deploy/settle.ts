import type { Target } from "../engine/index.js";
import { rollBackMigrations } from "../migrations/index.js";
import {
  EnvironmentError,
  messageOf,
  NeedsHandsError,
  type Operation,
  RefusedError,
} from "../operation/index.js";
import { type Client, withClient } from "../postgres/index.js";
import type { DeploymentHold } from "./deployment-hold.js";
import { type RunningDeployment, readRunning, recordEnded } from "./deployments.js";
import { type Remains, readRemains } from "./remains.js";
import type { SettledDeployment } from "./request.js";

/**
 * Settles deployments whose process ended before they did. One of which everything is applied was finished; one of which
 * nothing is, was rolled back by the server. A migration that stopped half-way outside of a transaction is undone by its
 * rollback script; those before it stay, being whole, and the deployment that comes now goes on with the others.
 * @param hold keeps others out: what is recorded as running then belongs to nobody
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
      if (remains.halfDone !== undefined) {
        // It came to be since the last look; the breaker stops this deployment, and the next one undoes it.
        step.skip(`${remains.halfDone} stopped half-way`);
        return;
      }
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
 * @throws NeedsHandsError `deployment-half-done`
 * @throws RefusedError `deployment-running` when it has not ended
 * @throws EnvironmentError when the environment cannot be reached
 */
export async function undoHalfDone(target: Target, operation: Operation): Promise<void> {
  const found = await withClient(target.url, findHalfDone);
  if (!found) return;
  const { id, version } = found;
  // Until the lock is held it may be the work of a deployment that goes on.
  const isStillThere = async (client: Client) => {
    const now = await findHalfDone(client);
    if (now?.id !== id || now.version !== version) return false;
    operation.finding("warning", `the deployment ${id} ended half-way through ${version}, which is undone`);
    return true;
  };
  try {
    await rollBackMigrations(target, [version], operation.part("undo"), undefined, isStillThere);
  } catch (error) {
    if (error instanceof RefusedError || error instanceof EnvironmentError) throw error;
    throw halfDone(target, found, error);
  }
}

interface HalfDone extends RunningDeployment {
  /** Of the migration that stopped half-way. */
  readonly version: string;
}

async function findHalfDone(client: Client): Promise<HalfDone | undefined> {
  for (const deployment of await readRunning(client)) {
    const { halfDone: version } = await readRemains(client, deployment.id, deployment.migrations);
    if (version !== undefined) return { ...deployment, version };
  }
  return undefined;
}

function halfDone(
  { environment }: Target,
  { id, version, backup, startedAt }: HalfDone,
  cause: unknown,
): NeedsHandsError {
  const because = messageOf(cause);
  return new NeedsHandsError({
    code: "deployment-half-done",
    message: `The deployment ${id} ended half-way through ${version}, and its rollback failed: ${because}`,
    state: `Some statements of ${version} are done. The backup ${backup} is from before that deployment, ${startedAt.toISOString()}.`,
    remedy: `Finish or undo it by hand, then say so with pantler migration repair ${version} --status applied|reverted; or restore the backup, losing what was written since: pantler restore ${backup} --env ${environment.name}`,
    cause,
  });
}

function outcomeOf({ migrations }: RunningDeployment, { applied }: Remains): SettledDeployment["outcome"] {
  if (applied.length === migrations.length) return "applied";
  return applied.length > 0 ? "interrupted" : "unchanged";
}
