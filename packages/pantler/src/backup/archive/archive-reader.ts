import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { messageOf, PantlerError } from "../../operation/index.js";
import type { Unseal } from "../encryption/encryption.js";
import type { Store } from "../stores/store.js";
import { fileNames } from "./archive-names.js";
import { encryptedEnding } from "./archive-writer.js";
import { type ArchivedFile, type ArchivedTable, damagedArchive, type Manifest } from "./manifest.js";
import { collect } from "./stored-text.js";

/** What opens an encrypted archive. */
export interface Keys {
  /** `AGE-SECRET-KEY-…`, or the path of a file that holds it. */
  readonly identity?: string | undefined;
  readonly passphrase?: string | undefined;
}

/** Reads the files of one archive; whatever is not what the manifest says ends in an error. */
export class ArchiveReader {
  readonly manifest: Manifest;
  readonly #store: Store;
  readonly #unseal: Unseal | undefined;

  private constructor(store: Store, manifest: Manifest, unseal: Unseal | undefined) {
    this.#store = store;
    this.manifest = manifest;
    this.#unseal = unseal;
  }

  /**
   * Opens an archive for reading.
   * @throws InputError `key-missing`, `passphrase-wrong`, `identity-wrong`
   */
  static async open(store: Store, manifest: Manifest, keys: Keys): Promise<ArchiveReader> {
    if (manifest.encryption === undefined) return new ArchiveReader(store, manifest, undefined);
    const { openSeal } = await import("../encryption/encryption.js");
    const unseal = await openSeal(keys, await ArchiveReader.stored(store, manifest).keyFile());
    return new ArchiveReader(store, manifest, unseal);
  }

  /** Opens an archive for looking at its files as they are stored. */
  static stored(store: Store, manifest: Manifest): ArchiveReader {
    return new ArchiveReader(store, manifest, undefined);
  }

  /** What opens the other files of an archive that a passphrase hides. */
  async keyFile(): Promise<Buffer | undefined> {
    const file = this.manifest.files.find(({ name }) => name === fileNames.key);
    return file && (await collect(this.#stored(file)));
  }

  /** Whether there is a file, by the name it would have in a plain archive. */
  has(name: string): boolean {
    return this.manifest.files.some((file) => file.name === this.#storedName(name));
  }

  /** The text of a file, by the name it would have in a plain archive. */
  async text(name: string): Promise<string> {
    const stored = this.#storedName(name);
    const file = this.manifest.files.find((each) => each.name === stored);
    if (!file) throw damagedArchive(this.manifest.id, `it has no ${stored}`);
    return (await collect(this.#content(file))).toString("utf8");
  }

  #storedName(name: string): string {
    return this.#unseal ? `${name}${encryptedEnding}` : name;
  }

  /** A table's rows, as COPY text. */
  async *rows(table: ArchivedTable): AsyncGenerator<Buffer> {
    for (const file of table.files) yield* this.fileRows(file);
  }

  /** The rows of one of a table's files. */
  async *fileRows(file: ArchivedFile): AsyncGenerator<Buffer> {
    const gunzip = createGunzip({ chunkSize: 256 * 1024 });
    const failure: unknown[] = [];
    // What goes wrong before the decompression reaches its reader as its error.
    const feeding = pipeline(Readable.from(this.#content(file)), gunzip).catch((error: unknown) => {
      failure.push(error);
    });
    try {
      for await (const chunk of gunzip as AsyncIterable<Buffer>) yield chunk;
      // It ends where the compressed content says so; whether the file does too, and is the right one, is known now.
      await feeding;
      if (failure.length > 0) throw failure[0];
    } catch (error) {
      await feeding;
      throw this.#damaged(file, failure[0] ?? error);
    } finally {
      gunzip.destroy();
    }
  }

  /**
   * Reads a file to its end and compares it with the manifest, without decrypting it.
   * @returns what is wrong with it, in words; undefined when nothing is
   */
  async problemOf(file: ArchivedFile): Promise<string | undefined> {
    try {
      for await (const _ of this.#stored(file));
      return undefined;
    } catch (error) {
      if (error instanceof PantlerError && damaging.has(error.code)) return error.message;
      throw error;
    }
  }

  async *#content(file: ArchivedFile): AsyncGenerator<Uint8Array> {
    // Nothing may be taken from a file before its hash is right but what is thrown away when it is wrong: see `#stored`.
    const stored = this.#stored(file);
    const isSealed = this.#unseal !== undefined && file.name.endsWith(encryptedEnding);
    yield* isSealed ? this.#unseal.decrypt(stored) : stored;
  }

  /** The bytes as they are stored. That they are the right ones is known at their end, which is an error if not. */
  async *#stored(file: ArchivedFile): AsyncGenerator<Uint8Array> {
    const folder = file.backup ?? this.manifest.id;
    const hash = createHash("sha256");
    let bytes = 0;
    const content = await this.#store.read(`${folder}/${file.name}`).catch((error: unknown) => {
      throw this.#damaged(file, error);
    });
    for await (const chunk of content as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      hash.update(chunk);
      yield chunk;
    }
    if (bytes !== file.bytes || hash.digest("hex") !== file.sha256) {
      throw damagedArchive(this.manifest.id, `${folder}/${file.name} is not what was written`);
    }
  }

  #damaged(file: ArchivedFile, error: unknown): unknown {
    const { id } = this.manifest;
    if (error instanceof PantlerError) {
      return error.code === "store-file-missing"
        ? damagedArchive(id, `${file.name} is missing`, error)
        : error;
    }
    const why = messageOf(error);
    return damagedArchive(id, `${file.name} cannot be read: ${why}`, error);
  }
}

/** Errors that tell of one file, and not of the way to all of them. */
const damaging = new Set(["archive-damaged", "store-leads-out", "store-unreadable"]);
