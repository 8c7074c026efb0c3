import type { Node, SelectStmt } from "libpg-query";
import { nameOfCall, visitNodes } from "../../migrations/index.js";
import { asNode, namesIn } from "../../schema/index.js";
import { titleOf } from "../title-of.js";
import { concerns, filterFor, type LintContext, may, type Policy, widthIn } from "./context.js";
import {
  bare,
  callsIn,
  columnNamesIn,
  constantOf,
  equationOf,
  rowColumnsIn,
  subqueriesIn,
} from "./expression.js";
import type { RelationFacts, RoutineFacts } from "./facts.js";

const role = "authenticated";

/** Columns by their table, which policies ask for what a user may do. */
type Privileges = Map<RelationFacts, Map<string, Policy>>;

/** A user who may change the column that says what he may do can do everything. */
export function judgePrivileges(context: LintContext): void {
  for (const [relation, columns] of privilegeColumns(context)) {
    if (!relation.rowSecurity) continue;
    if (!may(relation.grants, role, "update") || context.isNarrowed(relation, "update", role)) continue;
    for (const [column, asked] of columns) {
      if (!relation.columns.some(({ name, writers }) => name === column && writers.includes(role))) continue;
      if (context.isGuarded(relation, "update", column)) continue;
      const open = context
        .policiesOf(relation)
        .find(
          (policy) =>
            policy.permissive && policy.roles.includes(role) && letsOwnersChange(policy, column, context),
        );
      if (!open) continue;
      context.report({
        rule: "privilege-column-writable",
        subject: `${titleOf(relation)}.${column}`,
        message: `Policy ${asked.name} of ${titleOf(asked.relation)} asks ${titleOf(relation)}.${column} what a user may do, and policy ${open.name} lets users change it in their own row.`,
        remedy: `revoke update (${column}) on ${titleOf(relation)} from authenticated (and grant update on the other columns), or keep it in a table of its own.`,
      });
    }
  }
}

/** Whether a policy lets users update their own row whatever that does to a column. */
function letsOwnersChange(policy: Policy, column: string, context: LintContext): boolean {
  const { relation } = policy;
  if (!concerns(policy, "update")) return false;
  const filter = filterFor(policy, "update");
  const owners = context.ownership.columns.filter(({ table }) => titleOf(table) === titleOf(relation));
  const read = rowColumnsIn(filter, relation.name);
  const own = widthIn(policy, filter, role) === true || owners.some((owner) => read.has(owner.column));
  const named = new Set([...read, ...columnNamesIn(policy.checkTree)]);
  return own && !named.has(column);
}

function privilegeColumns(context: LintContext): Privileges {
  const found: Privileges = new Map();
  const add = (relation: RelationFacts, columns: Iterable<string>, policy: Policy) => {
    const known = found.get(relation) ?? new Map<string, Policy>();
    for (const column of columns) if (!known.has(column)) known.set(column, policy);
    found.set(relation, known);
  };
  for (const policy of context.policies) {
    for (const tree of [policy.usingTree, policy.checkTree]) {
      for (const query of subqueriesIn(tree)) {
        for (const relation of context.tablesIn(query)) add(relation, flagsIn(query, relation), policy);
      }
      for (const call of callsIn(tree)) {
        for (const routine of context.routines.named(nameOfCall(call))) {
          for (const relation of context.routines.tables(routine)) {
            add(relation, flagsOf(routine, relation, context), policy);
          }
        }
      }
    }
  }
  return found;
}

/** The columns of a table that a query compares with a constant, or takes for a yes or no. */
function flagsIn(query: SelectStmt, { columns }: RelationFacts): string[] {
  const named = new Set<string>();
  const add = (node: Node | undefined) => {
    const column = namesIn(asNode(bare(node), "ColumnRef")?.fields).at(-1);
    if (column !== undefined) named.add(column);
  };
  visitNodes(query.whereClause, (kind, fields) => {
    const node = { [kind]: fields } as unknown as Node;
    const equation = equationOf(node);
    if (equation && constantOf(equation.right) !== undefined) add(equation.left);
    if (equation && constantOf(equation.left) !== undefined) add(equation.right);
    const expression = asNode(node, "A_Expr");
    if (expression?.kind === "AEXPR_OP_ANY" && asNode(bare(expression.rexpr), "A_ArrayExpr"))
      add(expression.lexpr);
    if (kind === "BoolExpr") for (const each of asNode(node, "BoolExpr")?.args ?? []) add(each);
    return true;
  });
  add(query.whereClause);
  return columns.filter(({ name }) => named.has(name) && isPrivilege(name)).map(({ name }) => name);
}

/** Words in the names of columns that tell what somebody may do. */
const privilegeWords = new Set([
  "role",
  "roles",
  "admin",
  "administrator",
  "superuser",
  "staff",
  "permission",
  "permissions",
]);

/** The columns of a table whose name tells of a privilege and that a function reads. */
function flagsOf(routine: RoutineFacts, { columns }: RelationFacts, { routines }: LintContext): string[] {
  const words = new Set(routines.withCalled(routine).flatMap((each) => [...routines.words(each)]));
  return columns.filter(({ name }) => words.has(name) && isPrivilege(name)).map(({ name }) => name);
}

function isPrivilege(column: string): boolean {
  return column.split("_").some((word) => privilegeWords.has(word));
}
