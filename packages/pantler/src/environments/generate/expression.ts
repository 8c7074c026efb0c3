import type { Node } from "libpg-query";
import { parseStatements } from "../../postgres/index.js";
import { asNode, namesIn } from "../../schema/index.js";
import type { Row } from "./definition.js";

/** What an expression is where only the server can tell. */
export const unknown: unique symbol = Symbol("only the server knows");

/** Parses an expression as the server prints it; undefined for what the parser does not know. */
export function parseExpression(text: string): Node | undefined {
  const statement = asNode(parseStatements(`select ${text}`)?.[0]?.stmt, "SelectStmt");
  return asNode(statement?.targetList?.[0], "ResTarget")?.val;
}

/**
 * Works out an expression for a row, as the server would. Where it might not be the same, the answer is `unknown`.
 * A column that the row does not have is unknown too.
 */
export function evaluate(node: Node | undefined, row: Row): unknown {
  const [kind, fields] = Object.entries(node ?? {})[0] ?? [];
  const evaluator = evaluators[kind ?? ""];
  return evaluator ? evaluator(fields as never, row) : unknown;
}

type Fields = Readonly<Record<string, unknown>>;

const evaluators: Readonly<Record<string, (fields: Fields, row: Row) => unknown>> = {
  A_Const: ({ isnull, ival, fval, sval, boolval }) => {
    if (isnull) return null;
    if (ival) return (ival as { ival?: number }).ival ?? 0;
    if (fval) return Number((fval as { fval: string }).fval);
    if (boolval) return (boolval as { boolval?: boolean }).boolval ?? false;
    return (sval as { sval?: string } | undefined)?.sval ?? "";
  },
  ColumnRef: ({ fields }, row) => {
    const names = namesIn(fields as Node[]);
    const name = names.at(-1) ?? "";
    return Object.hasOwn(row, name) ? row[name] : unknown;
  },
  TypeCast: ({ arg, typeName }, row) => cast(evaluate(arg as Node, row), typeName as Fields),
  CollateClause: ({ arg }, row) => evaluate(arg as Node, row),
  NullTest: ({ arg, nulltesttype }, row) => {
    const value = evaluate(arg as Node, row);
    return value === unknown ? unknown : (value === null) === (nulltesttype === "IS_NULL");
  },
  BooleanTest: ({ arg, booltesttype }, row) => {
    const value = evaluate(arg as Node, row);
    if (value === unknown) return unknown;
    const wanted = String(booltesttype).replace("IS_NOT_", "IS_").slice(3);
    const is = wanted === "UNKNOWN" ? value === null : value === (wanted === "TRUE");
    return String(booltesttype).startsWith("IS_NOT_") ? !is : is;
  },
  BoolExpr: ({ boolop, args }, row) => logic(String(boolop), args as Node[], row),
  CoalesceExpr: ({ args }, row) => {
    for (const arg of args as Node[]) {
      const value = evaluate(arg, row);
      if (value !== null) return value;
    }
    return null;
  },
  CaseExpr: ({ arg, args, defresult }, row) => {
    const subject = arg === undefined ? undefined : evaluate(arg as Node, row);
    for (const each of args as Node[]) {
      const when = asNode(each, "CaseWhen");
      const tested = evaluate(when?.expr, row);
      const met = subject === undefined ? tested : compare("=", subject, tested);
      if (met === unknown) return unknown;
      if (met === true) return evaluate(when?.result, row);
    }
    return defresult === undefined ? null : evaluate(defresult as Node, row);
  },
  A_ArrayExpr: ({ elements }, row) => {
    const values = ((elements ?? []) as Node[]).map((element) => evaluate(element, row));
    return values.includes(unknown) ? unknown : values;
  },
  SQLValueFunction: ({ op }) => {
    const now = new Date().toISOString();
    if (op === "SVFOP_CURRENT_DATE") return now.slice(0, 10);
    return String(op).startsWith("SVFOP_CURRENT_TIMESTAMP") ? now : unknown;
  },
  FuncCall: ({ funcname, args }, row) => {
    const names = namesIn(funcname as Node[]);
    const call = names.length === 1 || names[0] === "pg_catalog" ? functions[names.at(-1) ?? ""] : undefined;
    if (!call) return unknown;
    const values = ((args ?? []) as Node[]).map((arg) => evaluate(arg, row));
    if (values.includes(unknown)) return unknown;
    return call(...values);
  },
  A_Expr: (fields, row) => operation(fields, row),
};

