import type { Node } from "libpg-query";
import { InputError } from "../../operation/index.js";
import {
  classifyStatement,
  parseStatements,
  readTokens,
  SqlSyntaxProblem,
  type Statement,
  splitStatements,
} from "../../postgres/index.js";
import { type MigrationFile, type Project, pathInProject, readSqlFile } from "../../project/index.js";
import { asNode } from "../../schema/index.js";
import { harmlessCommands, parserMajor, refusalOf } from "../script.js";
import type { LintFinding } from "./finding.js";
import { blockBody, isData, type LintStatement, statementsInBlock } from "./statement.js";

/** A file of SQL as the rules see it. */
export interface LintFile {
  readonly version: string;
  readonly migration: MigrationFile;
  /** The path as it is shown. */
  readonly shown: string;
  readonly text: string;
  /** Whether findings of this file are wanted. */
  readonly linted: boolean;
  /** Its statements, those in DO blocks after the block that holds them. */
  readonly statements: readonly LintStatement[];
  /** What keeps it from being read or run. */
  readonly problems: readonly LintFinding[];
  /** The line, from 1, of an offset in the text. */
  readonly lineOf: (offset: number) => number;
}

/** In UTF-16 code units; only rows make a statement of this kind so long, and to parse it costs much memory. */
const longestParsedData = 128 * 1024;

/**
 * Reads one file. What is wrong with it becomes findings.
 * @param file the path of the migration or of its rollback
 * @param serverMajor the major version of the server it is for, where that is known
 */
export function readLintFile(
  project: Project,
  migration: MigrationFile,
  file: string,
  linted: boolean,
  serverMajor: number | undefined,
): LintFile {
  const shown = pathInProject(project, file);
  const problems: LintFinding[] = [];
  let text = "";
  try {
    text = readSqlFile(project, file);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { message, remedy } = error;
    problems.push({ rule: "file-unreadable", level: "error", file: shown, line: 1, message, remedy });
  }
  const lineOf = lineFinder(text);
  const { statements: pieces, metaCommands } = splitStatements(text);
  for (const command of metaCommands) {
    const [word = ""] = command.text.trim().split(/\s/);
    if (harmlessCommands.has(word)) continue;
    const message = `${word} is a command of psql, which no server understands.`;
    problems.push(cannotRun(shown, lineOf(command.offset), message, "Take the line out."));
  }
  const statements: LintStatement[] = [];
  for (const piece of pieces) {
    const start = startOf(piece);
    if (start === undefined) continue;
    const line = lineOf(piece.offset + start);
    const sql = piece.text.slice(start);
    const newer = serverMajor !== undefined && serverMajor > parserMajor;
    try {
      statements.push(...understand(sql, piece.offset + start, lineOf));
      const refusal = refusalOf({ text: sql, class: classifyStatement(sql) });
      if (refusal) problems.push(cannotRun(shown, line, refusal.message, refusal.remedy));
    } catch (error) {
      if (!(error instanceof SqlSyntaxProblem)) throw error;
      problems.push({
        rule: "syntax",
        level: newer ? "warning" : "error",
        file: shown,
        line: lineOf(piece.offset + start + error.cursorOffset),
        message: `Postgres' parser refuses this statement: ${error.message}.`,
        remedy: newer
          ? `The server is newer than the parser (${parserMajor}): if it is right there, suppress this.`
          : "Mend the statement.",
      });
    }
  }
  return { version: migration.version, migration, shown, text, linted, statements, problems, lineOf };
}

function cannotRun(file: string, line: number, message: string, remedy: string): LintFinding {
  const sentence = message.charAt(0).toUpperCase() + message.slice(1);
  return { rule: "cannot-run", level: "error", file, line, message: sentence, remedy };
}

/** Where the statement itself begins, after its comments; undefined when it is nothing but comments. */
function startOf({ text }: Statement): number | undefined {
  for (const token of readTokens(text)) if (token.kind !== "comment") return token.from;
  return undefined;
}

function understand(text: string, offset: number, lineOf: (offset: number) => number): LintStatement[] {
  const line = lineOf(offset);
  const lastLine = lineOf(offset + text.length);
  const place = { text, offset, line, lastLine, guarded: false };
  const tooLarge: Node = { SelectStmt: {} };
  if (text.length > longestParsedData && isData(text)) return [{ ...place, node: tooLarge, opaque: true }];
  const parsed = parseStatements(text);
  if (parsed === undefined) {
    if (isData(text)) return [{ ...place, node: tooLarge, opaque: true }];
    throw new SqlSyntaxProblem("it is too large or nested too deeply to be read", 0);
  }
  const node = parsed[0]?.stmt;
  if (node === undefined) return [];
  const block = blockBody(node, text);
  if (!block) return [{ ...place, node, opaque: asNode(node, "CallStmt") !== undefined }];
  const inside = statementsInBlock(block.body, offset + block.offset, lineOf);
  return [{ ...place, node, opaque: inside.opaque }, ...inside.statements];
}

function lineFinder(text: string): (offset: number) => number {
  const ends: number[] = [];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) ends.push(at);
  return (offset) => {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}
