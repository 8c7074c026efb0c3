import { createCipheriv, createDecipheriv, randomBytes, type ScryptOptions, scrypt } from "node:crypto";
import type { Identity, Recipient, Stanza } from "age-encryption";

/*
 * Keys from passphrases (https://c2sp.org/age#the-scrypt-recipient-type). The library makes them in JavaScript, which
 * takes twice the time, stops everything else meanwhile, and keeps the memory.
 */

/** The logarithm of how often the passphrase is hashed: at this one it takes 128 MB each time, and half a second. */
const workFactor = 17;

/** What somebody else's file may ask for at most: a gigabyte. */
const highestWorkFactor = 20;

const sizes = { salt: 16, key: 32, tag: 16 };
const cipher = "chacha20-poly1305";

/** Every key made from a passphrase encrypts once, so there is nothing for the nonce to tell apart. */
const nonce = Buffer.alloc(12);

/** Encrypts a file to whoever knows the passphrase. */
export function passphraseRecipient(passphrase: string, StanzaClass: typeof Stanza): Recipient {
  return {
    async wrapFileKey(fileKey) {
      const salt = randomBytes(sizes.salt);
      const key = await keyOf(passphrase, salt, workFactor);
      const sealing = createCipheriv(cipher, key, nonce, { authTagLength: sizes.tag });
      const body = Buffer.concat([sealing.update(fileKey), sealing.final(), sealing.getAuthTag()]);
      const saltText = salt.toString("base64").replaceAll("=", "");
      return [new StanzaClass(["scrypt", saltText, String(workFactor)], Uint8Array.from(body))];
    },
  };
}

/** Opens a file that was encrypted with the passphrase. */
export function passphraseIdentity(passphrase: string): Identity {
  return {
    async unwrapFileKey(stanzas) {
      const [stanza] = stanzas;
      if (stanza?.args[0] !== "scrypt") return null;
      const [, saltText = "", factorText = ""] = stanza.args;
      const salt = Buffer.from(saltText, "base64");
      const isMine = stanzas.length === 1 && stanza.args.length === 3 && /^[1-9][0-9]?$/.test(factorText);
      if (!isMine || salt.length !== sizes.salt || Number(factorText) > highestWorkFactor) {
        throw new Error("its key is not encrypted with a passphrase as age does it");
      }
      const key = await keyOf(passphrase, salt, Number(factorText));
      const opening = createDecipheriv(cipher, key, nonce, { authTagLength: sizes.tag });
      const { body } = stanza;
      if (body.length !== sizes.key) throw new Error("its key is cut");
      opening.setAuthTag(body.subarray(-sizes.tag));
      const fileKey = opening.update(body.subarray(0, -sizes.tag));
      try {
        opening.final();
        return Uint8Array.from(fileKey);
      } catch {
        return null;
      }
    },
  };
}

function keyOf(passphrase: string, salt: Uint8Array, factor: number): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** factor, r: 8, p: 1, maxmem: 2 ** (factor + 11) };
  const labelled = Buffer.concat([Buffer.from("age-encryption.org/v1/scrypt"), salt]);
  return new Promise((resolve, reject) =>
    scrypt(passphrase, labelled, sizes.key, options, (error, key) => (error ? reject(error) : resolve(key))),
  );
}
