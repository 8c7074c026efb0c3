import type { FuncCall } from "libpg-query";
import { readTokens } from "../../../postgres/index.js";
import { repeatedCalls } from "../cost-rules.js";
import { beforeExpression, parseExpression } from "../expression.js";

/**
 * Puts the calls in an expression that answer the same for every row into selects of their own. Nothing else of the text
 * is touched.
 * @param expression as the catalog writes it
 * @param isStable tells of a function by its qualified name whether it is stable
 */
export function wrapCalls(expression: string, isStable: (name: string) => boolean): string {
  const calls = repeatedCalls(parseExpression(expression), isStable)
    .map((call) => placeOf(call, expression))
    .sort((left, right) => left.from - right.from);
  let text = "";
  let done = 0;
  for (const { from, to } of calls) {
    // A call inside of another is worked out once with that.
    if (from < done) continue;
    text += `${expression.slice(done, from)}(select ${expression.slice(from, to)})`;
    done = to;
  }
  return text + expression.slice(done);
}

/** Where a call stands, in UTF-16 code units: the parser counts bytes, and from before the expression. */
function placeOf(
  { location = 0 }: FuncCall,
  expression: string,
): { readonly from: number; readonly to: number } {
  const bytes = Buffer.from(`${beforeExpression}${expression}`).subarray(0, location);
  const from = bytes.toString().length - beforeExpression.length;
  let depth = 0;
  for (const token of readTokens(expression, from)) {
    const piece = expression.slice(token.from, token.to);
    if (piece === "(") depth += 1;
    if (piece === ")") depth -= 1;
    if (piece === ")" && depth === 0) return { from, to: token.to };
  }
  throw new Error("a call ends with its parentheses");
}
