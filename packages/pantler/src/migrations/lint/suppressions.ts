import { readTokens } from "../../postgres/index.js";
import type { PlacedFinding } from "./context.js";
import type { LintFinding } from "./finding.js";
import type { LintFile } from "./read-file.js";
import { lintRules, ownRule } from "./rules.js";

const mark = "pantler:ignore";

/** A comment that says which rules it suppresses, and where. */
interface Suppression {
  readonly rules: readonly string[];
  /** The line it speaks of: its own behind SQL, else that of the SQL that follows. */
  readonly line: number;
  /** Whether SQL stands before it on its line. */
  readonly behind: boolean;
  readonly wholeFile: boolean;
}

/** What the comments of a file suppress, and what is wrong with them. */
export interface Suppressions {
  readonly problems: readonly LintFinding[];
  readonly covers: (finding: PlacedFinding) => boolean;
}

/**
 * Reads `-- pantler:ignore <rule>[, <rule>] <reason>`. Above a statement, or above a line of it, it speaks of that; behind
 * it, too; at the top of a file, with an empty line after it, of the whole file.
 */
export function readSuppressions(file: LintFile): Suppressions {
  if (!file.text.includes(mark)) return { problems: [], covers: () => false };
  const problems: LintFinding[] = [];
  const found: Suppression[] = [];
  for (const { text, line, behind, next } of comments(file)) {
    const at = text.indexOf(mark);
    if (at < 0) continue;
    const [, listed = "", reason = ""] =
      /^\s*([\w-]+(?:\s*,\s*[\w-]+)*)?\s*(.*)$/s.exec(text.slice(at + mark.length).replace(/\*\/$/, "")) ??
      [];
    const rules = listed.split(",").map((name) => name.trim());
    const problem = (rule: "suppression-without-reason" | "suppression-unknown-rule", message: string) => {
      const { level, remedy } = ownRule(rule);
      problems.push({ rule, level, file: file.shown, line, message, remedy });
    };
    const unknown = rules.filter((rule) => !(rule in lintRules));
    for (const rule of unknown) {
      problem(
        "suppression-unknown-rule",
        `${rule === "" ? "No rule is named" : `There is no rule ${rule}`}, so that nothing is suppressed.`,
      );
    }
    if (unknown.length === 0 && reason.trim() === "") {
      problem(
        "suppression-without-reason",
        `${rules.join(", ")} is to be ignored here, and no reason is given.`,
      );
      continue;
    }
    found.push({ rules, line: behind ? line : next, behind, wholeFile: isTop(file, line, next) });
  }
  return {
    problems,
    covers: (finding) => found.some((each) => each.rules.includes(finding.rule) && reaches(each, finding)),
  };
}

function reaches(
  { line, behind, wholeFile }: Suppression,
  { line: at, statementLines }: PlacedFinding,
): boolean {
  if (wholeFile || statementLines === undefined) return wholeFile || line === at;
  const [first, last] = statementLines;
  return line === at || line === first || (behind && line === last);
}

/** Whether a comment stands before every statement, in a block of its own that an empty line ends. */
function isTop({ statements, text }: LintFile, line: number, next: number): boolean {
  const first = statements[0]?.line ?? Number.POSITIVE_INFINITY;
  if (line >= first) return false;
  const between = text.split("\n", next).slice(line, next - 1);
  return first === Number.POSITIVE_INFINITY || between.some((each) => each.trim() === "");
}

/** The comments of a file with the line on which they begin, and the line of the next SQL. */
function comments({ text, lineOf }: LintFile) {
  const found: { text: string; line: number; behind: boolean; next: number }[] = [];
  let waiting: typeof found = [];
  let lastLine = 0;
  for (const { kind, from, to } of readTokens(text)) {
    const line = lineOf(from);
    if (kind === "comment") {
      const comment = { text: text.slice(from, to), line, behind: lastLine === line, next: line };
      found.push(comment);
      waiting.push(comment);
      continue;
    }
    for (const comment of waiting) comment.next = line;
    waiting = [];
    lastLine = lineOf(to);
  }
  return found;
}
