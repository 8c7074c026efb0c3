import type { Node } from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";
import { evaluate, unknown } from "./expression.js";

/** What checks say about a single column. Values outside would be refused; those inside may still be. */
export interface Hints {
  readonly choices?: readonly unknown[];
  /** Numbers, or moments as texts. */
  readonly least?: number | string;
  readonly most?: number | string;
  /** In characters. */
  readonly shortest?: number;
  readonly longest?: number;
  readonly pattern?: string;
  readonly letters?: "lower" | "upper";
  readonly notNull?: boolean;
}

/** Reads hints from checks, by column. What a check says beyond that is left to trying. */
export function hintsOf(checks: readonly (Node | undefined)[]): Map<string, Hints> {
  const found = new Map<string, Hints>();
  for (const check of checks) readCondition(check, found);
  return found;
}

function readCondition(node: Node | undefined, found: Map<string, Hints>): void {
  const bool = asNode(node, "BoolExpr");
  if (bool?.boolop === "AND_EXPR") {
    for (const arg of bool.args ?? []) readCondition(arg, found);
    return;
  }
  if (bool?.boolop === "OR_EXPR") {
    // "Null or …": the other half holds for the values.
    const others = (bool.args ?? []).filter((arg) => asNode(arg, "NullTest")?.nulltesttype !== "IS_NULL");
    if (others.length === 1 && others.length < (bool.args ?? []).length) readCondition(others[0], found);
    return;
  }
  const nullTest = asNode(node, "NullTest");
  if (nullTest?.nulltesttype === "IS_NOT_NULL") {
    const column = columnIn(nullTest.arg);
    if (column !== undefined) add(found, column, { notNull: true });
    return;
  }
  const comparison = asNode(node, "A_Expr");
  if (!comparison) return;
  const operator = namesIn(comparison.name).at(-1) ?? "";
  const right = evaluate(comparison.rexpr, {});
  if (right !== unknown) readComparison(comparison.lexpr, operator, right, comparison.kind, found);
  const left = evaluate(comparison.lexpr, {});
  const mirrored = mirror[operator];
  if (left !== unknown && mirrored && comparison.kind === "AEXPR_OP") {
    readComparison(comparison.rexpr, mirrored, left, comparison.kind, found);
  }
  readLetters(comparison, operator, found);
}

const mirror: Readonly<Record<string, string>> = { "=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<=" };

function readComparison(
  subject: Node | undefined,
  operator: string,
  constant: unknown,
  kind: string | undefined,
  found: Map<string, Hints>,
): void {
  if (constant === null) return;
  const column = columnIn(subject);
  if (column !== undefined) {
    if (kind === "AEXPR_OP_ANY") {
      if (operator === "=" && Array.isArray(constant)) add(found, column, { choices: constant });
      return;
    }
    if (kind !== "AEXPR_OP") return;
    if (operator === "=") add(found, column, { choices: [constant] });
    if (operator === "~" && typeof constant === "string") add(found, column, { pattern: constant });
    if (typeof constant !== "number" && typeof constant !== "string") return;
    if (operator === ">=" || operator === ">") add(found, column, { least: beyond(constant, operator) });
    if (operator === "<=" || operator === "<") add(found, column, { most: beyond(constant, operator) });
    return;
  }
  const call = asNode(subject, "FuncCall");
  const measured = /^(char_|character_)?length$/.test(namesIn(call?.funcname).at(-1) ?? "")
    ? columnIn(asNode(call?.args?.[0], "FuncCall")?.args?.[0] ?? call?.args?.[0])
    : undefined;
  if (measured === undefined || typeof constant !== "number") return;
  if (operator === ">" || operator === ">=" || operator === "=") {
    add(found, measured, { shortest: operator === ">" ? constant + 1 : constant });
  }
  if (operator === "<" || operator === "<=" || operator === "=") {
    add(found, measured, { longest: operator === "<" ? constant - 1 : constant });
  }
}

/** The next whole number, where equality is left out; what lies between is found by trying. */
function beyond(constant: number | string, operator: string): number | string {
  if (typeof constant === "string") return constant;
  if (operator === ">") return Math.floor(constant) + (Number.isInteger(constant) ? 1 : 0.5);
  if (operator === "<") return Math.ceil(constant) - (Number.isInteger(constant) ? 1 : 0.5);
  return constant;
}

function readLetters(
  { lexpr, rexpr }: { lexpr?: Node | undefined; rexpr?: Node | undefined },
  operator: string,
  found: Map<string, Hints>,
): void {
  for (const [call, plain] of [
    [lexpr, rexpr],
    [rexpr, lexpr],
  ]) {
    const name = namesIn(asNode(call, "FuncCall")?.funcname).at(-1);
    const column = columnIn(plain);
    if (operator !== "=" || column === undefined) continue;
    if (name === "lower" || name === "upper") add(found, column, { letters: name });
  }
}

/** The column that an expression is, casts aside. */
function columnIn(node: Node | undefined): string | undefined {
  const cast = asNode(node, "TypeCast");
  if (cast) return columnIn(cast.arg);
  return namesIn(asNode(node, "ColumnRef")?.fields).at(-1);
}

function add(found: Map<string, Hints>, column: string, more: Hints): void {
  const before = found.get(column) ?? {};
  const tighter = <Key extends "least" | "most" | "shortest" | "longest">(key: Key, larger: boolean) => {
    const old = before[key];
    const fresh = more[key];
    if (old === undefined || fresh === undefined) return fresh ?? old;
    return fresh > old === larger ? fresh : old;
  };
  const choices =
    before.choices && more.choices
      ? before.choices.filter((choice) => more.choices?.includes(choice))
      : (more.choices ?? before.choices);
  const merged = {
    ...before,
    ...more,
    choices,
    least: tighter("least", true),
    most: tighter("most", false),
    shortest: tighter("shortest", true),
    longest: tighter("longest", false),
  };
  const said = Object.entries(merged).filter(([, value]) => value !== undefined);
  found.set(column, Object.fromEntries(said) as Hints);
}

/** What two sets of hints say together. */
export function joinHints(first: Hints, second: Hints): Hints {
  const joined = new Map([["", first]]);
  add(joined, "", second);
  return joined.get("") ?? {};
}
