import type { FuncCall, Node, RangeVar, SelectStmt } from "libpg-query";
import {
  callerFunctions,
  callsPerRow,
  nameOfCall,
  searchedColumns,
  visitNodes,
} from "../../migrations/index.js";
import { asNode, namesIn } from "../../schema/index.js";
import { titleOf } from "../title-of.js";
import { concerns, type LintContext, listed, type Policy } from "./context.js";
import { callsIn, columnNamesIn, constantOf, equationOf, rowColumnsIn, subqueriesIn } from "./expression.js";
import type { IndexFacts, RelationFacts } from "./facts.js";

/** What policies cost each query. */
export function judgeCosts(context: LintContext): void {
  const indexes = new Map<string, { relation: RelationFacts; column: string; names: string[] }>();
  for (const policy of context.policies) {
    if (!policy.relation.rowSecurity) continue;
    judgeCalls(policy, context);
    judgeSubqueries(policy, context);
    for (const column of unindexed(policy, context)) {
      const key = `${policy.relation.id} ${column}`;
      const known = indexes.get(key) ?? { relation: policy.relation, column, names: [] };
      indexes.set(key, { ...known, names: [...known.names, policy.name] });
    }
  }
  for (const { relation, column, names } of indexes.values()) {
    context.report({
      rule: "policy-without-index",
      subject: titleOf(relation),
      message: `${names.length === 1 ? "Policy" : "Policies"} ${listed(names)} ${names.length === 1 ? "looks" : "look"} rows of ${titleOf(relation)} up by ${column}, and no index begins with it: every query under ${names.length === 1 ? "the policy" : "these policies"} reads the whole table.`,
      fix: { kind: "index", schema: relation.schema, table: relation.name, columns: [column] },
    });
  }
}

/**
 * The calls in a policy that could be worked out once for each query: what they answer is the same for all rows.
 * @param routines tells of a function by its qualified name whether it is stable
 */
export function repeatedCalls(tree: Node | undefined, isStable: (name: string) => boolean): FuncCall[] {
  return callsPerRow(tree, (call) => {
    const name = nameOfCall(call);
    return (callerFunctions.has(name) || isStable(name)) && columnNamesIn(call.args).size === 0;
  });
}

function judgeCalls(policy: Policy, context: LintContext): void {
  const { relation } = policy;
  const isStable = stableFunctions(context);
  const trees = [policy.usingTree, policy.checkTree];
  const names = [...new Set(trees.flatMap((tree) => repeatedCalls(tree, isStable)).map(nameOfCall))];
  const [first] = names;
  if (first !== undefined) {
    context.report({
      rule: "policy-function-per-row",
      subject: policy.subject,
      message: `Policy ${policy.name} calls ${listed(names.map((name) => `${name}()`))} anew for every row that a query looks at.`,
      remedy: `Write (select ${first}(${first.endsWith("current_setting") ? "…" : ""})), which is worked out once for each query.`,
      ...(context.relations.includes(relation)
        ? { fix: { kind: "wrap-calls", schema: relation.schema, table: relation.name, policy: policy.name } }
        : {}),
    });
  }
  for (const call of trees.flatMap(callsIn)) {
    const name = nameOfCall(call);
    const [routine] = context.routines.named(name);
    if (!routine || callerFunctions.has(name)) continue;
    const ofRow = columnNamesIn(call.args).size > 0;
    if (!ofRow && routine.volatility !== "volatile") continue;
    if (ofRow && context.routines.tables(routine).length === 0) continue;
    context.report({
      rule: "policy-function-of-row",
      level: ofRow ? "info" : "warning",
      subject: policy.subject,
      message: ofRow
        ? `Policy ${policy.name} calls ${name}() with columns of the row: its queries run once for every row that is looked at.`
        : `Policy ${policy.name} calls ${name}(), which is declared volatile and so runs for every row, though it asks nothing of the row.`,
    });
    return;
  }
}

/** Functions of the project that answer the same for one query; an immutable one with constants costs nothing anyway. */
export function stableFunctions({ routines }: Pick<LintContext, "routines">): (name: string) => boolean {
  return (name) => {
    const found = routines.named(name);
    return found.length > 0 && found.every(({ volatility }) => volatility === "stable");
  };
}

