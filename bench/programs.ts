import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a program printed; it ended well. */
export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  /** The whole environment of the program; ours when it is left out. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A program that comes with PostgreSQL, or beside it. */
export type PostgresProgram = "initdb" | "pg_ctl" | "pg_dump" | "pg_restore" | "pgcopydb" | "psql";

/** The built command line. */
export const bin = fileURLToPath(new URL("../packages/pantler/bin/pantler.js", import.meta.url));

/**
 * Runs a program to its end, without a terminal.
 * @throws Error with all that it printed when it does not end with 0
 */
export async function runProgram(
  program: string,
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<Finished> {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], ...options });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ending = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(String(code ?? signal)));
  });
  if (ending === "0") return { stdout, stderr };
  const shown = [program, ...words].join(" ").slice(0, 300);
  throw new Error(`${shown} ended with ${ending}:\n${`${stdout}\n${stderr}`.trim()}`);
}

/**
 * Runs the built command line as a process of its own, as a user would.
 * @param variables what its environment has beside ours
 */
export async function pantler(
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  // A setting of the caller's shell would lead the benchmark to another database.
  const env = { ...process.env, PANTLER_ENGINE_URL: undefined, ...variables };
  return await runProgram(process.execPath, [bin, ...words], { env });
}

/** The last line of what a command of ours printed with `--json`. */
export function jsonResult({ stdout }: Finished): Record<string, unknown> {
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

/**
 * Finds one of PostgreSQL's programs on PATH. Debian's wrapper, which chooses among versions and costs tens of
 * milliseconds, is left out: it is the program that is measured.
 */
export async function findPostgresProgram(name: PostgresProgram): Promise<string | undefined> {
  const file = process.platform === "win32" ? `${name}.exe` : name;
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, file);
    if (!folder || !existsSync(path)) continue;
    const real = realpathSync(path);
    if (!real.endsWith("pg_wrapper")) return real;
    const said = await runProgram("pg_config", ["--bindir"]).catch(() => undefined);
    const wrapped = said && join(said.stdout.trim(), file);
    return wrapped && existsSync(wrapped) ? wrapped : path;
  }
  return undefined;
}
