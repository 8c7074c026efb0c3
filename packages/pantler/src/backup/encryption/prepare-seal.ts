import { type Operation, PantlerError } from "../../operation/index.js";
import { ArchiveReader } from "../archive/archive-reader.js";
import type { Manifest } from "../archive/manifest.js";
import type { Backup } from "../catalog.js";
import type { Seal } from "./encryption.js";

/** How a new archive is encrypted, and the backup it may refer to. */
interface Sealing {
  readonly seal: Seal | undefined;
  readonly parent: Backup | undefined;
}

/**
 * Prepares the encryption of a new archive. Where it may refer to another one whose files a passphrase hides, that one's
 * keys go into its own key file, so that the passphrase opens all it needs.
 * @param recipients who are encrypted to; without any the passphrase is used, if there is one
 * @param choose finds the backup that an archive of this kind may refer to
 */
export async function prepareSeal(
  recipients: readonly string[],
  passphrase: string | undefined,
  choose: (encryption: Manifest["encryption"]) => Backup | undefined,
  operation: Operation,
): Promise<Sealing> {
  if (recipients.length === 0 && passphrase === undefined)
    return { seal: undefined, parent: choose(undefined) };
  const { createSeal } = await import("./encryption.js");
  if (recipients.length > 0 || passphrase === undefined) {
    return { seal: await createSeal({ recipients }), parent: choose("recipients") };
  }
  const chosen = choose("passphrase");
  const identities = chosen && (await identitiesOf(chosen, passphrase, operation));
  return {
    seal: await createSeal({ passphrase, identities }),
    parent: identities === undefined ? undefined : chosen,
  };
}

/** The keys of a backup's files; undefined when they cannot be had. */
async function identitiesOf(
  { store, manifest }: Backup,
  passphrase: string,
  operation: Operation,
): Promise<string | undefined> {
  const { openKeyFile } = await import("./encryption.js");
  try {
    const keyFile = await ArchiveReader.stored(store, manifest).keyFile();
    return keyFile && (await openKeyFile(keyFile, passphrase));
  } catch (error) {
    if (!(error instanceof PantlerError) || !unusable.has(error.code)) throw error;
    operation.finding("warning", `${manifest.id} is not referred to: ${error.message}`);
    return undefined;
  }
}

const unusable = new Set(["passphrase-wrong", "archive-damaged"]);
