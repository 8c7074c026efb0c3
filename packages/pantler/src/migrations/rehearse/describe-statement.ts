import { describeSqlProblem } from "../../postgres/index.js";
import type { PlannedMigration } from "../plan.js";
import type { ScriptStatement } from "../script.js";
import type { Effects } from "./effects.js";
import { blockedBy } from "./lock-modes.js";
import type { RehearsedStatement } from "./rehearsal.js";

/** So much of a statement's first line is shown, in characters. */
const longestText = 120;

/** What a statement did, with its place in the file and the names of the tables. */
export function describeStatement(
  { version, script }: PlannedMigration,
  statement: ScriptStatement,
  { milliseconds, locks, strongest, rewritten, scanned, written }: Effects,
): RehearsedStatement {
  const { shown: file, text } = script;
  const { line, column } = describeSqlProblem(undefined, { file, text, offset: statement.offset });
  return {
    version,
    file,
    line,
    text: firstLine(text, line, column, statement.offset + statement.text.length),
    milliseconds,
    locks: locks.map(({ table, mode }) => ({ table: table.name, mode })),
    rewritten: rewritten.map(({ name }) => name),
    scanned: scanned.map(({ name }) => name),
    rows: written.map(({ table, ...counts }) => ({ table: table.name, ...counts })),
    blocks: blockedBy(strongest),
  };
}

/**
 * The line from where the statement's first word stands to its end, or to the statement's.
 * @param column counted in characters, from 1
 * @param end the offset at which the statement ends, in UTF-16 units
 */
function firstLine(text: string, line: number, column: number, end: number): string {
  const lines = text.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const upToEnd = (lines[line - 1] ?? "").slice(0, Math.max(0, end - start)).replace(/^\uFEFF/, "");
  const characters = [...upToEnd].slice(column - 1);
  const whole = characters.join("").trim();
  return characters.length <= longestText ? whole : `${characters.slice(0, longestText - 1).join("")}…`;
}
