import { refuseHalfRestored, takeProvenBackup, undoCommand } from "../../backup/index.js";
import { prepareSession } from "../../copy/index.js";
import type { Target } from "../../engine/index.js";
import { type Operation, RefusedError, stopWhenAborted, withReleases } from "../../operation/index.js";
import {
  cancelOnAbort,
  connect,
  environmentProblem,
  refuseTransactionPooler,
  requireServer,
  takeDeploymentLock,
} from "../../postgres/index.js";
import { refuseSameDatabase, type Side } from "../side.js";
import { copyRows } from "./copy-rows.js";
import { makePlan } from "./plan.js";
import type { SyncPlan, SyncRequest, SyncResult } from "./request.js";

const nothingDone = "Nothing was done.";

/**
 * Makes the rows of one environment those of another, with users and their passwords: plans, has that confirmed, takes a
 * backup of the target and proves it, and replaces all rows in one transaction, which is kept only when their digests
 * are those of the source. Triggers do not fire; constraints are checked. The ledger, and what Pantler records, are not
 * touched.
 * @param signal interrupts the work
 * @throws RefusedError `same-database`, `schemas-differ`, `address-taken`, `users-missing`, `not-confirmed`,
 *   `backup-not-proven`, `deployment-running`, `plan-outdated`, `lock-lost`
 * @throws EnvironmentError where one of the two cannot be used
 * @throws UnchangedError when it failed and everything is as it was
 * @throws NeedsHandsError `commit-unknown` when the connection broke and the outcome is not known
 */
export async function syncEnvironment(
  from: Target,
  to: Target,
  request: SyncRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<SyncResult> {
  const started = performance.now();
  for (const { url } of [from, to]) refuseTransactionPooler(url);
  return await withReleases(async (onRelease) => {
    const [source, target] = await operation.step("connect", async (step) => {
      const sides = await openSides(from, to, onRelease, signal);
      await orProblem(sides, signal, async () => {
        await refuseSameDatabase(...sides);
        if (!request.dryRun) await takeDeploymentLock(sides[1].client);
      });
      step.note(`${from.environment.name} and ${to.environment.name}`);
      return sides;
    });
    const made = await operation.step("compare and plan", async (step) => {
      const found = await orProblem([source, target], signal, () =>
        makePlan(source, target, request.users ?? "test"),
      );
      step.note(`the same schema, ${found.plan.tables.length} tables`);
      return found;
    });
    const { plan } = made;
    for (const warning of plan.warnings) operation.finding("warning", warning);
    const took = () => Math.round(performance.now() - started);
    if (request.dryRun) {
      return { ...plan, outcome: "planned", backup: undefined, undo: undefined, milliseconds: took() };
    }
    stopWhenAborted(signal, nothingDone);
    await requireConfirmation(plan, request);
    stopWhenAborted(signal, nothingDone);
    const { id: backup } = await takeProvenBackup(
      to,
      { name: `before a sync from ${plan.from}`, keys: request.keys, otherwise: "Nothing was overwritten" },
      operation,
      signal,
    );
    stopWhenAborted(signal, `Nothing was overwritten; the backup ${backup} stays listed.`);
    await copyRows(from, target, made, operation, signal);
    return { ...plan, outcome: "synced", backup, undo: undoCommand(backup, to), milliseconds: took() };
  });
}

async function openSides(
  from: Target,
  to: Target,
  onRelease: (release: () => Promise<void> | void) => void,
  signal: AbortSignal | undefined,
): Promise<[Side, Side]> {
  const open = async (target: Target): Promise<Side> => {
    const client = await connect(target.url, { applicationName: "pantler sync" });
    onRelease(() => client.end().catch(() => {}));
    onRelease(await cancelOnAbort(client, target.url, signal));
    const major = await requireServer(client, target.url);
    await prepareSession(client);
    await refuseHalfRestored(client, target.url);
    return { target, name: target.environment.name, client, major };
  };
  // Both are waited for, so that neither is still being opened when the other is closed.
  const [source, target] = await Promise.allSettled([open(from), open(to)]);
  if (source.status === "rejected") throw environmentProblem(from.url, source.reason) ?? source.reason;
  if (target.status === "rejected") throw environmentProblem(to.url, target.reason) ?? target.reason;
  return [source.value, target.value];
}

/** Puts what goes wrong with a connection into words; which of the two it was shows when they are asked. */
async function orProblem<Result>(
  [source, target]: readonly [Side, Side],
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    stopWhenAborted(signal, nothingDone, error);
    const isGone = await source.client.query("select").then(
      () => false,
      () => true,
    );
    throw environmentProblem((isGone ? source : target).target.url, error) ?? error;
  }
}

async function requireConfirmation(plan: SyncPlan, { confirm }: SyncRequest): Promise<void> {
  const answer = await confirm(plan);
  if (plan.phrase === undefined || answer === plan.phrase) return;
  throw new RefusedError({
    code: "not-confirmed",
    message: `${plan.to} is protected, and nobody confirmed that it is overwritten.`,
    state: nothingDone,
    remedy: `Confirm it: --confirm "${plan.phrase}"`,
  });
}
