import { readFile } from "node:fs/promises";
import { ReadableStream } from "node:stream/web";
import type { Decrypter } from "age-encryption";
import { EnvironmentError, InputError, messageOf } from "../../operation/index.js";
import { passphraseIdentity } from "./age-passphrase.js";

/** Decrypts the files of one archive. */
export interface Unseal {
  /**
   * Decrypts one file. Only what was found genuine is handed on; what the content throws is thrown on.
   * @throws EnvironmentError `archive-damaged`, InputError `identity-wrong`
   */
  decrypt(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** What opens an encrypted archive. */
export interface Keys {
  /** `AGE-SECRET-KEY-…`, a line or the content of an identity file; or the path of such a file. */
  readonly identity?: string | undefined;
  readonly passphrase?: string | undefined;
}

/**
 * Prepares the decryption of one archive.
 * @param keyFile the content of its `key.age`, which those encrypted with a passphrase have
 * @throws InputError `key-missing`, `passphrase-wrong`, `identity-unreadable`, `identity-malformed`; EnvironmentError
 * `archive-damaged` when the key file is
 */
export async function openSeal(keys: Keys, keyFile: Uint8Array | undefined): Promise<Unseal> {
  if (keyFile && keys.passphrase) {
    return await unsealWith(await openKeyFile(keyFile, keys.passphrase), true);
  }
  // Whoever opened the key file by other means may give what was in it.
  if (keys.identity) return await unsealWith(await readIdentity(keys.identity), false);
  const [variable, what] = keyFile
    ? ["PANTLER_BACKUP_PASSPHRASE", "a passphrase"]
    : ["PANTLER_BACKUP_IDENTITY", "keys of age"];
  throw new InputError({
    code: "key-missing",
    message: `This backup is encrypted with ${what}, and ${variable} is not set.`,
    state: "Nothing was done.",
    remedy: keyFile
      ? `Set ${variable} to the passphrase that the backup was made with.`
      : `Set ${variable} to the secret key of one of its recipients (AGE-SECRET-KEY-…), or to a file that holds it.`,
  });
}

/** @param isSure whether the identities are known to be the archive's */
async function unsealWith(identities: string, isSure: boolean): Promise<Unseal> {
  const decrypter = await decrypterFor(identities);
  // A key that has opened one file of an archive is the right one for all.
  let isRight = isSure;
  return {
    async *decrypt(content) {
      const failures: unknown[] = [];
      const chunks = watch(content, failures);
      try {
        const plain = await decrypter.decrypt(ReadableStream.from(chunks));
        isRight = true;
        yield* plain;
      } catch (error) {
        if (failures.length > 0) throw failures[0];
        throw error instanceof NoneMatches && !isRight ? identityWrong() : damaged(error);
      } finally {
        await chunks.return(undefined);
      }
    },
  };
}

async function* watch(
  content: AsyncIterable<Uint8Array>,
  failures: unknown[],
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* content;
  } catch (error) {
    failures.push(error);
    throw error;
  }
}

/** Raised when a file is encrypted to none of the keys at hand. */
class NoneMatches extends Error {}

/** Comes last of all identities, so that it is only asked when no other matched. */
const lastIdentity = {
  unwrapFileKey(): never {
    throw new NoneMatches("none of its recipients is ours");
  },
};

async function decrypterFor(identities: string): Promise<Decrypter> {
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  const lines = identities.split("\n").map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  try {
    for (const key of keys) decrypter.addIdentity(key);
  } catch {
    // Its message may hold a piece of the key.
    throw identityMalformed();
  }
  if (keys.length === 0) throw identityMalformed();
  decrypter.addIdentity(lastIdentity);
  return decrypter;
}

/**
 * Opens the content of a `key.age`.
 * @returns the keys in it, as an identity file has them
 * @throws InputError `passphrase-wrong`, EnvironmentError `archive-damaged`
 */
export async function openKeyFile(keyFile: Uint8Array, passphrase: string): Promise<string> {
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addIdentity(passphraseIdentity(passphrase));
  decrypter.addIdentity(lastIdentity);
  try {
    return await decrypter.decrypt(keyFile, "text");
  } catch (error) {
    if (!(error instanceof NoneMatches)) throw damaged(error);
    throw new InputError({
      code: "passphrase-wrong",
      message: "The passphrase in PANTLER_BACKUP_PASSPHRASE does not open this backup.",
      state: "Nothing was done.",
      remedy: "Set it to the passphrase that the backup was made with.",
    });
  }
}

async function readIdentity(identity: string): Promise<string> {
  if (/^\s*(#|AGE-)/.test(identity)) return identity;
  try {
    return await readFile(identity, "utf8");
  } catch (error) {
    // What is no path may be a key that was written wrongly, so it is not repeated.
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    throw new InputError({
      code: "identity-unreadable",
      message: `PANTLER_BACKUP_IDENTITY is neither a secret key nor a file that can be read${code}.`,
      state: "Nothing was done.",
      remedy: "Set it to AGE-SECRET-KEY-…, or to the path of a file that holds that.",
    });
  }
}

function identityMalformed(): InputError {
  return new InputError({
    code: "identity-malformed",
    message: "What PANTLER_BACKUP_IDENTITY holds or names is no secret key of age.",
    state: "Nothing was done.",
    remedy: "Set it to AGE-SECRET-KEY-… as age-keygen wrote it, or to the path of a file that holds that.",
  });
}

function identityWrong(): InputError {
  return new InputError({
    code: "identity-wrong",
    message: "This backup is not encrypted to the key in PANTLER_BACKUP_IDENTITY.",
    state: "Nothing was done.",
    remedy: "Set it to the secret key of one of the backup's recipients.",
  });
}

function damaged(error: unknown): EnvironmentError {
  const why = messageOf(error);
  return new EnvironmentError({
    code: "archive-damaged",
    message: `An encrypted file of this backup is damaged: ${why}.`,
    state: "Nothing was taken from what is damaged.",
    remedy: "Use another backup; pantler backup verify tells which files of this one are damaged.",
    cause: error,
  });
}
