import { spawn } from "node:child_process";
import type { Project } from "../../project/index.js";
import type { LintFile } from "./read-file.js";

/** What squawk said of a place in a file. */
export interface Squawked {
  readonly file: LintFile;
  readonly rule: string;
  /** In UTF-16 code units of the file's text. */
  readonly offset: number;
}

/** What squawk prints for one violation with `--reporter json`; lines count from 0, columns in bytes from 0. */
interface Violation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly rule_name: string;
}

/** Keeps a command line well below what systems allow. */
const filesAtOnce = 200;

/**
 * Has squawk read files. It needs no network and about 25 ms.
 * @returns what it said; or why it could not be asked
 */
export async function askSquawk(
  project: Project,
  files: readonly LintFile[],
): Promise<{ readonly violations: readonly Squawked[]; readonly missing: string | undefined }> {
  const readable = files.filter(({ statements }) => statements.length > 0);
  const violations: Squawked[] = [];
  if (readable.length === 0) return { violations, missing: undefined };
  try {
    const { getBinaryPath } = await import("squawk-cli/js/index.js");
    const program = getBinaryPath();
    for (let from = 0; from < readable.length; from += filesAtOnce) {
      const portion = readable.slice(from, from + filesAtOnce);
      const byPath = new Map(portion.map((file) => [file.migration.file, file]));
      for (const violation of await run(program, project.root, [...byPath.keys()])) {
        const file = byPath.get(violation.file);
        if (file) violations.push({ file, rule: violation.rule_name, offset: offsetOf(file, violation) });
      }
    }
    return { violations, missing: undefined };
  } catch (error) {
    return {
      violations: [],
      missing: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error),
    };
  }
}

/** @param paths absolute, of files that exist */
async function run(program: string, folder: string, paths: readonly string[]): Promise<Violation[]> {
  // A path is taken for a pattern.
  const patterns = paths.map((path) => path.replace(/[[\]*?]/g, "[$&]"));
  const child = spawn(program, ["--assume-in-transaction", "--reporter", "json", "--", ...patterns], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed: Buffer[] = [];
  let complaints = "";
  child.stdout.on("data", (bytes: Buffer) => printed.push(bytes));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const text = Buffer.concat(printed).toString();
  // It ends with 1 both when it finds something and when it cannot work.
  if (text.trimStart().startsWith("[")) return JSON.parse(text) as Violation[];
  throw new Error(complaints.trim() || `it ended with ${code}`);
}

function offsetOf({ text }: LintFile, { line, column }: Violation): number {
  let start = 0;
  for (let count = 0; count < line; count += 1) start = text.indexOf("\n", start) + 1;
  const end = text.indexOf("\n", start);
  const bytes = Buffer.from(text.slice(start, end < 0 ? undefined : end)).subarray(0, column);
  return start + bytes.toString().length;
}
