import type { Seal } from "../encryption/encryption.js";
import type { Store } from "../stores/store.js";
import { compress } from "./compress.js";
import type { ArchivedFile } from "./manifest.js";

/** The ending of an encrypted file. */
export const encryptedEnding = ".age";

/** Writes the files of one archive, and knows what it has written. */
export class ArchiveWriter {
  readonly #store: Store;
  readonly #id: string;
  readonly #seal: Seal | undefined;

  /** @param seal encrypts every file; undefined for a plain archive */
  constructor(store: Store, id: string, seal: Seal | undefined) {
    this.#store = store;
    this.#id = id;
    this.#seal = seal;
  }

  /** Writes a file of text. */
  async text(name: string, content: string): Promise<ArchivedFile> {
    return await this.#write(name, once(Buffer.from(content)));
  }

  /** Compresses rows and writes them. No more of them is taken than can be stored. */
  async rows(name: string, rows: AsyncIterable<Uint8Array>): Promise<ArchivedFile> {
    return await compress(rows, async (compressed) => await this.#write(`${name}.copy.gz`, compressed));
  }

  /** Writes a file that is never encrypted: it says how to read the others, or who waits for them. */
  async open(name: string, content: Uint8Array): Promise<ArchivedFile> {
    return { name, ...(await this.#store.write(`${this.#id}/${name}`, once(content))) };
  }

  async #write(plainName: string, content: AsyncIterable<Uint8Array>): Promise<ArchivedFile> {
    const name = this.#seal ? `${plainName}${encryptedEnding}` : plainName;
    const stored = this.#seal ? this.#seal.encrypt(content) : content;
    return { name, ...(await this.#store.write(`${this.#id}/${name}`, stored)) };
  }
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