function logic(operator: string, args: readonly Node[], row: Row): unknown {
  const values = args.map((arg) => evaluate(arg, row));
  if (operator === "NOT_EXPR") {
    const [value] = values;
    return typeof value === "boolean" ? !value : value;
  }
  const decisive = operator === "OR_EXPR";
  if (values.includes(decisive)) return decisive;
  if (values.includes(unknown)) return unknown;
  return values.includes(null) ? null : !decisive;
}

function operation({ kind, name, lexpr, rexpr }: Fields, row: Row): unknown {
  const operator = namesIn(name as Node[]).at(-1) ?? "";
  const left = lexpr === undefined ? 0 : evaluate(lexpr as Node, row);
  const right = evaluate(rexpr as Node, row);
  if (left === unknown || right === unknown) return unknown;
  switch (kind) {
    case "AEXPR_OP":
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE":
      return compare(operator, left, right);
    case "AEXPR_DISTINCT":
    case "AEXPR_NOT_DISTINCT": {
      const same = left === null || right === null ? left === right : compare("=", left, right);
      return same === unknown ? unknown : same === (kind === "AEXPR_NOT_DISTINCT");
    }
    case "AEXPR_NULLIF": {
      const same = compare("=", left, right);
      return same === unknown ? unknown : same === true ? null : left;
    }
    case "AEXPR_OP_ANY":
    case "AEXPR_OP_ALL": {
      if (right === null) return null;
      if (!Array.isArray(right)) return unknown;
      const decisive = kind === "AEXPR_OP_ANY";
      const results = right.map((element: unknown) => compare(operator, left, element));
      if (results.includes(decisive)) return decisive;
      if (results.includes(unknown)) return unknown;
      return results.includes(null) ? null : !decisive;
    }
    default:
      return unknown;
  }
}

