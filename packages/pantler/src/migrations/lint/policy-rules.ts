import type { CreatePolicyStmt, FuncCall, Node } from "libpg-query";
import type { Relation } from "./catalog.js";
import type { RuleContext } from "./context.js";
import { placeOf } from "./effect-context.js";
import { callsPerRow, searchedColumns } from "./policy-expression.js";
import type { RuleSet } from "./rule-set.js";
import { columnsIn, nameOfCall, visitNodes } from "./walk-tree.js";

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
  for (const column of searchedColumns(qual, relation.name, isSameForAll)) {
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

/** Whether it asks who is asking. */
function isSameForAll(node: Node | undefined): boolean {
  let asks = false;
  visitNodes(node, (kind, fields) => {
    if (kind === "FuncCall" && isCallerFunction(fields as FuncCall)) asks = true;
    return true;
  });
  return asks;
}

/** Functions that tell who is asking: the same for every row of a query. */
export const callerFunctions: ReadonlySet<string> = new Set([
  ...["auth.uid", "auth.jwt", "auth.role", "auth.email"],
  ...["current_setting", "pg_catalog.current_setting"],
]);

function isCallerFunction(call: FuncCall): boolean {
  return callerFunctions.has(nameOfCall(call));
}

function perRow({ policy_name, qual, with_check }: Policy, context: RuleContext): void {
  const calls = [qual, with_check].flatMap((each) => callsPerRow(each, isCallerFunction)).map(nameOfCall);
  const [first] = calls;
  if (first === undefined) return;
  const names = [...new Set(calls)].map((name) => `${name}()`);
  context.report({
    rule: "policy-function-per-row",
    message: `Policy ${policy_name} calls ${names.join(", ")} anew for every row that a query looks at.`,
    remedy: `Write (select ${first}${first.endsWith("current_setting") ? "(…)" : "()"}), which is worked out once for each query.`,
  });
}
