import type { Target } from "../../engine/index.js";
import { type Operation, RefusedError } from "../../operation/index.js";
import type { Backup } from "../catalog.js";
import { createBackup } from "../create.js";
import { drillBackup } from "../drill.js";
import type { RestoreRequest } from "./plan-restore.js";

/**
 * Sees to it that a protected environment is overwritten only by somebody who means it.
 * @throws RefusedError `not-confirmed`
 */
export function requireConfirmation({ environment }: Target, { confirmation }: RestoreRequest): void {
  if (!environment.protected || confirmation === environment.name) return;
  throw new RefusedError({
    code: "not-confirmed",
    message: `${environment.name} is protected and holds data, which a restore overwrites.`,
    state: "Nothing was done.",
    remedy: `Confirm it by its name: --confirm ${environment.name}`,
  });
}

/**
 * Takes a backup of what a protected environment holds, and proves it.
 * @throws RefusedError `backup-not-proven`, and what making and proving it throws
 */
export async function secure(
  target: Target,
  request: RestoreRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Backup | undefined> {
  const { environment } = target;
  if (!environment.protected) return undefined;
  const { passphrase } = request.keys;
  const safety = await createBackup(target, { name: "before a restore", passphrase }, operation, signal);
  const drill = await drillBackup(safety, request.keys, operation, signal);
  if (drill.proven) return safety;
  throw new RefusedError({
    code: "backup-not-proven",
    message: `The backup ${safety.id} of what ${environment.name} holds now did not pass its drill.`,
    detail: drill.differences.join("\n"),
    state: "Nothing was restored; that backup stays listed.",
    remedy: `See what differs: pantler backup show ${safety.id}`,
  });
}
