import { readTokens } from "../../postgres/index.js";

/** What the first parentheses hold after a place in SQL text, without them; undefined where there are none. */
export function insideParentheses(text: string, from: number): string | undefined {
  const found = parentheses(text, from);
  return found && text.slice(found.from + 1, found.to - 1);
}

/** The text after the last word of this name that stands outside of parentheses. */
export function afterWord(text: string, word: string): string | undefined {
  let depth = 0;
  let after: number | undefined;
  for (const { kind, from, to } of readTokens(text)) {
    depth += depthOf(text.slice(from, to));
    if (kind === "word" && depth === 0 && text.slice(from, to).toLowerCase() === word) after = to;
  }
  return after === undefined ? undefined : text.slice(after);
}

/** The text between a word and the next comma, both outside of parentheses, after a place. */
export function betweenWordAndComma(text: string, from: number, word: string): string | undefined {
  let depth = 0;
  let after: number | undefined;
  for (const token of readTokens(text, from)) {
    const piece = text.slice(token.from, token.to);
    depth += depthOf(piece);
    if (depth !== 0) continue;
    if (piece === ",") return after === undefined ? undefined : text.slice(after, token.from);
    if (after === undefined && token.kind === "word" && piece.toLowerCase() === word) after = token.to;
  }
  return after === undefined ? undefined : text.slice(after);
}

/** Cuts a list at its commas outside of parentheses. */
export function atCommas(list: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let begun = 0;
  for (const { from, to } of readTokens(list)) {
    const piece = list.slice(from, to);
    depth += depthOf(piece);
    if (piece !== "," || depth !== 0) continue;
    parts.push(list.slice(begun, from));
    begun = to;
  }
  return [...parts, list.slice(begun)];
}

/**
 * The expression of one column of an index, without its collation, operator class and order: the grammar allows a call
 * of a function, or anything in parentheses.
 */
export function indexedExpression(part: string): string | undefined {
  const found = parentheses(part, 0);
  return found && part.slice(0, found.to).trim();
}

/** Text in which comments cannot swallow what is put after it. */
export function onLinesOfItsOwn(expression: string): string {
  return `(${expression}\n)`;
}

function parentheses(text: string, start: number): { from: number; to: number } | undefined {
  let depth = 0;
  let from = 0;
  for (const token of readTokens(text, start)) {
    const change = depthOf(text.slice(token.from, token.to));
    if (change === 0) continue;
    if (change > 0 && depth === 0) from = token.from;
    depth += change;
    if (depth === 0) return { from, to: token.to };
  }
  return undefined;
}

function depthOf(piece: string): number {
  if (piece === "(" || piece === "[") return 1;
  return piece === ")" || piece === "]" ? -1 : 0;
}