/** What both the server and JavaScript understand by a regular expression. */
const plainPattern = /^(?:[\w\s@#%&=:;,<>/~!"'^$.*+?()|{}-]|\[[\w\s@#%&.:;,+^/-]+\]|\\[.\-/+*?()dsw])*$/;

/** A date or moment, as values of ours and the server's constants are written. */
const moment = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?$/;

function compare(operator: string, left: unknown, right: unknown): unknown {
  if (left === null || right === null) return null;
  switch (operator) {
    case "=":
      return same(left, right);
    case "<>": {
      const equal = same(left, right);
      return equal === unknown ? unknown : !equal;
    }
    case "<":
    case "<=":
    case ">":
    case ">=":
      return ordered(operator, left, right);
    case "~":
    case "~*":
    case "!~":
    case "!~*":
      return matches(operator, left, right);
    case "~~":
    case "!~~":
      return likes(left, right, operator === "!~~");
    case "||":
      return typeof left === "string" && typeof right === "string" ? left + right : unknown;
    default:
      return arithmetic(operator, left, right);
  }
}

function same(left: unknown, right: unknown): unknown {
  if (typeof left !== typeof right || typeof left === "object") return unknown;
  if (typeof left === "string" && typeof right === "string" && moment.test(left) && moment.test(right)) {
    return momentOf(left) === momentOf(right);
  }
  return left === right;
}

function ordered(operator: string, left: unknown, right: unknown): unknown {
  const pair =
    typeof left === "number" && typeof right === "number"
      ? [left, right]
      : typeof left === "string" && typeof right === "string" && moment.test(left) && moment.test(right)
        ? [momentOf(left), momentOf(right)]
        : [];
  const [a, b] = pair;
  // Texts are ordered by the collation, which only the server has.
  if (a === undefined || b === undefined || Number.isNaN(a) || Number.isNaN(b)) return unknown;
  if (operator === "<") return a < b;
  if (operator === "<=") return a <= b;
  return operator === ">" ? a > b : a >= b;
}

/** A date or moment in milliseconds since 1970; what has no time zone is in UTC. */
export function momentOf(text: string): number {
  if (text.length <= 10) return Date.parse(text);
  const zoned = /(?:Z|[+-]\d\d(?::?\d\d)?)$/.test(text.slice(10)) ? text : `${text}Z`;
  return Date.parse(zoned.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
}

function matches(operator: string, left: unknown, right: unknown): unknown {
  if (typeof left !== "string" || typeof right !== "string" || !plainPattern.test(right)) return unknown;
  const found = new RegExp(right, operator.endsWith("*") ? "si" : "s").test(left);
  return operator.startsWith("!") ? !found : found;
}

function likes(left: unknown, right: unknown, not: boolean): unknown {
  if (typeof left !== "string" || typeof right !== "string" || right.includes("\\")) return unknown;
  const pattern = right
    .replaceAll(/[.*+?^${}()|[\]]/g, "\\$&")
    .replaceAll("%", ".*")
    .replaceAll("_", ".");
  return new RegExp(`^${pattern}$`, "s").test(left) !== not;
}

function arithmetic(operator: string, left: unknown, right: unknown): unknown {
  if (typeof left !== "number" || typeof right !== "number") return unknown;
  // Fractions are exact on the server and not here, and division depends on the types.
  if (!Number.isSafeInteger(left) || !Number.isSafeInteger(right)) return unknown;
  if (operator === "+") return left + right;
  if (operator === "-") return left - right;
  if (operator === "*") return left * right;
  return operator === "%" && right !== 0 ? left % right : unknown;
}

const wholeTypes = new Set(["int2", "int4", "int8", "smallint", "integer", "bigint"]);
const textTypes = new Set(["text", "varchar", "character varying"]);

function cast(value: unknown, { names, arrayBounds, typmods }: Fields): unknown {
  if (value === null || value === unknown) return value;
  const type = namesIn(names as Node[]).at(-1) ?? "";
  if (arrayBounds !== undefined) return Array.isArray(value) ? value : unknown;
  if (wholeTypes.has(type) || type === "numeric" || type === "float8" || type === "float4") {
    const number = typeof value === "string" ? Number(value) : value;
    if (typeof number !== "number" || Number.isNaN(number)) return unknown;
    return wholeTypes.has(type) && !Number.isInteger(number) ? unknown : number;
  }
  if (textTypes.has(type)) {
    // A cast to varchar(n) cuts off what is longer.
    if (typmods !== undefined) return unknown;
    return typeof value === "string" ? value : Number.isSafeInteger(value) ? String(value) : unknown;
  }
  if (type === "bool") return typeof value === "boolean" ? value : unknown;
  if (["date", "timestamp", "timestamptz"].includes(type)) {
    if (typeof value !== "string" || !moment.test(value)) return unknown;
    return type === "date" ? value.slice(0, 10) : value;
  }
  // Constants of other types, such as enums, are their texts; numbers may be rounded.
  return typeof value === "string" && !["bpchar", "citext", "interval"].includes(type) ? value : unknown;
}

/** Characters as the server counts them. */
const length = (text: unknown) =>
  typeof text === "string" ? [...text].length : text === null ? null : unknown;
const onText = (change: (text: string) => string) => (text: unknown) =>
  typeof text === "string" ? change(text) : text === null ? null : unknown;
const inAscii = (change: (text: string) => string) => (text: unknown) =>
  typeof text === "string" && !/^[\x20-\x7e]*$/.test(text) ? unknown : onText(change)(text);

const functions: Readonly<Record<string, (...values: unknown[]) => unknown>> = {
  length,
  char_length: length,
  character_length: length,
  lower: inAscii((text) => text.toLowerCase()),
  upper: inAscii((text) => text.toUpperCase()),
  btrim: (text, characters) =>
    characters === undefined || characters === " "
      ? onText((t) => t.replaceAll(/^ +| +$/g, ""))(text)
      : unknown,
  abs: (value) => (typeof value === "number" ? Math.abs(value) : value === null ? null : unknown),
  cardinality: (value) => (Array.isArray(value) ? value.length : value === null ? null : unknown),
  array_length: (value, dimension) =>
    value === null ? null : Array.isArray(value) && dimension === 1 ? value.length || null : unknown,
  num_nonnulls: (...values) => values.filter((value) => value !== null).length,
  num_nulls: (...values) => values.filter((value) => value === null).length,
  now: () => new Date().toISOString(),
};
