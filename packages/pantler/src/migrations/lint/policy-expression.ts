import type { A_Expr, FuncCall, Node, SelectStmt, SubLink } from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";
import { columnOf, visitNodes } from "./walk-tree.js";

/**
 * The columns that an expression compares with something that is the same for every row.
 * @param isSameForAll tells of the other side whether it asks who is asking: a constant, such as a flag's, is no reason
 *   for an index
 * @param listsToo whether a column that is looked for in a list, which a sub-query reads, counts
 */
export function searchedColumns(
  expression: Node | undefined,
  table: string,
  isSameForAll: (node: Node | undefined) => boolean,
  listsToo = true,
): Set<string> {
  const found = new Set<string>();
  const add = (node: Node | undefined) => {
    const column = asNode(node, "ColumnRef");
    if (column) for (const name of columnOf(column, table)) found.add(name);
  };
  visitNodes(expression, (kind, fields) => {
    if (kind === "SubLink") {
      const { subLinkType, testexpr, operName } = fields as SubLink;
      if (listsToo && subLinkType === "ANY_SUBLINK" && operName === undefined) add(testexpr);
      return false;
    }
    if (kind === "A_Expr") {
      const { kind: form, name, lexpr, rexpr } = fields as A_Expr;
      if (form === "AEXPR_OP" && namesIn(name).at(-1) === "=") {
        if (isSameForAll(rexpr)) add(lexpr);
        if (isSameForAll(lexpr)) add(rexpr);
      }
      if (form === "AEXPR_OP_ANY" && isSameForAll(rexpr)) add(lexpr);
    }
    return true;
  });
  return found;
}

/**
 * The calls that are worked out anew for every row: those that no select of their own holds.
 * @param matters which calls are of interest
 * @param apart whether the expression is in a select that reads no table, which is worked out once
 */
export function callsPerRow(root: unknown, matters: (call: FuncCall) => boolean, apart = false): FuncCall[] {
  const found: FuncCall[] = [];
  visitNodes(root, (kind, fields) => {
    if (kind === "SubLink") {
      const { subselect, testexpr } = fields as SubLink;
      const select = asNode(subselect, "SelectStmt") as SelectStmt | undefined;
      found.push(
        ...callsPerRow(subselect, matters, (select?.fromClause ?? []).length === 0),
        ...callsPerRow(testexpr, matters, apart),
      );
      return false;
    }
    if (kind === "FuncCall" && !apart && matters(fields as FuncCall)) found.push(fields as FuncCall);
    return true;
  });
  return found;
}
