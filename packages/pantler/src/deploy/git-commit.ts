import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Project } from "../project/index.js";

/**
 * The commit that a project's files are those of, with `+` where some were changed since.
 * @returns undefined where the folder is no repository, or there is no git
 */
export async function gitCommit({ root }: Project): Promise<string | undefined> {
  const git = async (...words: string[]) => {
    const { stdout } = await promisify(execFile)("git", words, { cwd: root, timeout: 5000 });
    return stdout.trim();
  };
  try {
    const commit = await git("rev-parse", "--short=12", "HEAD");
    return (await git("status", "--porcelain", "--untracked-files=normal", "--", ".")) === ""
      ? commit
      : `${commit}+`;
  } catch {
    return undefined;
  }
}
