import type { Target } from "../../engine/index.js";
import { type Operation, RefusedError } from "../../operation/index.js";
import type { Backup } from "../catalog.js";
import { takeProvenBackup } from "../proven-backup.js";
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
    remedy: `Confirm it: --confirm ${environment.name}`,
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
  if (!target.environment.protected) return undefined;
  const { keys } = request;
  const otherwise = "Nothing was restored";
  return await takeProvenBackup(target, { name: "before a restore", keys, otherwise }, operation, signal);
}
