import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  Decrypter,
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from "age-encryption";
import { describe, expect, it } from "vitest";
import { createSeal, type Keys, openSeal, type Seal } from "../../src/backup/encryption/encryption.js";
import { failure } from "../support/failure.js";
import { withFolder } from "../support/project.js";
import { breakingOff, chunksOf, collect } from "../support/store-cases.js";

/** A key, and a seal for its owner. */
async function sealFor(identity?: string) {
  const key = identity ?? (await generateX25519Identity());
  return { key, seal: await createSeal({ recipients: [await identityToRecipient(key)] }) };
}

const sealed = async (seal: Seal, bytes: Uint8Array) => await collect(seal.encrypt(chunksOf(bytes)));

async function opened(keys: Keys, file: Uint8Array, keyFile?: Uint8Array): Promise<Buffer> {
  return await collect((await openSeal(keys, keyFile)).decrypt(chunksOf(file)));
}

/** The sizes at which the format has its edges: it cuts content into pieces of 64 KiB. */
const sizes = [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_003];

describe("content that was encrypted", () => {
  it("to a key comes back as it was, whatever its size", async () => {
    const { key, seal } = await sealFor();
    expect(seal).toMatchObject({ kind: "recipients", keyFile: undefined });
    for (const size of sizes) {
      const bytes = randomBytes(size);
      expect((await opened({ identity: key }, await sealed(seal, bytes))).equals(bytes)).toBe(true);
    }
  });

  it("is what age makes, and what age makes is decrypted", async () => {
    const { key, seal } = await sealFor();
    for (const size of sizes) {
      const bytes = randomBytes(size);
      const age = new Decrypter();
      age.addIdentity(key);
      expect(Buffer.from(await age.decrypt(await sealed(seal, bytes))).equals(bytes)).toBe(true);
      const encrypter = new Encrypter();
      encrypter.addRecipient(await identityToRecipient(key));
      expect((await opened({ identity: key }, await encrypter.encrypt(bytes))).equals(bytes)).toBe(true);
    }
  });

  it("to several keys is opened by each of their owners", async () => {
    const keys = [await generateX25519Identity(), await generateX25519Identity()];
    const seal = await createSeal({ recipients: await Promise.all(keys.map(identityToRecipient)) });
    const file = await sealed(seal, Buffer.from("rows"));
    for (const identity of keys) expect((await opened({ identity }, file)).toString()).toBe("rows");
  });

  it("to a key that outlives quantum computers is opened by its owner", async () => {
    const { key, seal } = await sealFor(await generateHybridIdentity());
    const file = await sealed(seal, Buffer.from("rows"));
    expect((await opened({ identity: key }, file)).toString()).toBe("rows");
  });

  it("shows nothing of itself, and is another each time", async () => {
    const { seal } = await sealFor();
    const bytes = Buffer.alloc(200_000, "customer@example.com ");
    const [one, other] = [await sealed(seal, bytes), await sealed(seal, bytes)];
    expect(one.includes("customer")).toBe(false);
    expect(one.subarray(-64).equals(other.subarray(-64))).toBe(false);
  });

  it("by a passphrase is opened by it, or by age with it", async () => {
    const seal = await createSeal({ passphrase: "correct horse battery staple" });
    const { keyFile } = seal;
    if (keyFile === undefined) throw new Error("a passphrase makes a key file");
    const file = await sealed(seal, Buffer.from("rows"));
    const keys = { passphrase: "correct horse battery staple" };
    expect((await opened(keys, file, keyFile)).toString()).toBe("rows");
    const age = new Decrypter();
    age.addPassphrase("correct horse battery staple");
    const identity = await age.decrypt(keyFile, "text");
    expect(identity).toMatch(/^# public key: age1\w+\nAGE-SECRET-KEY-1\w+\n$/);
    expect((await opened({ identity }, file, keyFile)).toString()).toBe("rows");
  });

  it("by the passphrase of another program is opened, however hard it made the guessing", async () => {
    const { key, seal } = await sealFor();
    const encrypter = new Encrypter();
    encrypter.setPassphrase("correct horse");
    encrypter.setScryptWorkFactor(12);
    const keyFile = await encrypter.encrypt(key);
    const file = await sealed(seal, Buffer.from("rows"));
    expect((await opened({ passphrase: "correct horse" }, file, keyFile)).toString()).toBe("rows");
  });

  it("breaks off where its content does, with the content's error", async () => {
    const { key, seal } = await sealFor();
    await expect(collect(seal.encrypt(breakingOff(3_000_000)))).rejects.toThrow("the connection is gone");
    const unseal = await openSeal({ identity: key }, undefined);
    const file = await sealed(seal, randomBytes(300_000));
    const cut = async function* () {
      yield file.subarray(0, 200_000);
      throw new Error("the connection is gone");
    };
    await expect(collect(unseal.decrypt(cut()))).rejects.toThrow("the connection is gone");
  });

  it("asks for no more content than its reader takes", async () => {
    const { seal } = await sealFor();
    let given = 0;
    let ended = false;
    const endless = async function* () {
      try {
        for (;;) {
          given += 1;
          yield Buffer.alloc(64 * 1024);
        }
      } finally {
        ended = true;
      }
    };
    let taken = 0;
    for await (const chunk of seal.encrypt(endless())) {
      taken += chunk.length;
      if (taken > 1_000_000) break;
    }
    expect(given).toBeLessThan(20);
    expect(ended).toBe(true);
  });
});

describe("the key to decrypt with", () => {
  it("may be a line, the content of a file of age-keygen, or the path of one", async () => {
    const { key, seal } = await sealFor();
    const file = await sealed(seal, Buffer.from("rows"));
    const content = `# created: 2026-11-21T11:49:07Z\r\n# public key: age1…\r\n${await generateX25519Identity()}\r\n${key}\r\n`;
    await withFolder({ "key.txt": content }, async (folder) => {
      for (const identity of [key, ` ${key}\n`, content, join(folder, "key.txt")]) {
        expect((await opened({ identity }, file)).toString()).toBe("rows");
      }
    });
  });

  it("has to be given, and the one that is missing is named", async () => {
    const { seal, key } = await sealFor();
    const file = await sealed(seal, Buffer.from("rows"));
    const byPassphrase = await createSeal({ passphrase: "correct horse" });
    for (const keys of [{}, { passphrase: "correct horse" }, { identity: "" }]) {
      const error = await failure(opened(keys, file));
      expect(error).toMatchObject({ code: "key-missing", exit: 2 });
      expect(error.message).toContain("PANTLER_BACKUP_IDENTITY is not set");
    }
    const error = await failure(openSeal({ passphrase: "" }, byPassphrase.keyFile));
    expect(error).toMatchObject({ code: "key-missing", exit: 2 });
    expect(error.message).toContain("PANTLER_BACKUP_PASSPHRASE is not set");
    expect(key).toContain("AGE-SECRET-KEY-");
  });

  it("has to be the right one", async () => {
    const { seal } = await sealFor();
    const file = await sealed(seal, Buffer.from("rows"));
    const identity = await generateX25519Identity();
    expect(await failure(opened({ identity }, file))).toMatchObject({ code: "identity-wrong", exit: 2 });
    const { keyFile } = await createSeal({ passphrase: "correct horse" });
    for (const passphrase of ["Correct horse", "correct horse ", "x"]) {
      expect(await failure(openSeal({ passphrase }, keyFile))).toMatchObject({
        code: "passphrase-wrong",
        exit: 2,
      });
    }
  });

  it("has to be one, and is not repeated when it is not", async () => {
    const secret = "AGE-SECRET-KEY-1HUNTER2HUNTER2";
    await withFolder({ "key.txt": `${secret}\n`, "empty.txt": "# nothing\n" }, async (folder) => {
      const wrong: [string, string][] = [
        [secret, "identity-malformed"],
        [join(folder, "key.txt"), "identity-malformed"],
        [join(folder, "empty.txt"), "identity-malformed"],
        [join(folder, "missing.txt"), "identity-unreadable"],
        [folder, "identity-unreadable"],
        [secret.toLowerCase(), "identity-unreadable"],
      ];
      for (const [identity, code] of wrong) {
        const error = await failure(openSeal({ identity }, undefined));
        expect(error).toMatchObject({ code, exit: 2 });
        expect(`${error.message}${error.stack}`.toUpperCase()).not.toContain("HUNTER2");
      }
    });
  });
});

describe("a recipient", () => {
  it("that is no public key is refused by name, save one that may be a secret", async () => {
    const good = await identityToRecipient(await generateX25519Identity());
    const wrong = `${good.slice(0, -1)}${good.endsWith("q") ? "p" : "q"}`;
    const error = await failure(createSeal({ recipients: [good, wrong] }));
    expect(error).toMatchObject({ code: "recipient-malformed", exit: 2 });
    expect(error.message).toBe(`${wrong} is no public key of age.`);
    const secret = await generateX25519Identity();
    for (const recipient of [secret, secret.toLowerCase(), "", "ssh-ed25519 AAAA"]) {
      const { message } = await failure(createSeal({ recipients: [good, recipient] }));
      expect(message).toBe("recipient 2 is no public key of age.");
    }
  });

  it("has to be there, and so does a passphrase", async () => {
    expect(await failure(createSeal({ recipients: [] }))).toMatchObject({
      code: "recipient-missing",
      exit: 2,
    });
    expect(await failure(createSeal({ passphrase: "" }))).toMatchObject({
      code: "passphrase-empty",
      exit: 2,
    });
  });
});

describe("a file that was damaged", () => {
  it("is found out wherever it was changed, and gives nothing that was not in it", async () => {
    const { key, seal } = await sealFor();
    const bytes = randomBytes(150_000);
    const file = await sealed(seal, bytes);
    const unseal = await openSeal({ identity: key }, undefined);
    // A key that has opened one file of an archive is not to blame for the next.
    await collect(unseal.decrypt(chunksOf(file)));
    const places = [...Array(220).keys(), 65_900, 131_500, file.length - 1];
    for (const place of places) {
      const damaged = Buffer.from(file);
      damaged.writeUInt8(damaged.readUInt8(place) ^ 1, place);
      const given: Uint8Array[] = [];
      const reading = (async () => {
        for await (const chunk of unseal.decrypt(chunksOf(damaged))) given.push(chunk);
      })();
      expect(await failure(reading)).toMatchObject({ code: "archive-damaged", exit: 4 });
      const all = Buffer.concat(given);
      expect(all.equals(bytes.subarray(0, all.length))).toBe(true);
    }
  });

  it("is found out wherever it was cut, and when something was added or swapped", async () => {
    const { key, seal } = await sealFor();
    const file = await sealed(seal, randomBytes(150_000));
    const header = file.indexOf("\n--- ");
    const piece = 65_536 + 16;
    const first = file.length - 150_000 - 3 * 16;
    const swapped = Buffer.concat([
      file.subarray(0, first),
      file.subarray(first + piece, first + 2 * piece),
      file.subarray(first, first + piece),
      file.subarray(first + 2 * piece),
    ]);
    const cuts = [0, 10, header, header + 20, first - 16, first, first + 1, first + piece, first + 2 * piece];
    const damaged = [
      ...cuts.map((length) => file.subarray(0, length)),
      Buffer.concat([file, Buffer.alloc(1)]),
      Buffer.concat([file, file]),
      swapped,
      randomBytes(1000),
      Buffer.alloc(400_000, "age-encryption.org/v1\n"),
    ];
    const unseal = await openSeal({ identity: key }, undefined);
    for (const each of damaged) {
      expect(await failure(collect(unseal.decrypt(chunksOf(each))))).toMatchObject({
        code: "archive-damaged",
        exit: 4,
      });
    }
  });

  it("is found out when it is the key file", async () => {
    const { keyFile = Buffer.alloc(0) } = await createSeal({ passphrase: "correct horse" });
    const keys = { passphrase: "correct horse" };
    for (const damaged of [keyFile.subarray(0, 50), Buffer.alloc(0), Buffer.from(keyFile).fill("x", 5, 10)]) {
      expect(await failure(openSeal(keys, damaged))).toMatchObject({ code: "archive-damaged", exit: 4 });
    }
    const greedy = Buffer.from(Buffer.from(keyFile).toString("latin1").replace(/ 17\n/, " 40\n"), "latin1");
    expect(await failure(openSeal(keys, greedy))).toMatchObject({ code: "archive-damaged", exit: 4 });
  });
});
