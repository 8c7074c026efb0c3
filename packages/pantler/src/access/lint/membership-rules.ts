import type { Node, SelectStmt } from "libpg-query";
import { nameOfCall, relationsIn, visitNodes } from "../../migrations/index.js";
import { asNode, namesIn } from "../../schema/index.js";
import { titleOf } from "../title-of.js";
import {
  checkFor,
  concerns,
  filterFor,
  type LintContext,
  listed,
  may,
  type Policy,
  widthIn,
} from "./context.js";
import { callsIn, constantOf, equationOf, linksIn, rowColumnsIn, type Subquery } from "./expression.js";
import type { RelationFacts, RoutineFacts } from "./facts.js";
import { isGate } from "./gate.js";
import { isProfile } from "./hidden-rows-rules.js";

const role = "authenticated";

/** A table whose rows let users in, with the columns that tell into what; none where having a row is enough. */
interface Membership {
  readonly table: RelationFacts;
  readonly into: readonly string[];
  readonly policy: Policy;
}

/** Whoever may make or change the row that lets him in, is in. */
export function judgeMemberships(context: LintContext): void {
  const told = new Set<RelationFacts>();
  for (const membership of membershipsOf(context)) {
    const { table, into, policy } = membership;
    const open = context.policiesOf(table).find((each) => isOpenTo(each, membership, context));
    if (!open || told.has(table)) continue;
    told.add(table);
    const what = into.length === 0 ? "a row" : `a row with any ${listed(into)}`;
    context.report({
      rule: "membership-self-service",
      subject: titleOf(table),
      message: `Policy ${policy.name} of ${titleOf(policy.relation)} lets in who has a row in ${titleOf(table)}, and policy ${open.name} lets users give themselves ${what}.`,
    });
  }
}

function membershipsOf(context: LintContext): Membership[] {
  return context.policies.flatMap((policy) =>
    [policy.usingTree, policy.checkTree].flatMap((tree) => [
      ...linksIn(tree).flatMap((link) => (context.asks(tree) ? membershipsIn(link, policy, context) : [])),
      ...callsIn(tree)
        .flatMap((call) => context.routines.named(nameOfCall(call)))
        .flatMap((routine) => membershipsBehind(routine, policy, context)),
    ]),
  );
}

/** The tables that a sub-query looks into for the caller's own rows. */
function membershipsIn({ query, compared }: Subquery, policy: Policy, context: LintContext): Membership[] {
  const isAboutRow = rowColumnsIn([query, compared], policy.relation.name).size > 0;
  return context.tablesIn(query.fromClause).flatMap((table) => {
    const { named, linked } = columnsOf(table, query);
    const owners = ownersOf(table, context);
    if (table.id === policy.relation.id || !owners.some((owner) => named.has(owner))) return [];
    const into = targetsOf(table, owners).filter((column) => linked.has(column));
    const isEnough = into.length === 0 && !isAboutRow && answersOnlyWho(query, owners);
    return into.length > 0 || (isEnough && !isProfile(table, context)) ? [{ table, into, policy }] : [];
  });
}

/**
 * The columns of a table that a query names, and those that tell what a row of it leads to: they are answered, or equal a
 * column of something else. The catalog puts the table's name, or its alias, before each.
 */
function columnsOf(
  { schema, name }: RelationFacts,
  { fromClause, whereClause, targetList }: SelectStmt,
): { readonly named: ReadonlySet<string>; readonly linked: ReadonlySet<string> } {
  const aliases = relationsIn(fromClause)
    .filter(({ schemaname, relname }) => schemaname === schema && relname === name)
    .map(({ alias }) => alias?.aliasname ?? name);
  const named = new Set<string>();
  const linked = new Set<string>();
  const own = (node: Node | undefined) => {
    const names = namesIn(asNode(node, "ColumnRef")?.fields);
    return aliases.includes(names.at(-2) ?? "") ? names.at(-1) : undefined;
  };
  const link = (node: Node | undefined) => {
    const column = own(node);
    if (column !== undefined) linked.add(column);
  };
  for (const target of targetList ?? []) link(asNode(target, "ResTarget")?.val);
  visitNodes([fromClause, whereClause, targetList], (kind, fields) => {
    // What is inside of another sub-query is that one's.
    if (kind === "SubLink") return false;
    const node = { [kind]: fields } as unknown as Node;
    const column = own(node);
    if (column !== undefined) named.add(column);
    const { left, right } = equationOf(node) ?? {};
    if (isColumn(left) && isColumn(right) && (own(left) === undefined) !== (own(right) === undefined)) {
      link(left);
      link(right);
    }
    return true;
  });
  return { named, linked };
}

function isColumn(node: Node | undefined): boolean {
  return asNode(node, "ColumnRef") !== undefined;
}

/** Whether a query answers no more than that there is a row, or whose it is. */
function answersOnlyWho({ targetList }: SelectStmt, owners: readonly string[]): boolean {
  return (targetList ?? []).every((target) => {
    const value = asNode(target, "ResTarget")?.val;
    const column = namesIn(asNode(value, "ColumnRef")?.fields).at(-1);
    return constantOf(value) !== undefined || (column !== undefined && owners.includes(column));
  });
}

function membershipsBehind(routine: RoutineFacts, policy: Policy, context: LintContext): Membership[] {
  if (!context.routines.asks(routine)) return [];
  const words = new Set(
    context.routines.withCalled(routine).flatMap((each) => [...context.routines.words(each)]),
  );
  return context.routines.tables(routine).flatMap((table) => {
    const owners = ownersOf(table, context);
    const into = targetsOf(table, owners).filter((column) => words.has(column));
    const isMembership = owners.some((owner) => words.has(owner)) && into.length > 0;
    return isMembership && table.id !== policy.relation.id ? [{ table, into, policy }] : [];
  });
}

/** The columns that refer to something else than a user. */
function targetsOf({ foreignKeys }: RelationFacts, owners: readonly string[]): string[] {
  return foreignKeys.flatMap(({ columns }) => columns).filter((column) => !owners.includes(column));
}

function ownersOf(table: RelationFacts, { ownership }: LintContext): string[] {
  return ownership.columns
    .filter((each) => titleOf(each.table) === titleOf(table))
    .map(({ column }) => column);
}

/** Whether a policy lets users make their own row of a membership, or change into what it lets them. */
function isOpenTo(policy: Policy, { table, into }: Membership, context: LintContext): boolean {
  if (!table.rowSecurity || !policy.permissive || !policy.roles.includes(role)) return false;
  return (["insert", "update"] as const).some((command) => {
    if (!concerns(policy, command) || !may(table.grants, role, command)) return false;
    if (context.isNarrowed(table, command, role)) return false;
    if ([table.name, ...into].some((name) => context.isGuarded(table, command, name))) return false;
    if (
      command === "update" &&
      !table.columns.some(({ name, writers }) => into.includes(name) && writers.includes(role))
    ) {
      return false;
    }
    const conditions = [filterFor(policy, command), checkFor(policy, command)].filter(
      (tree) => tree !== undefined,
    );
    if (conditions.every((tree) => widthIn(policy, tree, role) === true)) return true;
    const looked = new Set(conditions.flatMap((tree) => [...rowColumnsIn(tree, table.name)]));
    const isOwn = ownersOf(table, context).some((owner) => looked.has(owner));
    return (
      isOwn &&
      !into.some((column) => looked.has(column)) &&
      !conditions.some((tree) => isGate(tree, table, context))
    );
  });
}
