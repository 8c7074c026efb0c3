import {
  endOfBlockComment,
  endOfDollarQuote,
  endOfEscapeString,
  endOfLine,
  endOfQuote,
  endOfWord,
  isSpace,
  isWordStart,
} from "./split-statements.js";

/** A piece of SQL text as Postgres' lexer sees it; digits and operators come one character at a time. */
export interface Token {
  readonly kind: "comment" | "word" | "quoted" | "string" | "mark";
  /** Where it begins and where the text after it begins, in UTF-16 code units. */
  readonly from: number;
  readonly to: number;
}

/**
 * Reads the tokens of SQL text, comments included and white space left out. Never throws; what is not closed ends with
 * the text.
 * @param from where to begin, in UTF-16 code units
 */
export function* readTokens(sql: string, from = 0): Generator<Token, undefined> {
  for (let at = from; at < sql.length; ) {
    const code = sql.charCodeAt(at);
    if (isSpace(code) || code === 0xfeff) {
      at += 1;
      continue;
    }
    const token = tokenAt(sql, at);
    yield token;
    at = token.to;
  }
}

function tokenAt(sql: string, from: number): Token {
  if (sql.startsWith("--", from)) return { kind: "comment", from, to: endOfLine(sql, from) };
  if (sql.startsWith("/*", from)) return { kind: "comment", from, to: endOfBlockComment(sql, from + 2) };
  const code = sql.charCodeAt(from);
  const character = sql.charAt(from);
  if (character === "'" || character === '"') {
    const kind = character === "'" ? "string" : "quoted";
    return { kind, from, to: endOfQuote(sql, from + 1, code) };
  }
  if (character === "$") {
    const to = endOfDollarQuote(sql, from);
    return { kind: to === from + 1 ? "mark" : "string", from, to };
  }
  if (!isWordStart(code)) return { kind: "mark", from, to: from + 1 };
  const to = endOfWord(sql, from + 1);
  const escapes = to === from + 1 && character.toLowerCase() === "e" && sql.charAt(to) === "'";
  if (escapes) return { kind: "string", from, to: endOfEscapeString(sql, to + 1) };
  return { kind: "word", from, to };
}
