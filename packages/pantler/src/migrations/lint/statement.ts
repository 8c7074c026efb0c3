import type { Node } from "libpg-query";
import { leadingWord, parseStatements, readTokens } from "../../postgres/index.js";
import { asNode } from "../../schema/index.js";

/** One parsed statement of a file, or of a DO block in it. */
export interface LintStatement {
  readonly node: Node;
  /** The statement's own text, without the comments before it; locations in the node count its bytes. */
  readonly text: string;
  /** Where `text` begins in the file, in UTF-16 code units. */
  readonly offset: number;
  /** The lines in the file on which it begins and ends, from 1. */
  readonly line: number;
  readonly lastLine: number;
  /** Whether it stands in a DO block, which may or may not come to it. */
  readonly guarded: boolean;
  /** Whether it does something that its text does not show: dynamic SQL, a call of a function. */
  readonly opaque: boolean;
}

/** First words of the statements that are looked for in the body of a DO block. */
const commands = new Set([
  ...["alter", "create", "drop", "grant", "revoke", "truncate"],
  ...["insert", "update", "delete", "merge"],
]);

/** Words after which a statement of PL/pgSQL may begin. */
const openers = new Set(["begin", "then", "else", "loop"]);

/** Words of PL/pgSQL that run what cannot be read here. */
const opaqueWords = new Set(["execute", "perform", "call"]);

/**
 * Finds the SQL statements in the body of a DO block. Only commands that change something are read; what the parser
 * refuses, such as an insert whose answer goes into a variable, makes the block opaque.
 * @param body the body's text, and where it begins in the file
 */
export function statementsInBlock(
  body: string,
  offset: number,
  lineOf: (offset: number) => number,
): { readonly statements: LintStatement[]; readonly opaque: boolean } {
  const statements: LintStatement[] = [];
  let opaque = false;
  let depth = 0;
  let mayBegin = true;
  let begun: number | undefined;
  for (const token of readTokens(body)) {
    const piece = body.slice(token.from, token.to);
    if (token.kind === "comment") continue;
    const word = token.kind === "word" ? piece.toLowerCase() : "";
    if (begun === undefined && mayBegin) {
      if (commands.has(word)) begun = token.from;
      else if (opaqueWords.has(word)) opaque = true;
    }
    if (piece === "(") depth += 1;
    if (piece === ")") depth -= 1;
    const ends = piece === ";" && depth === 0;
    if (ends && begun !== undefined) {
      const found = parseGuarded(body.slice(begun, token.from), offset + begun, lineOf);
      if (found) statements.push(found);
      else opaque = true;
      begun = undefined;
    }
    mayBegin = ends || (begun === undefined && openers.has(word));
  }
  return { statements, opaque };
}

function parseGuarded(
  text: string,
  offset: number,
  lineOf: (offset: number) => number,
): LintStatement | undefined {
  let node: Node | undefined;
  try {
    node = parseStatements(text)?.[0]?.stmt;
  } catch {
    // Not SQL on its own: PL/pgSQL allows more, and its own parser is not at hand.
    return undefined;
  }
  if (node === undefined) return undefined;
  const line = lineOf(offset);
  const lastLine = lineOf(offset + text.length);
  return { node, text, offset, line, lastLine, guarded: true, opaque: false };
}

/** The body of a DO block and where it begins in the statement's text; undefined for other languages and statements. */
export function blockBody(node: Node, text: string): { body: string; offset: number } | undefined {
  const block = asNode(node, "DoStmt");
  if (!block) return undefined;
  for (const token of readTokens(text)) {
    if (token.kind !== "string") continue;
    const piece = text.slice(token.from, token.to);
    const mark = piece.startsWith("$") ? piece.slice(0, piece.indexOf("$", 1) + 1) : "'";
    return { body: piece.slice(mark.length, -mark.length), offset: token.from + mark.length };
  }
  return undefined;
}

/** Where a node stands, in UTF-16 code units of the statement's text: the parser counts bytes. */
export function placeIn({ text }: LintStatement, location: number | undefined): number {
  if (location === undefined || location <= 0) return 0;
  return Buffer.from(text).subarray(0, location).toString().length;
}

/** Statements that change rows, or read them, and are known by their first word alone when they are too large to parse. */
const dataWords = new Set(["insert", "update", "delete", "merge", "select", "values", "with"]);

export function isData(text: string): boolean {
  return dataWords.has(leadingWord(text));
}
