import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../../bin/pantler.js", import.meta.url));

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last JSON line of stdout, for a run with `--json`. */
  readonly result: Record<string, unknown>;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The account to run as, where the tests run as root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Receives the process once it is started. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs the built command line as a process of its own, without a terminal. */
export async function pantler(words: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const child = spawn(process.execPath, [bin, ...words], {
    cwd: options.cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...options.user,
  });
  options.onStart?.(child);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  const result = last.startsWith("{") ? (JSON.parse(last) as Record<string, unknown>) : {};
  return { code, stdout, stderr, result };
}
