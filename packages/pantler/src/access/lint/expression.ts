import type { A_Const, A_Expr, ColumnRef, FuncCall, Node, SelectStmt, SubLink } from "libpg-query";
import { visitNodes } from "../../migrations/index.js";
import { parseStatements, SqlSyntaxProblem } from "../../postgres/index.js";
import { asNode, namesIn } from "../../schema/index.js";

/** What an expression is parsed behind; locations in its nodes count from the beginning of this. */
export const beforeExpression = "select ";

/**
 * Parses an expression as the catalog writes it.
 * @returns undefined where there is none, and for what only a newer server knows
 */
export function parseExpression(text: string | null): Node | undefined {
  if (text === null) return undefined;
  const select = asNode(parseQuery(`${beforeExpression}${text}`), "SelectStmt");
  return asNode(select?.targetList?.[0], "ResTarget")?.val;
}

/** Parses one statement. */
export function parseQuery(text: string): Node | undefined {
  try {
    return parseStatements(text)?.[0]?.stmt;
  } catch (error) {
    if (error instanceof SqlSyntaxProblem) return undefined;
    throw error;
  }
}

/** The calls of functions in an expression. */
export function callsIn(root: unknown): FuncCall[] {
  const found: FuncCall[] = [];
  visitNodes(root, (kind, fields) => {
    if (kind === "FuncCall") found.push(fields as FuncCall);
    return true;
  });
  return found;
}

/** A select from tables that stands in an expression, and what its answer is compared with. */
export interface Subquery {
  readonly query: SelectStmt;
  readonly compared: Node | undefined;
}

/** The selects from tables that stand in an expression, those inside of others too. */
export function linksIn(root: unknown): Subquery[] {
  const found: Subquery[] = [];
  visitNodes(root, (kind, fields) => {
    const { subselect, testexpr } = kind === "SubLink" ? (fields as SubLink) : {};
    const query = asNode(subselect, "SelectStmt");
    if (query && (query.fromClause ?? []).length > 0) found.push({ query, compared: testexpr });
    return true;
  });
  return found;
}

/** The same without what their answers are compared with. */
export function subqueriesIn(root: unknown): SelectStmt[] {
  return linksIn(root).map(({ query }) => query);
}

/** The names of columns that an expression of a table's policy takes from the row, also from inside of sub-queries. */
export function rowColumnsIn(root: unknown, table: string): Set<string> {
  const found = new Set<string>();
  visitNodes(root, (kind, fields) => {
    if (kind !== "ColumnRef") return true;
    const names = namesIn((fields as ColumnRef).fields);
    const column = names.at(-1);
    // The catalog gives every name in a sub-query its table's, and inner tables of the same name another one.
    if (column !== undefined && (names.length === 1 || names.at(-2) === table)) found.add(column);
    return true;
  });
  return found;
}

/** Every column that is named in an expression, whatever it belongs to. */
export function columnNamesIn(root: unknown): Set<string> {
  const found = new Set<string>();
  visitNodes(root, (kind, fields) => {
    const column = kind === "ColumnRef" ? namesIn((fields as ColumnRef).fields).at(-1) : undefined;
    if (column !== undefined) found.add(column);
    return true;
  });
  return found;
}

/** Sees through casts, and through selects that only hold an expression. */
export function bare(node: Node | undefined): Node | undefined {
  const cast = asNode(node, "TypeCast");
  if (cast) return bare(cast.arg);
  const link = asNode(node, "SubLink");
  if (link?.subLinkType !== "EXPR_SUBLINK") return node;
  const select = asNode(link.subselect, "SelectStmt");
  if (!select || (select.fromClause ?? []).length > 0 || select.whereClause) return node;
  return bare(asNode(select.targetList?.[0], "ResTarget")?.val);
}

/** A constant's value; undefined for everything else. */
export function constantOf(node: Node | undefined): string | boolean | number | undefined {
  const constant = asNode(bare(node), "A_Const") as A_Const | undefined;
  if (!constant) return undefined;
  const { sval, boolval, ival, fval } = constant;
  if (sval) return sval.sval ?? "";
  if (boolval) return boolval.boolval ?? false;
  if (ival) return ival.ival ?? 0;
  return fval?.fval;
}

/** The two sides of an equation. */
export function equationOf(node: Node | undefined): { left: Node; right: Node } | undefined {
  const { kind, name, lexpr, rexpr } = (asNode(node, "A_Expr") ?? {}) as A_Expr;
  if (kind !== "AEXPR_OP" || namesIn(name).at(-1) !== "=" || !lexpr || !rexpr) return undefined;
  return { left: lexpr, right: rexpr };
}

/** Columns that are compared with themselves: what was meant for the outer table's was taken for the inner one's. */
export function selfComparisons(root: unknown): string[] {
  const found: string[] = [];
  visitNodes(root, (kind, fields) => {
    const equation = kind === "A_Expr" ? equationOf({ A_Expr: fields as A_Expr }) : undefined;
    const [left, right] = [equation?.left, equation?.right].map((side) => {
      const column = asNode(side, "ColumnRef");
      return column && namesIn(column.fields).join(".");
    });
    if (left !== undefined && left === right) found.push(left);
    return true;
  });
  return found;
}
