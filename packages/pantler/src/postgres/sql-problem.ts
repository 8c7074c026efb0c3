import pg from "pg";
import { messageOf } from "../operation/index.js";

/** Where a statement stands: the whole file's text, and the offset of the statement in it, in UTF-16 units. */
export interface SqlSource {
  /** The file's path as it should be shown. */
  readonly file: string;
  readonly text: string;
  readonly offset: number;
}

/** A failed statement in words. */
export interface SqlProblem {
  /** `file:line:column: what Postgres said (SQLSTATE)`. */
  readonly message: string;
  /** The line with a caret under the place, then Postgres' detail, hint and context. */
  readonly detail: string;
  readonly sqlstate: string | undefined;
  readonly line: number;
  readonly column: number;
}

/**
 * Puts a failed statement into words that point at its place in the file.
 * @param error what the driver threw
 * @param source where the statement was read
 * @param at offset of the error in the statement, in UTF-16 units, for errors that carry no position of their own
 */
export function describeSqlProblem(error: unknown, source: SqlSource, at = 0): SqlProblem {
  const raised = error instanceof pg.DatabaseError ? error : undefined;
  const position = Number(raised?.position);
  const exact = Number.isInteger(position) && position > 0;
  const offset =
    source.offset +
    (exact ? utf16Offset(source.text, source.offset, position - 1) : skipComments(source, at));
  const { line, column, content } = locate(source.text, offset);
  const said = messageOf(error);
  const code = raised?.code;
  const number = String(line);
  const detail = [
    `${number} | ${content}`,
    `${" ".repeat(number.length)} | ${padding(content, column)}^`,
    ...(raised?.detail ? [`detail: ${raised.detail}`] : []),
    ...(raised?.hint ? [`hint: ${raised.hint}`] : []),
    ...(raised?.where ? [`context: ${raised.where}`] : []),
  ].join("\n");
  return {
    message: `${source.file}:${line}:${column}: ${said}${code ? ` (${code})` : ""}`,
    detail,
    sqlstate: code,
    line,
    column,
  };
}

/** Turns a count of characters, as the server counts them, into UTF-16 units. */
function utf16Offset(text: string, from: number, characters: number): number {
  let offset = from;
  for (let count = 0; count < characters && offset < text.length; count += 1) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset - from;
}

/** Comments are part of the statement after them; without a position the caret belongs under its first word. */
function skipComments(source: SqlSource, at: number): number {
  if (at > 0) return at;
  let offset = source.offset;
  for (;;) {
    const character = source.text[offset];
    if (character === undefined) return 0;
    if (/[\s\uFEFF]/.test(character)) offset += 1;
    else if (source.text.startsWith("--", offset)) {
      const end = source.text.indexOf("\n", offset);
      if (end < 0) return 0;
      offset = end + 1;
    } else if (source.text.startsWith("/*", offset)) {
      const end = endOfComment(source.text, offset);
      if (end === undefined) return 0;
      offset = end;
    } else return offset - source.offset;
  }
}

/**
 * Where a block comment ends; in SQL they nest.
 * @param from where it begins
 * @returns undefined when it is left open
 */
export function endOfComment(text: string, from: number): number | undefined {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  let depth = 0;
  for (let found = mark.exec(text); found; found = mark.exec(text)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return undefined;
}

function locate(text: string, offset: number): { line: number; column: number; content: string } {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  const start = before.lastIndexOf("\n") + 1;
  const end = text.indexOf("\n", offset);
  const content = text
    .slice(start, end < 0 ? undefined : end)
    .replace(/\r$/, "")
    .replace(/^\uFEFF/, "");
  const column = [...text.slice(start, offset).replace(/^\uFEFF/, "")].length + 1;
  return { line, column, content };
}

/** Blanks as wide as the text before the caret: tabs stay, marks take no room, ideographs and emoji take two. */
function padding(content: string, column: number): string {
  return [...content]
    .slice(0, column - 1)
    .map((character) => {
      if (character === "\t") return "\t";
      if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) return "";
      return /\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Extended_Pictographic}/u.test(
        character,
      )
        ? "  "
        : " ";
    })
    .join("");
}
