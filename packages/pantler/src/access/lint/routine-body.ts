import { readTokens } from "../../postgres/index.js";
import type { RoutineFacts } from "./facts.js";

/** A name as a function's body writes it, part by part. */
export interface NameInBody {
  readonly parts: readonly string[];
  /** Whether parentheses follow. */
  readonly isCall: boolean;
  /** Whether it stands where a table does: after `from`, `join`, `into`, `update`. */
  readonly isTable: boolean;
}

const beforeTables = new Set(["from", "join", "into", "update", "only", "table", "using"]);

/**
 * The names in a body of any language that is like SQL, as Postgres' lexer sees them. SQL that a function puts together
 * from strings is not seen.
 */
export function namesInBody({ body }: Pick<RoutineFacts, "body">): NameInBody[] {
  const found: NameInBody[] = [];
  const tokens = [...readTokens(body)].filter(({ kind }) => kind !== "comment");
  const textAt = (at: number) => {
    const token = tokens[at];
    return token === undefined ? "" : body.slice(token.from, token.to);
  };
  for (let at = 0; at < tokens.length; at += 1) {
    const before = textAt(at - 1).toLowerCase();
    const parts: string[] = [];
    for (; isName(tokens[at]?.kind); at += 2) {
      const text = textAt(at);
      parts.push(
        tokens[at]?.kind === "quoted" ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase(),
      );
      if (textAt(at + 1) !== "." || !isName(tokens[at + 2]?.kind)) break;
    }
    if (parts.length === 0) continue;
    found.push({ parts, isCall: textAt(at + 1) === "(", isTable: beforeTables.has(before) });
  }
  return found;
}

/** The strings in a body, without their quotes. */
export function stringsInBody({ body }: Pick<RoutineFacts, "body">): string[] {
  return [...readTokens(body)]
    .filter(({ kind }) => kind === "string")
    .map(({ from, to }) => body.slice(from + 1, to - 1));
}

function isName(kind: string | undefined): boolean {
  return kind === "word" || kind === "quoted";
}
