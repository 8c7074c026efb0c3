import { constants, type Dirent, type Stats } from "node:fs";
import { type FileHandle, lstat, open, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentError } from "../../operation/index.js";

/** The codes of a disk, or of an account's share of it, that has no room left. */
const full = new Set(["ENOSPC", "EDQUOT"]);

/**
 * Puts what the operating system says into words.
 * @param folder the store's root
 * @returns the error itself when it is not the operating system's
 */
export function folderProblem(error: unknown, folder: string, work: "read" | "write"): unknown {
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error)) return error;
  if (full.has(code)) {
    return new EnvironmentError({
      code: "store-full",
      message: `There is no room left in ${folder}: ${error.message}.`,
      state: "What did not fit was removed; all that was there before is as it was.",
      remedy: "Make room, remove old backups (pantler backup prune), or set backups.store to another place.",
      cause: error,
    });
  }
  return new EnvironmentError({
    code: work === "read" ? "store-unreadable" : "store-unwritable",
    message: `Backups in ${folder} cannot be ${work === "read" ? "read" : "written"}: ${error.message}.`,
    state: "What was there before is as it was.",
    remedy: "Run pantler as a user with the right to it, or set backups.store to another place.",
    cause: error,
  });
}

/** Whether an error says that there is nothing of that name. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

async function unlessMissing<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What a path is, of a link the link itself; undefined when it is nothing. */
export async function factsOf(path: string): Promise<Stats | undefined> {
  return await unlessMissing(lstat(path));
}

/** Opens a file for reading; undefined when there is none, or something else has its name. */
export async function openFile(path: string): Promise<FileHandle | undefined> {
  if (!(await factsOf(path))?.isFile()) return undefined;
  return await unlessMissing(open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)));
}

/** What is in a folder; nothing when it is not there. */
export async function entriesOf(folder: string): Promise<Dirent[]> {
  return (await unlessMissing(readdir(folder, { withFileTypes: true }))) ?? [];
}

/** All that is below a folder, the content of each folder before the folder itself; links are not followed. */
export async function* walk(
  folder: string,
): AsyncGenerator<{ readonly path: string; readonly name: string; readonly facts: Stats }> {
  for (const { name } of await entriesOf(folder)) {
    const path = join(folder, name);
    const facts = await factsOf(path);
    if (facts === undefined) continue;
    if (facts.isDirectory()) yield* walk(path);
    yield { path, name, facts };
  }
}

/** Removes a folder if there is nothing in it, and says whether it did. */
export async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOTEMPTY" || code === "EEXIST" || isMissing(error)) return false;
    throw error;
  }
}

/** Writes every byte, however many calls that takes. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, from, bytes.length - from);
    from += bytesWritten;
  }
}

/** Makes the names in a folder outlive a power cut. Windows has no such call, and needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
