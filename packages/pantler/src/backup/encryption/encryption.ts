import { ReadableStream } from "node:stream/web";
import type { Encrypter } from "age-encryption";
import { InputError } from "../../operation/index.js";
import { passphraseRecipient } from "./age-passphrase.js";

export { type Keys, openKeyFile, openSeal, type Unseal } from "./decryption.js";

/** Encrypts the files of one archive. */
export interface Seal {
  readonly kind: "recipients" | "passphrase";
  /**
   * For a passphrase: the content of the archive's `key.age`, the key of its files encrypted with the passphrase.
   * `age` takes it for an identity file.
   */
  readonly keyFile: Uint8Array | undefined;
  /** Encrypts one file, in the format of `age`. */
  encrypt(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** To whom an archive is encrypted: owners of `age` keys, or whoever knows a passphrase. */
export type SealOptions =
  | { readonly recipients: readonly string[] }
  | {
      readonly passphrase: string;
      /** What is in the key file of an archive whose files this one refers to. */
      readonly identities?: string | undefined;
    };

/**
 * Prepares the encryption of one archive. A passphrase makes a fresh key, which encrypts the files and is itself encrypted
 * with the passphrase: that takes half a second and 128 MB of memory, once, so that guessing takes it each time.
 * @throws InputError `recipient-missing`, `recipient-malformed`, `passphrase-empty`
 */
export async function createSeal(options: SealOptions): Promise<Seal> {
  if ("recipients" in options) {
    await checkRecipients(options.recipients);
    return sealFor("recipients", options.recipients, undefined);
  }
  if (options.passphrase === "") {
    throw new InputError({
      code: "passphrase-empty",
      message: "The passphrase is empty.",
      state: "Nothing was done.",
      remedy: "Set PANTLER_BACKUP_PASSPHRASE to at least four random words.",
    });
  }
  const { Encrypter, generateX25519Identity, identityToRecipient, Stanza } = await import("age-encryption");
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const encrypter = new Encrypter();
  encrypter.addRecipient(passphraseRecipient(options.passphrase, Stanza));
  const others = options.identities ?? "";
  const keyFile = await encrypter.encrypt(`# public key: ${recipient}\n${identity}\n${others}`);
  return sealFor("passphrase", [recipient], keyFile);
}

function sealFor(kind: Seal["kind"], recipients: readonly string[], keyFile: Uint8Array | undefined): Seal {
  return {
    kind,
    keyFile,
    async *encrypt(content) {
      const encrypter = await encrypterFor(recipients);
      const chunks = content[Symbol.asyncIterator]();
      try {
        yield* await encrypter.encrypt(ReadableStream.from({ [Symbol.asyncIterator]: () => chunks }));
      } finally {
        // A reader that leaves early is not made known to the source by the library's streams.
        await chunks.return?.();
      }
    },
  };
}

async function encrypterFor(recipients: readonly string[]): Promise<Encrypter> {
  const age = await import("age-encryption");
  const encrypter = new age.Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return encrypter;
}

async function checkRecipients(recipients: readonly string[]): Promise<void> {
  if (recipients.length === 0) {
    throw new InputError({
      code: "recipient-missing",
      message: "There is nobody to encrypt to: backups.recipients is empty.",
      state: "Nothing was done.",
      remedy: "Put a public key of age (age1…) there, or set PANTLER_BACKUP_PASSPHRASE.",
    });
  }
  for (const [index, recipient] of recipients.entries()) {
    try {
      await (await encrypterFor([recipient])).encrypt(new Uint8Array());
    } catch (error) {
      // What does not begin like a public key may be a secret one.
      const shown = /^age1[0-9a-z]+$/.test(recipient) ? recipient : `recipient ${index + 1}`;
      throw new InputError({
        code: "recipient-malformed",
        message: `${shown} is no public key of age.`,
        state: "Nothing was done.",
        remedy: "Copy the key as age-keygen prints it: it begins with age1.",
        cause: error,
      });
    }
  }
}
