import type { A_Expr, Node } from "libpg-query";
import { nameOfCall } from "../../migrations/index.js";
import { asNode, namesIn } from "../../schema/index.js";
import { bare, constantOf, equationOf } from "./expression.js";
import type { ApiRole } from "./facts.js";

/**
 * What an expression is for every row, whoever of a role asks; undefined where that depends.
 * @param notNull columns of the row that always have a value
 */
export function widthFor(
  expression: Node | undefined,
  role: ApiRole,
  notNull: ReadonlySet<string>,
): boolean | undefined {
  const node = bare(expression);
  const constant = constantOf(node);
  if (typeof constant === "boolean") return constant;
  const logic = asNode(node, "BoolExpr");
  if (logic) {
    const parts = (logic.args ?? []).map((each) => widthFor(each, role, notNull));
    if (logic.boolop === "NOT_EXPR") return parts[0] === undefined ? undefined : !parts[0];
    const decisive = logic.boolop === "OR_EXPR";
    if (parts.includes(decisive)) return decisive;
    return parts.every((part) => part === !decisive) ? !decisive : undefined;
  }
  const test = asNode(node, "NullTest");
  if (test) {
    const isThere = isKnown(test.arg, role, notNull);
    return isThere === undefined ? undefined : isThere === (test.nulltesttype === "IS_NOT_NULL");
  }
  const alternatives = asNode(node, "CoalesceExpr")?.args;
  if (alternatives) {
    const known = alternatives.find((each) => !isUnknown(each, role));
    return widthFor(known, role, notNull);
  }
  const comparison = asNode(node, "A_Expr");
  return comparison && widthOfComparison(comparison, role);
}

/** Whether something always has a value, or never has one; undefined where that depends. */
function isKnown(node: Node | undefined, role: ApiRole, notNull: ReadonlySet<string>): boolean | undefined {
  const value = bare(node);
  if (isUserId(value)) return role === "authenticated";
  const names = namesIn(asNode(value, "ColumnRef")?.fields);
  return names.length === 1 && notNull.has(names[0] ?? "") ? true : undefined;
}

/** Whether a condition compares with the id of who signed in, when nobody did: that is neither true nor false. */
function isUnknown(node: Node, role: ApiRole): boolean {
  const equation = equationOf(bare(node));
  if (role !== "anon" || !equation) return false;
  return [equation.left, equation.right].some((side) => isUserId(bare(side)));
}

/** A comparison of constants, or of the role that asks with a constant or several. */
function widthOfComparison({ kind, name, lexpr, rexpr }: A_Expr, role: ApiRole): boolean | undefined {
  const operator = namesIn(name).at(-1);
  if (kind === "AEXPR_OP_ANY" && operator === "=") {
    const list = asNode(bare(rexpr), "A_ArrayExpr")?.elements?.map(constantOf);
    return isRole(bare(lexpr)) && list ? list.includes(role) : undefined;
  }
  if (kind !== "AEXPR_OP" || (operator !== "=" && operator !== "<>")) return undefined;
  const [left, right] = [constantOf(lexpr), constantOf(rexpr)];
  const isAsked = isRole(bare(lexpr)) || isRole(bare(rexpr));
  const wanted = left ?? right;
  if (wanted === undefined || (!isAsked && (left === undefined || right === undefined))) return undefined;
  return (isAsked ? wanted === role : left === right) === (operator === "=");
}

/** Whether it is the id of who signed in, which nobody else has. */
function isUserId(node: Node | undefined): boolean {
  return nameOf(node) === "auth.uid" || isClaim(node, "sub");
}

/** Whether it is the role that the request is served as. */
function isRole(node: Node | undefined): boolean {
  const current = asNode(node, "SQLValueFunction")?.op;
  if (current === "SVFOP_CURRENT_USER" || current === "SVFOP_CURRENT_ROLE" || current === "SVFOP_USER")
    return true;
  if (nameOf(node) === "auth.role" || isClaim(node, "role")) return true;
  const setting = nameOf(node) === "current_setting" ? asNode(node, "FuncCall")?.args?.[0] : undefined;
  return ["role", "request.jwt.claim.role"].includes(String(constantOf(setting)));
}

/** `auth.jwt() ->> '…'` */
function isClaim(node: Node | undefined, claim: string): boolean {
  const { kind, name, lexpr, rexpr } = asNode(node, "A_Expr") ?? {};
  if (kind !== "AEXPR_OP" || namesIn(name).at(-1) !== "->>") return false;
  return nameOf(bare(lexpr)) === "auth.jwt" && constantOf(rexpr) === claim;
}

function nameOf(node: Node | undefined): string | undefined {
  const call = asNode(node, "FuncCall");
  return call && nameOfCall(call);
}
