import type { A_Const, FuncCall, Node, RangeVar } from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";

/**
 * Visits every node below one, itself included, parents first.
 * @param visit returns false where what is below is not of interest
 */
export function visitNodes(root: unknown, visit: (kind: string, fields: unknown) => boolean): void {
  if (Array.isArray(root)) {
    for (const each of root) visitNodes(each, visit);
    return;
  }
  if (typeof root !== "object" || root === null) return;
  for (const [key, value] of Object.entries(root)) {
    // A node is wrapped in its name, which is written with a capital; fields are not.
    const isNode = key.charAt(0) !== key.charAt(0).toLowerCase();
    if (isNode && !visit(key, value)) continue;
    visitNodes(value, visit);
  }
}

/** The tables and views that a query reads, as they are named in it; names of its own `with` are left out. */
export function relationsIn(query: unknown): RangeVar[] {
  const found: RangeVar[] = [];
  const own = new Set<string>();
  visitNodes(query, (kind, fields) => {
    if (kind === "RangeVar") found.push(fields as RangeVar);
    if (kind === "CommonTableExpr") own.add((fields as { ctename?: string }).ctename ?? "");
    return true;
  });
  return found.filter(({ schemaname, relname }) => schemaname !== undefined || !own.has(relname ?? ""));
}

/** The constants that are strings. */
export function stringsIn(root: unknown): { readonly text: string; readonly location: number | undefined }[] {
  const found: { text: string; location: number | undefined }[] = [];
  visitNodes(root, (kind, fields) => {
    if (kind !== "A_Const") return true;
    const { sval, location } = fields as A_Const;
    if (sval?.sval !== undefined) found.push({ text: sval.sval, location });
    return true;
  });
  return found;
}

/** A function's name as it is called, in lower case, with its schema where that is written. */
export function nameOfCall({ funcname }: FuncCall): string {
  return namesIn(funcname).join(".").toLowerCase();
}

/**
 * The columns of a table that an expression names: unqualified, or by the table's own name, and not inside of a
 * sub-select, where such a name may be that of another table's column.
 */
export function columnsIn(expression: Node | undefined, table: string): string[] {
  const found: string[] = [];
  visitNodes(expression, (kind, fields) => {
    if (kind === "SubLink") {
      found.push(...columnsIn((fields as { testexpr?: Node }).testexpr, table));
      return false;
    }
    if (kind === "ColumnRef") found.push(...columnOf(fields as { fields?: Node[] }, table));
    return true;
  });
  return [...new Set(found)];
}

export function columnOf({ fields }: { readonly fields?: readonly Node[] }, table: string): string[] {
  const names = namesIn(fields);
  if (names.length !== fields?.length) return [];
  const column = names.at(-1);
  const owner = names.at(-2);
  return column !== undefined && (owner === undefined || owner === table) ? [column] : [];
}

/** Names in an object that is given as a list, as those of DROP are. */
export function listedNames(node: Node): string[] {
  return namesIn(asNode(node, "List")?.items ?? [node]);
}
