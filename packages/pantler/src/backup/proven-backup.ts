import type { ScratchServer, Target } from "../engine/index.js";
import { type Operation, RefusedError } from "../operation/index.js";
import type { Keys } from "./archive/archive-reader.js";
import type { Backup } from "./catalog.js";
import { createBackup } from "./create.js";
import { makeAndDrill } from "./drill.js";

export interface ProvenBackupRequest {
  /** What to call the backup. */
  readonly name: string;
  readonly keys: Keys;
  /** What does not happen when the backup cannot be proven, as a sentence. */
  readonly otherwise: string;
  /** Works with the server that the backup was restored into, before that goes away. */
  readonly then?: ((backup: Backup, server: ScratchServer) => Promise<void>) | undefined;
}

/**
 * Takes a backup of an environment and proves it by a drill.
 * @param signal interrupts the work
 * @throws RefusedError `backup-not-proven`, and what making it, proving it and `then` throw
 */
export async function takeProvenBackup(
  target: Target,
  { name, keys, otherwise, then }: ProvenBackupRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<Backup> {
  const { passphrase } = keys;
  const make = async () => await createBackup(target, { name, passphrase }, operation, signal);
  const { backup, drill } = await makeAndDrill(make, keys, operation, signal, then);
  if (drill.proven) return backup;
  throw new RefusedError({
    code: "backup-not-proven",
    message: `The backup ${backup.id} of what ${target.environment.name} holds now did not pass its drill.`,
    detail: drill.differences.join("\n"),
    state: `${otherwise}; that backup stays listed.`,
    remedy: `See what differs: pantler backup show ${backup.id}`,
  });
}
