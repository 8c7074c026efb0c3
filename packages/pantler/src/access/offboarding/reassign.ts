import type { Target } from "../../engine/index.js";
import type { Operation } from "../../operation/index.js";
import { handOver } from "./hand-over.js";
import type { HandoverResult, OffboardRequest, ReassignRequest } from "./request.js";

/**
 * Makes the rows of one user another's, in one transaction, soft-deleted ones included: plans, has that confirmed, and
 * proves a backup first where the environment is protected. What is about the user, and not owned, stays.
 * @param signal interrupts the work
 * @throws InputError `same-user`, `user-ambiguous`, `user-deleted`
 * @throws RefusedError `would-collide`, `profile-missing`, `not-confirmed`, `backup-not-proven`, `deployment-running`,
 *   `plan-outdated`, `unplanned-loss`, `lock-lost`
 * @throws EnvironmentError `user-unknown`, `auth-missing`, `right-missing`, and where the environment cannot be used
 * @throws UnchangedError when it failed and everything is as it was: `refused-by-database`, `not-moved`, `interrupted`
 * @throws NeedsHandsError `commit-unknown` when the connection broke and the outcome is not known
 */
export async function reassignRows(
  target: Target,
  request: ReassignRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<HandoverResult> {
  const { from, to } = request;
  return await handOver(target, { from, to, leaves: false }, request, operation, signal);
}

/**
 * Does the same, and in the same transaction ends the user's sessions, deletes the user with what is about them, and
 * verifies that nothing refers to them any more.
 * @param signal interrupts the work
 * @throws what `reassignRows` throws; RefusedError `would-block` where something about the user keeps them from being
 *   deleted; UnchangedError `still-referred`
 */
export async function offboardUser(
  target: Target,
  request: OffboardRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<HandoverResult> {
  const { user, to } = request;
  return await handOver(target, { from: user, to, leaves: true }, request, operation, signal);
}
