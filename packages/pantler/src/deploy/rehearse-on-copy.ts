import { type Backup, type Keys, takeProvenBackup, targetOfCopy } from "../backup/index.js";
import type { ScratchServer, Target } from "../engine/index.js";
import {
  type Rehearsal,
  readRehearsalEnvironment,
  rehearseMigrations,
  type UpRequest,
} from "../migrations/index.js";
import type { Operation } from "../operation/index.js";
import { withClient } from "../postgres/index.js";

/**
 * Takes a backup of an environment, proves it, and runs what is pending on the very copy that proved it.
 * @param name what to call the backup
 * @param signal interrupts the work; a backup that was taken until then stays listed
 * @throws RefusedError `backup-not-proven`
 * @throws UnchangedError when a migration or a check failed in the rehearsal
 */
export async function rehearseOnCopy(
  target: Target,
  request: UpRequest,
  name: string,
  keys: Keys,
  operation: Operation,
  signal?: AbortSignal,
): Promise<{ readonly backup: Backup; readonly rehearsal: Rehearsal }> {
  const environment = await withClient(target.url, readRehearsalEnvironment);
  let rehearsal: Rehearsal | undefined;
  const otherwise = "Nothing was deployed";
  const then = async ({ manifest }: Backup, server: ScratchServer) => {
    const copy = await targetOfCopy(target, server, manifest.source.role);
    rehearsal = await rehearseMigrations(copy, environment, request, operation, signal, manifest.tables);
  };
  const backup = await takeProvenBackup(target, { name, keys, otherwise, then }, operation, signal);
  if (!rehearsal) throw new Error("a backup that is proven was rehearsed on");
  return { backup, rehearsal };
}
