/**
 * Brings a definition that the server printed into the form it has after it was read back once. The two differ in one
 * case: a list of strings for a `varchar` column is printed as an array that is cast as a whole,
 * `(ARRAY['a'::character varying])::text[]`, and reading that back casts each element, `ARRAY[('a'::character varying)::text]`
 * (`transformArrayExpr` in parse_expr.c). Without this a copy would seem to differ from what it was made from.
 */
export function canonicalExpression(definition: string): string {
  let result = "";
  let at = 0;
  for (;;) {
    const opening = nextOpening(definition, at);
    if (opening < 0) return result + definition.slice(at);
    const elements = readElements(definition, opening + opener.length);
    const cast = elements && castAfter(definition, elements.end);
    if (!elements || !cast) {
      result += definition.slice(at, opening + opener.length);
      at = opening + opener.length;
      continue;
    }
    const each = elements.texts.map((text) => `(${canonicalExpression(text)})::${cast.type}`);
    result += `${definition.slice(at, opening)}ARRAY[${each.join(", ")}]`;
    at = cast.end;
  }
}

const opener = "(ARRAY[";

/** Where the next array begins, strings and quoted names passed over; -1 for nowhere. */
function nextOpening(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const end = endOfQuoted(text, at);
    if (end !== undefined) at = end - 1;
    else if (text.startsWith(opener, at)) return at;
  }
  return -1;
}

/** The end of the string or quoted name that begins here; undefined where none does. */
function endOfQuoted(text: string, at: number): number | undefined {
  const quote = text[at];
  if (quote !== "'" && quote !== '"') return undefined;
  // Only strings with backslashes are printed with an E before them, and they double those.
  const close = text.indexOf(quote, at + 1);
  return close < 0 ? text.length : close + 1;
}

interface Elements {
  readonly texts: readonly string[];
  /** Where the bracket stands that closes the array. */
  readonly end: number;
}

function readElements(text: string, from: number): Elements | undefined {
  const texts: string[] = [];
  let start = from;
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const end = endOfQuoted(text, at);
    const character = text[at] ?? "";
    if (end !== undefined) at = end - 1;
    else if ("([".includes(character)) depth += 1;
    else if (depth > 0 && ")]".includes(character)) depth -= 1;
    else if (depth === 0 && (character === "," || character === "]")) {
      texts.push(text.slice(start, at).trim());
      if (character === "]") return { texts, end: at };
      start = at + 1;
    }
  }
  return undefined;
}

const castAsWhole = /\]\)::((?:"(?:[^"]|"")*"|[\w.])(?:"(?:[^"]|"")*"|[\w. ])*(?:\([\d,]+\))?[\w ]*)\[\]/y;

function castAfter(text: string, from: number): { readonly type: string; readonly end: number } | undefined {
  castAsWhole.lastIndex = from;
  const [whole, type] = castAsWhole.exec(text) ?? [];
  return whole === undefined || type === undefined ? undefined : { type, end: from + whole.length };
}
