import { setTimeout as sleep } from "node:timers/promises";
import { PantlerError } from "../operation/index.js";
import { watchBlockers } from "../postgres/index.js";
import { isLockProblem, lockRetryDelays } from "./failure.js";
import type { DeploymentSession } from "./session.js";

/** How work went that had to wait for locks. */
export type Attempt<Result> =
  | { readonly result: Result }
  | {
      readonly error: unknown;
      /** Who was in the way of a lock, if anybody. */
      readonly blockers: string;
    };

/**
 * Does work that may not get a lock, and does it again when others may have given it back.
 * @param giveBack undoes what a failed attempt holds
 * @returns the result, or the failure of the last attempt
 * @throws PantlerError that the work throws: it knows its state
 */
export async function untilGranted<Result>(
  { client, target, operation, signal }: DeploymentSession,
  work: () => Promise<Result>,
  giveBack: () => Promise<void>,
): Promise<Attempt<Result>> {
  for (let attempt = 0; ; attempt += 1) {
    let blockers = "";
    const onSeen = (seen: string) => {
      blockers = seen;
    };
    try {
      // Nobody is asked who is in the way before somebody was.
      const result = attempt === 0 ? await work() : await watchBlockers(client, target.url, onSeen, work);
      return { result };
    } catch (error) {
      if (error instanceof PantlerError) throw error;
      await giveBack();
      const delay = lockRetryDelays[attempt];
      if (!isLockProblem(error) || delay === undefined || signal?.aborted) return { error, blockers };
      const wait = delay * (0.75 + Math.random() / 2);
      operation.finding("warning", `a lock was not granted; trying again in ${(wait / 1000).toFixed(1)} s`);
      await sleep(wait, undefined, signal ? { signal } : {}).catch(() => {});
    }
  }
}
