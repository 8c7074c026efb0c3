import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { EnvironmentError } from "../operation/index.js";

/** The account that the server's processes run as, when it is not our own. */
export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Accounts without rights of their own that a system is likely to have, the fittest first. */
const candidates = ["postgres", "_postgres", "nobody"];

/**
 * Finds the account to run PostgreSQL as: it refuses to run as root, so root lends it an unprivileged one.
 * @returns undefined when we are not root, and everywhere on Windows
 * @throws EnvironmentError `no-server-user`
 */
export function findServerUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const name of candidates) {
    const account = accounts.find((fields) => fields[0] === name);
    // macOS writes nobody's id as a negative number.
    const [uid, gid] = [Number(account?.[2]) >>> 0, Number(account?.[3]) >>> 0];
    if (account && uid > 0) return { name, uid, gid };
  }
  throw new EnvironmentError({
    code: "no-server-user",
    message: "PostgreSQL does not run as root, and this system has no unprivileged account to run it as.",
    state: "Nothing was done.",
    remedy: `Create one of the users ${candidates.join(", ")}, or run pantler as an ordinary user.`,
  });
}

/** The folder for what can be made again: server files, templates, scratch servers. `PANTLER_CACHE` overrides it. */
export function cacheFolder(): string {
  const chosen = process.env.PANTLER_CACHE;
  if (chosen) return resolve(chosen);
  if (process.getuid?.() === 0) return "/var/cache/pantler";
  if (process.platform === "win32") {
    return join(process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "pantler");
  }
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "pantler");
  // Its specification wants a value that is empty or relative ignored.
  const base = process.env.XDG_CACHE_HOME ?? "";
  return join(isAbsolute(base) ? base : join(homedir(), ".cache"), "pantler");
}
