import { readTokens } from "../../postgres/index.js";

/** What the text of a function names. */
export interface BodyWords {
  /** Every word, in lower case where it is not quoted. */
  readonly words: ReadonlySet<string>;
  /** Those before a parenthesis. */
  readonly called: ReadonlySet<string>;
  /** Those before a point. */
  readonly qualifying: ReadonlySet<string>;
}

/** Reads the words of a function's text; comments and strings are none. */
export function readBody(body: string): BodyWords {
  const words = new Set<string>();
  const called = new Set<string>();
  const qualifying = new Set<string>();
  let before: string | undefined;
  for (const { kind, from, to } of readTokens(body)) {
    if (kind === "comment") continue;
    const text = body.slice(from, to);
    if (kind === "mark" && before !== undefined) {
      if (text === "(") called.add(before);
      if (text === ".") qualifying.add(before);
    }
    before = undefined;
    if (kind === "word") before = text.toLowerCase();
    if (kind === "quoted") before = text.slice(1, -1).replaceAll('""', '"');
    if (before !== undefined) words.add(before);
  }
  return { words, called, qualifying };
}
