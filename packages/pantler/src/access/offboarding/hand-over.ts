import { inOneTransaction, refuseHalfRestored, takeProvenBackup, undoCommand } from "../../backup/index.js";
import type { Target } from "../../engine/index.js";
import {
  counted,
  grouped,
  type Operation,
  PantlerError,
  RefusedError,
  stopWhenAborted,
  withReleases,
} from "../../operation/index.js";
import {
  type Client,
  cancelOnAbort,
  connect,
  environmentProblem,
  refuseTransactionPooler,
  requireHeldLock,
  requireServer,
  takeDeploymentLock,
} from "../../postgres/index.js";
import { deleteUser, lockUsers, moveRows, planOutdated } from "./carry-out.js";
import { readEffects, requirePlanned } from "./effects.js";
import { requireFeasible, requireProfile } from "./feasible.js";
import { type Handover, type MadePlan, makePlan, saysTheSame } from "./plan.js";
import { type HandoverPlan, type HandoverRequest, type HandoverResult, nameOf } from "./request.js";

const nothingDone = "Nothing was done.";

/** No limit of the role's own may end the session while somebody reads the plan, or while a backup is proven. */
const patientSession = `
set statement_timeout = 0;
set idle_in_transaction_session_timeout = 0;
set idle_session_timeout = 0;
`;

/** Plans a handover, has it confirmed, takes a proven backup of a protected environment, and carries it out. */
export async function handOver(
  target: Target,
  handover: Handover,
  request: HandoverRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<HandoverResult> {
  const started = performance.now();
  const { url, environment } = target;
  refuseTransactionPooler(url);
  return await withReleases(async (onRelease) => {
    const client = await connect(url, {
      applicationName: handover.leaves ? "pantler offboard" : "pantler reassign",
    });
    onRelease(() => client.end().catch(() => {}));
    try {
      onRelease(await cancelOnAbort(client, url, signal));
      await requireServer(client, url);
      await client.query(patientSession);
      await refuseHalfRestored(client, url);
      if (!request.dryRun) await takeDeploymentLock(client);
      const made = await planInSteps(client, target, handover, operation);
      const { plan } = made;
      const end = (outcome: HandoverResult["outcome"], backup?: string): HandoverResult => ({
        ...plan,
        outcome,
        backup,
        undo: backup === undefined ? undefined : undoCommand(backup, target),
        milliseconds: Math.round(performance.now() - started),
      });
      if (!handover.leaves && plan.moving === 0) return end("nothing to do");
      if (request.dryRun) return end("planned");
      stopWhenAborted(signal, nothingDone);
      await requireConfirmation(plan, request);
      stopWhenAborted(signal, nothingDone);
      const name = `before ${handover.leaves ? "off-boarding" : "reassigning"} ${nameOf(plan.from)}`;
      const backup = environment.protected
        ? await takeProvenBackup(
            target,
            { name, keys: request.keys, otherwise: "Nothing was moved" },
            operation,
            signal,
          )
        : undefined;
      stopWhenAborted(
        signal,
        backup ? `Nothing was moved; the backup ${backup.id} stays listed.` : nothingDone,
      );
      await carryOut(client, target, handover, made, operation, signal);
      return end(handover.leaves ? "offboarded" : "reassigned", backup?.id);
    } catch (error) {
      if (!(error instanceof PantlerError)) stopWhenAborted(signal, nothingDone, error);
      throw environmentProblem(url, error) ?? error;
    }
  });
}

async function planInSteps(
  client: Client,
  target: Target,
  handover: Handover,
  operation: Operation,
): Promise<MadePlan> {
  const made = await operation.step("count the rows that name the user", async (step) => {
    const found = await makePlan(client, target, handover, step);
    step.note(`${grouped(found.plan.moving)} move`);
    return found;
  });
  const plan = await operation.step("look for what would collide or stay behind", () =>
    requireFeasible(client, target, made),
  );
  for (const warning of plan.warnings) operation.finding("warning", warning);
  return { ...made, plan };
}

/** All of it, or nothing. The plan is made anew under the locks; it has to be the one that was confirmed. */
async function carryOut(
  client: Client,
  target: Target,
  handover: Handover,
  confirmed: MadePlan,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const work = async () => {
    await requireHeldLock(client, "Nothing was moved.");
    await lockUsers(client, confirmed);
    const made = await makePlan(client, target, handover);
    if (!saysTheSame(made.plan, confirmed.plan)) throw planOutdated();
    requireProfile(made);
    const before = await readEffects(client);
    await moveRows(client, made, operation);
    if (handover.leaves) await deleteUser(client, made, operation);
    requirePlanned(before, await readEffects(client), made.plan, operation);
  };
  await inOneTransaction(client, target.url, signal, work, handover.leaves ? "off-boarding" : "reassignment");
}

async function requireConfirmation(plan: HandoverPlan, { confirm }: HandoverRequest): Promise<void> {
  const answer = await confirm(plan);
  if (plan.phrase === undefined || answer === plan.phrase) return;
  throw new RefusedError({
    code: "not-confirmed",
    message: `${plan.environment} is protected, and nobody confirmed that ${counted(plan.moving, "row")} of ${nameOf(plan.from)} become ${nameOf(plan.to)}'s.`,
    state: nothingDone,
    remedy: `Confirm it: --confirm "${plan.phrase}"`,
  });
}
