import { quoteLiteral, readTokens } from "../../postgres/index.js";
import type { CommandRules } from "./rules.js";

/** The condition that policies put on reading: any of the permissive ones, and all of the restrictive ones. */
export function filterOf({ permissive, restrictive }: CommandRules): string {
  const any = permissive.map(({ using }) => `(${using ?? "true"})`).join(" or ");
  const all = restrictive.map(({ using }) => ` and (${using ?? "true"})`).join("");
  return `(${any})${all}`;
}

/** Supabase's functions that tell who is asking, and what stands for each when the answer is known. */
export function callerConstants(claims: string): ReadonlyMap<string, string> {
  const said = parseClaims(claims);
  const text = (key: string) => (typeof said[key] === "string" ? quoteLiteral(said[key]) : "null");
  return new Map([
    ["auth.uid", `${text("sub")}::uuid`],
    ["auth.role", `${text("role")}::text`],
    ["auth.email", `${text("email")}::text`],
    ["auth.jwt", `${claims === "" ? "null" : quoteLiteral(claims)}::jsonb`],
  ]);
}

function parseClaims(claims: string): Readonly<Record<string, unknown>> {
  if (claims === "") return {};
  const said: unknown = JSON.parse(claims);
  return typeof said === "object" && said !== null ? { ...said } : {};
}

/** Writes an expression with constants in place of the calls that ask who is asking. */
export function withConstants(expression: string, constants: ReadonlyMap<string, string>): string {
  const tokens = [...readTokens(expression)].filter(({ kind }) => kind !== "comment");
  const textAt = (place: number) => {
    const token = tokens[place];
    return token ? expression.slice(token.from, token.to) : "";
  };
  let written = "";
  let from = 0;
  for (let place = 0; place < tokens.length; place += 1) {
    const call = [0, 1, 2, 3, 4].map((offset) => textAt(place + offset)).join("");
    const constant = call.endsWith("()") ? constants.get(call.slice(0, -2)) : undefined;
    const [first, last] = [tokens[place], tokens[place + 4]];
    if (constant === undefined || !first || !last) continue;
    written += `${expression.slice(from, first.from)}(${constant})`;
    from = last.to;
    place += 4;
  }
  return written + expression.slice(from);
}
