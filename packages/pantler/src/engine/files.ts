import { randomBytes } from "node:crypto";
import { constants, statSync } from "node:fs";
import { chmod, chown, copyFile, lstat, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { EnvironmentError, messageOf } from "../operation/index.js";
import { cacheFolder, type ServerUser } from "./server-user.js";

/**
 * Copies a folder with everything in it, sharing blocks where the file system can.
 * @param owner the account that shall own the copy; ours when undefined
 */
export async function copyTree(source: string, target: string, owner: ServerUser | undefined): Promise<void> {
  await makeFolder(target, owner, (await lstat(source)).mode & 0o777);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [join(source, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) await copyTree(from, to, owner);
    else if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
    else if (entry.isFile()) {
      await copyFile(from, to, constants.COPYFILE_FICLONE);
      if (owner) await chown(to, owner.uid, owner.gid);
    }
  }
}

/** Lets everybody read a folder and all that is in it: packages installed under a strict umask are for one user. */
export async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else if (entry.isFile()) await chmod(path, ((await lstat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

/** Makes one folder, owned by the server's account, with this mode whatever the umask. */
export async function makeFolder(path: string, owner: ServerUser | undefined, mode: number): Promise<void> {
  await mkdir(path, { mode });
  await chmod(path, mode);
  if (owner) await chown(path, owner.uid, owner.gid);
}

/** Removes a folder with everything in it; not an error when it is not there. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** Whether the server's account can get to a folder: every folder above has to let it pass. */
export function canReach(path: string, user: ServerUser | undefined): boolean {
  if (user === undefined) return true;
  for (let folder = path; ; folder = dirname(folder)) {
    const facts = statSync(folder, { throwIfNoEntry: false });
    if (facts) {
      const mine = facts.uid === user.uid ? 0o100 : facts.gid === user.gid ? 0o010 : 0o001;
      if ((facts.mode & mine) === 0) return false;
    }
    if (dirname(folder) === folder) return true;
  }
}

/**
 * Makes a folder below the cache folder and returns its path.
 * @throws EnvironmentError `cache-unwritable`, and `cache-unreachable` when the server's account cannot get there
 */
export async function makeCacheFolder(user: ServerUser | undefined, ...parts: string[]): Promise<string> {
  const folder = join(cacheFolder(), ...parts);
  await makeFolders(folder, user);
  if (canReach(folder, user)) return folder;
  throw new EnvironmentError({
    code: "cache-unreachable",
    message: `The server has to run as ${user?.name}, who may not enter ${folder}.`,
    state: "Nothing was done.",
    remedy: "Set PANTLER_CACHE to a folder that every user may enter.",
  });
}

/** What scratch folders of this machine begin with: process ids of another one mean nothing here. */
export const scratchPrefix = `${hostname()}-`;

/** A new path for what has to go when this process is gone, whether or not the process lives to remove it. */
export async function scratchPath(user: ServerUser | undefined): Promise<string> {
  const scratch = await makeCacheFolder(user, "scratch");
  return join(scratch, `${scratchPrefix}${process.pid}-${randomBytes(4).toString("hex")}`);
}

async function makeFolders(folder: string, user: ServerUser | undefined): Promise<void> {
  try {
    const first = await mkdir(folder, { recursive: true, mode: 0o755 });
    if (first === undefined || user === undefined) return;
    // Root's umask may have kept others out of what was just made.
    for (let made = folder; made.length >= first.length; made = dirname(made)) await chmod(made, 0o755);
  } catch (error) {
    throw new EnvironmentError({
      code: "cache-unwritable",
      message: `The folder for server files cannot be made: ${messageOf(error)}`,
      state: "Nothing was done.",
      remedy: "Set PANTLER_CACHE to a folder that you may write to.",
      cause: error,
    });
  }
}
