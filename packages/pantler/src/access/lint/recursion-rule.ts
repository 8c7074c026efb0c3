import { relationsIn } from "../../migrations/index.js";
import { concerns, type LintContext, listed, may, titleOf } from "./context.js";
import { isInvoker } from "./exposure-rules.js";
import { subqueriesIn } from "./expression.js";
import { type ApiRole, apiRoles, type Command, type RelationFacts } from "./facts.js";

/**
 * Finds the tables whose policies come back to them, which the server refuses with 42P17. Like the server
 * (fireRIRrules in rewriteHandler.c) it follows the tables that sub-queries of policies name, with the policies for
 * reading those; what functions read does not count.
 */
export function judgeRecursion(context: LintContext): void {
  for (const relation of context.relations) {
    if (!relation.rowSecurity || relation.partition) continue;
    const cycle = firstCycle(relation, context);
    if (!cycle) continue;
    const way = [...cycle.way, cycle.way[0] ?? ""];
    context.report({
      rule: "policy-recursion",
      subject: titleOf(relation),
      message: `The policies of ${listed([...new Set(cycle.way)])} read each other in a circle (${way.join(" → ")}): every ${cycle.command} of ${cycle.role} on ${titleOf(relation)} fails with 42P17, infinite recursion.`,
    });
  }
}

interface Cycle {
  readonly way: readonly string[];
  readonly role: ApiRole;
  readonly command: Command;
}

function firstCycle(relation: RelationFacts, context: LintContext): Cycle | undefined {
  for (const role of apiRoles) {
    for (const command of ["select", "insert", "update", "delete"] as const) {
      if (!may(relation.grants, role, command)) continue;
      const way = findCycle(relation, command, role, [], context);
      if (way) return { way, role, command };
    }
  }
  return undefined;
}

function findCycle(
  relation: RelationFacts,
  command: Command,
  role: ApiRole,
  active: readonly RelationFacts[],
  context: LintContext,
): string[] | undefined {
  const read = tablesInPolicies(relation, command, role, context);
  if (read.length === 0) return undefined;
  const begun = active.indexOf(relation);
  if (begun >= 0) return active.slice(begun).map(titleOf);
  for (const next of read) {
    const way = findCycle(next, "select", role, [...active, relation], context);
    if (way) return way;
  }
  return undefined;
}

function tablesInPolicies(
  relation: RelationFacts,
  command: Command,
  role: ApiRole,
  context: LintContext,
): RelationFacts[] {
  if (!relation.rowSecurity) return [];
  const policies = context
    .policiesOf(relation)
    .filter((policy) => policy.roles.includes(role) && concerns(policy, command));
  const named = policies
    .flatMap(({ usingTree, checkTree }) => [usingTree, checkTree])
    .flatMap(subqueriesIn)
    .flatMap(relationsIn);
  const found = named.flatMap(({ schemaname, relname }) =>
    context.facts.relations.filter(({ schema, name }) => schema === schemaname && name === relname),
  );
  return [...new Set(found.flatMap((each) => throughViews(each, context, new Set())))];
}

/** A view that reads as its reader stands for what it reads. */
function throughViews(relation: RelationFacts, context: LintContext, seen: Set<string>): RelationFacts[] {
  if (relation.kind !== "view") return [relation];
  if (!isInvoker(relation) || seen.has(relation.id)) return [];
  seen.add(relation.id);
  return relation.reads.flatMap((id) => {
    const read = context.byId(id);
    return read ? throughViews(read, context, seen) : [];
  });
}
