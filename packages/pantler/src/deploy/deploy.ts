import type { Target } from "../engine/index.js";
import {
  EnvironmentError,
  newId,
  type Operation,
  RefusedError,
  stopWhenAborted,
} from "../operation/index.js";
import { refuseTransactionPooler, withClient } from "../postgres/index.js";
import { applyRehearsed, type Prepared } from "./apply.js";
import { holdDeployments, overHold } from "./deployment-hold.js";
import { recordStages } from "./deployments.js";
import { gitCommit } from "./git-commit.js";
import { recover } from "./recover.js";
import { rehearseOnCopy } from "./rehearse-on-copy.js";
import { writeReport } from "./report.js";
import {
  confirmationPhrase,
  type DeployRequest,
  type DeployResult,
  type Proposal,
  type SettledDeployment,
} from "./request.js";
import { judgeRollback } from "./rollback-proof.js";
import { settleInterrupted, undoHalfDone } from "./settle.js";
import { Stages } from "./stages.js";
import { type ValidPlan, validate } from "./validate.js";
import { verifyDeployed } from "./verify.js";

/**
 * Deploys the pending migrations of a project to an environment: validates, takes a backup and proves it, runs them on the
 * copy that proved it, has that confirmed, applies them, verifies the result, and takes back what went wrong.
 * @param signal interrupts the work
 * @throws RefusedError when a guard says no, and nothing was changed
 * @throws UnchangedError when it failed and everything is as it was, or was brought back
 * @throws NeedsHandsError when it failed and could not be taken back; it says what state that leaves and what to run
 */
export async function deploy(
  target: Target,
  request: DeployRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<DeployResult> {
  refuseTransactionPooler(target.url);
  const stages = new Stages();
  const id = newId(new Date());
  const commit = await gitCommit(target.project);
  const { settled, ready } = await getReady(target, request, id, stages, operation, signal);
  const { plan } = ready;
  const known = { id, environment: target.environment.name, commit, findings: plan.findings, settled };
  if (!("backup" in ready)) {
    return {
      ...known,
      outcome: "nothing-pending",
      applied: [],
      backup: undefined,
      rehearsal: undefined,
      stages: stages.done,
      report: [],
    };
  }
  const prepared: Prepared = { id, commit, schemaBefore: [], ...ready };
  const { backup, rehearsal } = prepared;
  const result = { ...known, backup: backup.id, rehearsal };
  if (request.dryRun) {
    return await writeReport(
      target,
      {
        ...result,
        outcome: "rehearsed",
        applied: [],
        stages: stages.done,
        report: [],
      },
      operation,
    );
  }
  await stages.run("confirm", () => requireConfirmation(target, request, prepared));
  stopWhenAborted(signal, `Nothing was deployed; the backup ${backup.id} stays listed.`);
  const applied = await change(target, request, prepared, stages, operation, signal);
  await recordTimes(target, id, stages, operation);
  return await writeReport(
    target,
    {
      ...result,
      outcome: "applied",
      applied,
      stages: stages.done,
      report: [],
    },
    operation,
  );
}

/** What is applied stays so when the times of its parts cannot be added to its record. */
async function recordTimes(target: Target, id: string, stages: Stages, operation: Operation): Promise<void> {
  try {
    await withClient(target.url, (client) => recordStages(client, id, stages.done));
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    operation.finding(
      "warning",
      `the deployment is applied, and how long its parts took could not be recorded: ${error.message}`,
    );
  }
}

type Ready = { readonly plan: ValidPlan } | Omit<Prepared, "id" | "commit" | "schemaBefore">;

/** All that comes before anybody is asked. Other deployments are kept out meanwhile. */
async function getReady(
  target: Target,
  request: DeployRequest,
  id: string,
  stages: Stages,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<{ readonly settled: readonly SettledDeployment[]; readonly ready: Ready }> {
  if (!request.dryRun) await undoHalfDone(target, operation);
  const hold = await holdDeployments(target);
  try {
    const settled = request.dryRun ? [] : await overHold(target, () => settleInterrupted(hold, operation));
    const plan = await stages.run("validate", () =>
      overHold(target, () => validate(target, request, hold, operation.part("validate"), signal)),
    );
    if (plan.versions.length === 0) return { settled, ready: { plan } };
    const { to, includeAll, keys } = request;
    const name = `before deployment ${id}`;
    const rehearsed = await stages.run("back up, drill and rehearse", () =>
      rehearseOnCopy(target, { to, includeAll }, name, keys, operation, signal),
    );
    judgeRollback(rehearsed.rehearsal, operation);
    return { settled, ready: { plan, ...rehearsed } };
  } finally {
    await hold.release();
  }
}

async function requireConfirmation(
  { environment }: Target,
  { confirm }: DeployRequest,
  { plan, backup, rehearsal }: Prepared,
): Promise<void> {
  const phrase = confirmationPhrase(environment.name);
  const proposal: Proposal = { backup, rehearsal, findings: plan.findings, phrase };
  if ((await confirm(proposal)) === phrase) return;
  throw new RefusedError({
    code: "not-confirmed",
    message: `The deployment to ${environment.name} was not confirmed.`,
    state: `Nothing was deployed; the backup ${backup.id} is proven and stays listed.`,
    remedy: `Confirm it: --confirm "${phrase}"`,
  });
}

/** Applies and verifies; what fails once the environment may have been changed is taken back. */
async function change(
  target: Target,
  request: DeployRequest,
  prepared: Prepared,
  stages: Stages,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<DeployResult["applied"]> {
  try {
    const applied = await stages.run("apply", () =>
      applyRehearsed(target, request, prepared, stages.done, operation.part("apply"), signal),
    );
    await stages.run("verify", () => verifyDeployed(target, prepared, operation.part("verify")));
    return applied;
  } catch (error) {
    // A guard speaks before anything is changed.
    if (error instanceof RefusedError) throw error;
    return await stages.run("recover", () => recover(target, request, prepared, error, operation));
  }
}
