import type { Backup, Environment, Keys } from "../index.js";
import { InputError, RefusedError } from "../operation/index.js";
import type { SharedOptions } from "./command.js";
import { canAsk } from "./confirm.js";

/** The keys that the process' environment holds. Keys come from nowhere else: an option would be seen by everybody. */
export function keysFromEnvironment(): Keys {
  const { PANTLER_BACKUP_IDENTITY: identity, PANTLER_BACKUP_PASSPHRASE: passphrase } = process.env;
  return { identity: identity || undefined, passphrase: passphrase || undefined };
}

/** The keys for a backup. A passphrase that is nowhere is asked for, where there is somebody to ask. */
export async function keysFor({ manifest }: Backup, options: SharedOptions): Promise<Keys> {
  const keys = keysFromEnvironment();
  if (manifest.encryption !== "passphrase" || keys.passphrase || keys.identity || !canAsk(options))
    return keys;
  return { ...keys, passphrase: await askSecret(`The passphrase of ${manifest.id}:`) };
}

/**
 * The passphrase to encrypt a backup with, if it is to be encrypted with one.
 * @param wanted whether encryption was asked for; recipients in the settings encrypt always
 * @throws InputError `key-missing`, `passphrases-differ`
 */
export async function passphraseFor(
  { name, backups }: Environment,
  wanted: boolean,
  options: SharedOptions,
): Promise<string | undefined> {
  if (!wanted || backups.recipients.length > 0) return undefined;
  const { passphrase } = keysFromEnvironment();
  if (passphrase) return passphrase;
  if (canAsk(options)) {
    const first = await askSecret("A passphrase, of at least four random words:");
    if ((await askSecret("The same once more:")) === first) return first;
    throw new InputError({
      code: "passphrases-differ",
      message: "The two passphrases are not the same.",
      state: "Nothing was done.",
      remedy: "Run it again, and type it the same twice.",
    });
  }
  throw new InputError({
    code: "key-missing",
    message: `There is nothing to encrypt the backup of ${name} with.`,
    state: "Nothing was done.",
    remedy:
      "Put public keys of age into backups.recipients of the config, or set PANTLER_BACKUP_PASSPHRASE to at least four random words.",
  });
}

/**
 * Sees to it that a backup that is yet to be taken can be drilled afterwards.
 * @param what drills it, for the error
 * @throws InputError `key-missing`
 */
export function requireDrillKeys({ backups }: Environment, what: string): void {
  if (backups.recipients.length === 0 || keysFromEnvironment().identity) return;
  throw new InputError({
    code: "key-missing",
    message: `${what} takes the secret key of one of backups.recipients, and PANTLER_BACKUP_IDENTITY is not set.`,
    state: "Nothing was done.",
    remedy: "Set PANTLER_BACKUP_IDENTITY to that key (AGE-SECRET-KEY-…), or to a file that holds it.",
  });
}

async function askSecret(message: string): Promise<string> {
  const prompts = await import("@clack/prompts");
  const answer = await prompts.password({
    message,
    output: process.stderr,
    validate: (text) => (text ? undefined : "It must not be empty."),
  });
  if (typeof answer === "string") return answer;
  throw new RefusedError({
    code: "not-confirmed",
    message: "No passphrase was given.",
    state: "Nothing was done.",
    remedy: "Run it again, or set PANTLER_BACKUP_PASSPHRASE.",
  });
}