/** The columns by which a policy finds rows and with which no index begins. */
function unindexed(policy: Policy, context: LintContext): string[] {
  const { relation, usingTree } = policy;
  if (!policy.permissive || policy.roles.length === 0 || relation.partition) return [];
  if (
    !context.relations.includes(relation) ||
    !concerns(policy, policy.command === "all" ? "select" : policy.command)
  ) {
    return [];
  }
  const isSameForAll = (node: Node | undefined) =>
    context.asks(node) && rowColumnsIn(node, relation.name).size === 0;
  // What a sub-query lists is only compared with; an index is searched for what is known before the table is read.
  return [...searchedColumns(usingTree, relation.name, isSameForAll, false)].filter(
    (column) =>
      relation.columns.some(({ name }) => name === column) &&
      !beginsIndex(relation.indexes, new Set([column])),
  );
}

function beginsIndex(indexes: readonly IndexFacts[], columns: ReadonlySet<string>): boolean {
  return indexes.some(({ columns: [first] }) => first !== undefined && first !== null && columns.has(first));
}

function judgeSubqueries(policy: Policy, context: LintContext): void {
  const queries = [policy.usingTree, policy.checkTree].flatMap(subqueriesIn);
  for (const query of queries) {
    const isPerRow = rowColumnsIn(query, policy.relation.name).size > 0;
    for (const { relation, columns } of lookups(query, context)) {
      if (columns.size === 0 || beginsIndex(relation.indexes, columns)) continue;
      context.report({
        rule: "policy-slow-subquery",
        subject: policy.subject,
        message: `Policy ${policy.name} looks ${titleOf(relation)} up by ${listed([...columns])}, and no index of it begins with ${columns.size === 1 ? "that" : "one of these"}: all of ${titleOf(relation)} is read ${isPerRow ? "for every row that a query looks at" : "by every query"}.`,
        fix: {
          kind: "index",
          schema: relation.schema,
          table: relation.name,
          columns: [...columns].slice(0, 1),
        },
      });
    }
  }
  const correlated = subqueriesIn(policy.usingTree).some(
    (query) => rowColumnsIn(query, policy.relation.name).size > 0,
  );
  if (!correlated) return;
  context.report({
    rule: "policy-subquery-per-row",
    subject: policy.subject,
    message: `A sub-query of policy ${policy.name} asks for the row of ${titleOf(policy.relation)} and is worked out for every row that a query looks at.`,
  });
}

/** The tables that a query reads, with the columns that it compares with something. */
function lookups(
  query: SelectStmt,
  context: LintContext,
): { readonly relation: RelationFacts; readonly columns: ReadonlySet<string> }[] {
  const found = new Map<string, { relation: RelationFacts; columns: Set<string> }>();
  visitNodes(query.fromClause, (kind, fields) => {
    if (kind === "SubLink") return false;
    if (kind !== "RangeVar") return true;
    const { schemaname = "", relname = "", alias } = fields as RangeVar;
    const relation = context.relations.find((each) => titleOf(each) === `${schemaname}.${relname}`);
    const isTable = relation?.kind === "table" || relation?.kind === "partitioned table";
    if (relation && isTable) found.set(alias?.aliasname ?? relname, { relation, columns: new Set() });
    return true;
  });
  visitNodes([query.fromClause, query.whereClause], (kind, fields) => {
    if (kind === "SelectStmt") return false;
    const equation = equationOf({ [kind]: fields } as unknown as Node);
    const sides = equation ? [equation.left, equation.right] : [];
    // A flag's value is no reason for an index.
    for (const side of sides.some((each) => constantOf(each) !== undefined) ? [] : sides) {
      const names = namesIn(asNode(side, "ColumnRef")?.fields);
      const column = names.at(-1);
      const owner = names.length > 1 ? names.at(-2) : found.size === 1 ? [...found.keys()][0] : undefined;
      if (column !== undefined && owner !== undefined) found.get(owner)?.columns.add(column);
    }
    return true;
  });
  return [...found.values()];
}
