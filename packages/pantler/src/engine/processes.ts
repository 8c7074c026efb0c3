import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, type Stats, statSync } from "node:fs";
import { basename, isAbsolute } from "node:path";
import type { ServerUser } from "./server-user.js";

/** Whether a process with that id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * Whether a live process is the PostgreSQL server on a data folder: after a reboot its number may belong to any
 * program, another project's server among them. Where the system does not tell, the answer is yes: a file that
 * names a live process is then left alone.
 */
export function isServerOn(dataFolder: string, pid: number): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== "linux") return true;
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const [name = ""] = words;
    if (basename(name) !== "postgres" && !name.startsWith("postgres:")) return false;
    const place = workingFolder(pid) ?? statSync(argument(words, "-D"));
    const data = statSync(dataFolder);
    return place.dev === data.dev && place.ino === data.ino;
  } catch {
    return true;
  }
}

/** The folder a process is in, which a server's data folder is even after it was renamed; not ours to see always. */
function workingFolder(pid: number): Stats | undefined {
  try {
    return statSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function argument(words: readonly string[], option: string): string {
  const value = words[words.indexOf(option) + 1] ?? "";
  if (words.includes(option) && isAbsolute(value)) return value;
  throw new Error(`no ${option} with a full path`);
}

/** Starts a program of the server's as the account it runs as. */
export function spawnAs(
  user: ServerUser | undefined,
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly output: number | "pipe"; readonly detached?: boolean },
): ChildProcess {
  return spawn(program, args, {
    cwd: options.cwd,
    stdio: ["ignore", options.output, options.output],
    detached: options.detached ?? false,
    windowsHide: true,
    // A PGDATA or PGPORT of the caller's would change what the server does.
    env: { PATH: process.env.PATH, TZ: process.env.TZ, LC_ALL: "C", SystemRoot: process.env.SystemRoot },
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  });
}

/**
 * Runs a program of the server's to its end.
 * @returns its exit code and all that it printed
 * @throws the system's error when it cannot be started
 */
export async function runAs(
  user: ServerUser | undefined,
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawnAs(user, program, args, { cwd, output: "pipe" });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, output };
}
