import type { A_Expr, ColumnRef, CreatePolicyStmt, FuncCall, Node, SelectStmt, SubLink } from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";
import type { Relation } from "./catalog.js";
import type { RuleContext } from "./context.js";
import { placeOf } from "./effect-context.js";
import type { RuleSet } from "./rule-set.js";
import { columnOf, columnsIn, nameOfCall, visitNodes } from "./walk-tree.js";

/** What a policy needs, and what it costs. */
export const policyRules: RuleSet = {
  CreatePolicyStmt: (statement, context) => judgePolicy(statement, context),
  AlterPolicyStmt: (statement, context) => judgePolicy(statement, context),
};

type Policy = Pick<CreatePolicyStmt, "policy_name" | "table" | "qual" | "with_check">;

function judgePolicy(policy: Policy, context: RuleContext): void {
  perRow(policy, context);
  const relation = context.catalog.find(policy.table);
  if (!relation) return;
  missingColumns(policy, relation, context);
  missingIndexes(policy, relation, context);
  const at = placeOf(context);
  context.later(() => {
    // New tables and disabled ones have rules of their own.
    if (relation.created || relation.disabledAt || relation.rowSecurity) return;
    const message = `Row security of ${relation.title} is off, so that policy ${policy.policy_name} does nothing.`;
    context.report({ rule: "policy-without-row-security", at, message });
  });
}

const systemColumns = new Set(["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]);

function missingColumns(
  { qual, with_check, policy_name }: Policy,
  relation: Relation,
  context: RuleContext,
): void {
  if (!relation.complete) return;
  const named = [...columnsIn(qual, relation.name), ...columnsIn(with_check, relation.name)];
  const known = (name: string) =>
    relation.columns.has(name) || systemColumns.has(name) || name === relation.name;
  for (const column of new Set(named)) {
    if (known(column)) continue;
    context.report({
      rule: "policy-before-column",
      message: `Policy ${policy_name} names the column ${column}, which ${relation.title} does not have at this point.`,
    });
  }
}

function missingIndexes({ qual, policy_name }: Policy, relation: Relation, context: RuleContext): void {
  const at = placeOf(context);
  for (const column of searchedColumns(qual, relation.name)) {
    if (!relation.columns.has(column) || beginsIndex(relation, column)) continue;
    context.later(() => {
      const laterOn = relation.indexes.find(({ columns }) => columns[0] === column);
      const when = laterOn?.at
        ? `the index on it comes only in ${laterOn.at.file.shown}:${laterOn.at.line}`
        : "no index begins with it";
      context.report({
        rule: "policy-without-index",
        at,
        message: `Policy ${policy_name} looks rows of ${relation.title} up by ${column}, and ${when}: every query under the policy reads the whole table.`,
      });
    });
  }
}

function beginsIndex({ indexes }: Relation, column: string): boolean {
  return indexes.some(({ columns }) => columns[0] === column);
}

/** The columns that an expression compares with something that is the same for every row. */
function searchedColumns(expression: Node | undefined, table: string): Set<string> {
  const found = new Set<string>();
  const add = (node: Node | undefined) => {
    const column = asNode(node, "ColumnRef");
    if (column)
      for (const name of columnOf(column as ColumnRef & { fields?: Node[] }, table)) found.add(name);
  };
  visitNodes(expression, (kind, fields) => {
    if (kind === "SubLink") {
      const { subLinkType, testexpr, operName } = fields as SubLink;
      if (subLinkType === "ANY_SUBLINK" && operName === undefined) add(testexpr);
      return false;
    }
    if (kind === "A_Expr") {
      const { kind: form, name, lexpr, rexpr } = fields as A_Expr;
      if (form === "AEXPR_OP" && namesIn(name).at(-1) === "=") {
        if (isSameForAll(rexpr)) add(lexpr);
        if (isSameForAll(lexpr)) add(rexpr);
      }
    }
    return true;
  });
  return found;
}

/** Whether it asks who is asking: a constant, such as a flag's, is no reason for an index. */
function isSameForAll(node: Node | undefined): boolean {
  let asks = false;
  visitNodes(node, (kind, fields) => {
    if (kind === "FuncCall" && callerFunctions.has(nameOfCall(fields as FuncCall))) asks = true;
    return true;
  });
  return asks;
}

/** Functions that tell who is asking: the same for every row of a query. */
const callerFunctions = new Set([
  ...["auth.uid", "auth.jwt", "auth.role", "auth.email"],
  ...["current_setting", "pg_catalog.current_setting"],
]);

function perRow({ policy_name, qual, with_check }: Policy, context: RuleContext): void {
  const calls = [...callsPerRow(qual, false), ...callsPerRow(with_check, false)];
  const [first] = calls;
  if (first === undefined) return;
  const names = [...new Set(calls)].map((name) => `${name}()`);
  context.report({
    rule: "policy-function-per-row",
    message: `Policy ${policy_name} calls ${names.join(", ")} anew for every row that a query looks at.`,
    remedy: `Write (select ${first}${first.endsWith("current_setting") ? "(…)" : "()"}), which is worked out once for each query.`,
  });
}

/** @param apart whether the expression is in a select that reads no table, which is worked out once */
function callsPerRow(root: unknown, apart: boolean): string[] {
  const found: string[] = [];
  visitNodes(root, (kind, fields) => {
    if (kind === "SubLink") {
      const { subselect, testexpr } = fields as SubLink;
      const select = asNode(subselect, "SelectStmt") as SelectStmt | undefined;
      found.push(
        ...callsPerRow(subselect, (select?.fromClause ?? []).length === 0),
        ...callsPerRow(testexpr, apart),
      );
      return false;
    }
    if (kind === "FuncCall") {
      const name = nameOfCall(fields as FuncCall);
      if (!apart && callerFunctions.has(name)) found.push(name);
    }
    return true;
  });
  return found;
}
