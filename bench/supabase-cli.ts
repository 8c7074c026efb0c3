import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Finished, runProgram } from "./programs.js";

/** The version whose behaviour ours is measured against. */
export const supabaseVersion = "3.1.0";

/** The real Supabase CLI, installed in a folder of its own. */
export interface SupabaseCli {
  /** Runs one command in a project's folder. */
  readonly run: (project: string, ...words: readonly string[]) => Promise<Finished>;
}

/**
 * Installs the Supabase CLI from the npm registry. Its own binary is called, without npx and without the Node
 * script in front of it, which together cost more than half a second that its work does not need.
 * @param folder where it goes, its settings included
 * @throws Error when npm cannot install it
 */
export async function installSupabaseCli(folder: string): Promise<SupabaseCli> {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  await runProgram(npm, [
    ...["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--loglevel=error"],
    `supabase@${supabaseVersion}`,
  ]);
  const scope = join(folder, "node_modules", "@supabase");
  const file = process.platform === "win32" ? "supabase.exe" : "supabase";
  const binary = readdirSync(scope)
    .map((name) => join(scope, name, "bin", file))
    .find((path) => existsSync(path));
  if (binary === undefined) throw new Error(`supabase@${supabaseVersion} has no binary for this platform`);
  const home = join(folder, "home");
  mkdirSync(home);
  // Nothing of the user's is handed on: a token or a linked project could lead it out of this machine.
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    USERPROFILE: home,
    SystemRoot: process.env.SystemRoot,
    SUPABASE_HOME: home,
    SUPABASE_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
    SUPABASE_NO_UPDATE_NOTIFIER: "1",
    SUPABASE_NO_KEYRING: "1",
  };
  return { run: async (project, ...words) => await runProgram(binary, words, { cwd: project, env }) };
}
