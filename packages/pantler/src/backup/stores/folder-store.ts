import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { EnvironmentError, InputError } from "../../operation/index.js";
import { pieces } from "../archive/pieces.js";
import {
  entriesOf,
  factsOf,
  folderProblem,
  isMissing,
  openFile,
  removeIfEmpty,
  syncFolder,
  walk,
  writeAll,
} from "./disk.js";
import {
  checkName,
  isSafeName,
  missingFile,
  type Store,
  type StoredFile,
  temporaryPrefix,
  type WrittenFile,
} from "./store.js";

/** What one call to the disk reads or writes, in bytes. */
const transferSize = 256 * 1024;

/** Everything below is the owner's alone: it is what the database holds. */
const modes = { folder: 0o700, file: 0o600 };

/**
 * Opens a folder as a store. It is made when something is written.
 * @param folder absolute
 * @throws InputError `store-no-folder`, EnvironmentError `store-unreadable`
 */
export async function openFolderStore(folder: string): Promise<Store> {
  const facts = await stat(folder).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw folderProblem(error, folder, "read");
  });
  if (facts && !facts.isDirectory()) {
    throw new InputError({
      code: "store-no-folder",
      message: `Backups cannot be kept in ${folder}: it is no folder.`,
      state: "Nothing was done.",
      remedy: "Set backups.store in the config to a folder, or to s3://bucket/prefix.",
    });
  }
  return new FolderStore(folder);
}

class FolderStore implements Store {
  readonly location: string;
  readonly folder: string;
  #ignored = false;
  /** Folders whose new names may not be on the disk yet. */
  readonly #unsynced = new Set<string>();
  /** Folders that were found to be none that a link leads to. */
  readonly #plain = new Set<string>();

  constructor(folder: string) {
    this.location = folder;
    this.folder = folder;
  }

  async folders(): Promise<string[]> {
    const entries = await this.#reading(() => entriesOf(this.folder));
    return entries
      .filter((entry) => entry.isDirectory() && isSafeName(entry.name))
      .map((entry) => entry.name)
      .sort();
  }

  async list(folder: string): Promise<StoredFile[]> {
    const path = await this.#path(folder);
    const found: StoredFile[] = [];
    await this.#reading(async () => {
      for await (const each of walk(path)) {
        const name = relative(this.folder, each.path).replaceAll(sep, "/");
        if (!each.facts.isFile() || !isSafeName(name)) continue;
        found.push({ name, bytes: each.facts.size, modified: each.facts.mtime });
      }
    });
    return found.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async write(name: string, content: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    const path = await this.#path(name);
    const temporary = join(dirname(path), `${temporaryPrefix}${randomBytes(8).toString("hex")}.part`);
    const handle = await this.#writing(() => this.#create(temporary)).catch(async (error: unknown) => {
      await this.#removeEmptyAbove(temporary).catch(() => {});
      throw error;
    });
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      for await (const piece of pieces(content, transferSize)) {
        const written = this.#writing(() => writeAll(handle, piece));
        hash.update(piece);
        bytes += piece.length;
        await written;
      }
      await this.#writing(async () => {
        await handle.sync();
        await handle.close();
        await rename(temporary, path);
        await this.#syncNames(name, dirname(path));
      });
    } catch (error) {
      // What went wrong first is what has to be told; a file that stays behind is swept later.
      await handle.close().catch(() => {});
      await unlink(temporary).catch(() => {});
      await this.#removeEmptyAbove(temporary).catch(() => {});
      throw error;
    }
    return { bytes, sha256: hash.digest("hex") };
  }

  async read(name: string): Promise<Readable> {
    const path = await this.#path(name);
    const handle = await this.#reading(() => openFile(path));
    if (handle === undefined) throw missingFile(name, this.location);
    const stream = Readable.from(this.#bytesOf(handle), { objectMode: false, highWaterMark: transferSize });
    // A reader that gives up early, or never begins, would otherwise leave the file open.
    stream.once("close", () => void handle.close().catch(() => {}));
    return stream;
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const path = await this.#path(name);
      await this.#writing(() => rm(path, { force: true }));
      await this.#writing(() => this.#removeEmptyAbove(path));
    }
  }

  async sweep(age: number): Promise<number> {
    const before = Date.now() - age;
    let removed = 0;
    await this.#writing(async () => {
      for await (const { path, name, facts } of walk(this.folder)) {
        if (facts.mtimeMs > before) continue;
        if (facts.isFile() && name.startsWith(temporaryPrefix)) {
          await rm(path, { force: true });
          removed += 1;
        } else if (facts.isDirectory() && (await removeIfEmpty(path))) removed += 1;
      }
    });
    return removed;
  }

  /** The path of a name. What is a link could lead anywhere, so nothing on the way may be one. */
  async #path(name: string): Promise<string> {
    let path = this.folder;
    for (const part of checkName(name).split("/")) {
      path = join(path, part);
      if (this.#plain.has(path)) continue;
      const facts = await this.#reading(() => factsOf(path));
      if (facts?.isDirectory()) this.#plain.add(path);
      if (!facts?.isSymbolicLink()) continue;
      throw new EnvironmentError({
        code: "store-leads-out",
        message: `${path} is a symbolic link, which may lead out of the store.`,
        state: "Nothing was done.",
        remedy: "Put what it leads to in its place.",
      });
    }
    return path;
  }

  /**
   * Sees to it that a file's name is on the disk. Those further down wait for the next one of the folder above them, so
   * that hundreds of tables cost one wait: an archive's manifest is written last, and everything before it is there then.
   */
  async #syncNames(name: string, folder: string): Promise<void> {
    this.#unsynced.add(folder);
    if (name.split("/").length > 2) return;
    for (const each of this.#unsynced) {
      this.#unsynced.delete(each);
      await syncFolder(each).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
  }

  /** Makes a file that must not be there, and the folders above it. */
  async #create(path: string): Promise<FileHandle> {
    if (!this.#ignored) await this.#makeFolder(dirname(path));
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await open(path, "wx", modes.file);
      } catch (error) {
        // The folder was not made yet, or somebody has just removed it since it was empty.
        if (!isMissing(error) || attempt === 3) throw error;
        await this.#makeFolder(dirname(path));
      }
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true, mode: modes.folder });
    if (first !== undefined) await syncFolder(dirname(first));
    if (this.#ignored) return;
    // Backups hold everybody's data and have no place in a repository.
    const ignore = await open(join(this.folder, ".gitignore"), "a", modes.file);
    try {
      if ((await ignore.stat()).size === 0) await ignore.writeFile("*\n");
    } finally {
      await ignore.close();
    }
    this.#ignored = true;
  }

  /** Removes the folders above a file that has gone, as long as they are empty. */
  async #removeEmptyAbove(path: string): Promise<void> {
    for (let folder = dirname(path); folder !== this.folder; folder = dirname(folder)) {
      if (!(await removeIfEmpty(folder))) return;
    }
  }

  async *#bytesOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
    for (;;) {
      const buffer = Buffer.allocUnsafeSlow(transferSize);
      const { bytesRead } = await this.#reading(() => handle.read(buffer, 0, transferSize));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async #reading<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw folderProblem(error, this.folder, "read");
    }
  }

  async #writing<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw folderProblem(error, this.folder, "write");
    }
  }
}
