import { titleOf } from "../title-of.js";
import { concerns, type LintContext, listed, may } from "./context.js";
import { isInvoker } from "./exposure-rules.js";
import { subqueriesIn } from "./expression.js";
import { type ApiRole, apiRoles, type Command, type RelationFacts } from "./facts.js";

/**
 * Finds the tables whose policies come back to them, which the server refuses with 42P17. Like the server
 * (fireRIRrules in rewriteHandler.c) it follows the tables that sub-queries of policies name, with the policies for
 * reading those; what functions read does not count.
 */
export function judgeRecursion(context: LintContext): void {
  const reading = new Reading(context);
  for (const relation of context.relations) {
    if (!relation.rowSecurity || relation.partition) continue;
    const cycle = reading.firstCycle(relation);
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

/** Which tables the policies of others read. */
class Reading {
  readonly #context: LintContext;
  readonly #read = new Map<string, readonly RelationFacts[]>();
  /** What reading leads into no circle, by role and table. */
  readonly #clear = new Set<string>();

  constructor(context: LintContext) {
    this.#context = context;
  }

  firstCycle(relation: RelationFacts): Cycle | undefined {
    for (const role of apiRoles) {
      for (const command of ["select", "insert", "update", "delete"] as const) {
        if (!may(relation.grants, role, command)) continue;
        const way = this.#findCycle(relation, command, role, []);
        if (way) return { way, role, command };
      }
    }
    return undefined;
  }

  #findCycle(
    relation: RelationFacts,
    command: Command,
    role: ApiRole,
    active: readonly RelationFacts[],
  ): string[] | undefined {
    const key = `${role} ${command} ${relation.id}`;
    if (this.#clear.has(key)) return undefined;
    const read = this.#tablesRead(key, relation, command, role);
    const begun = read.length > 0 ? active.indexOf(relation) : -1;
    if (begun >= 0) return active.slice(begun).map(titleOf);
    for (const next of read) {
      const way = this.#findCycle(next, "select", role, [...active, relation]);
      if (way) return way;
    }
    this.#clear.add(key);
    return undefined;
  }

  #tablesRead(
    key: string,
    relation: RelationFacts,
    command: Command,
    role: ApiRole,
  ): readonly RelationFacts[] {
    if (!relation.rowSecurity) return [];
    const known = this.#read.get(key);
    if (known) return known;
    const found = this.#context
      .policiesOf(relation)
      .filter((policy) => policy.roles.includes(role) && concerns(policy, command))
      .flatMap(({ usingTree, checkTree }) => [usingTree, checkTree])
      .flatMap(subqueriesIn)
      .flatMap((query) => this.#context.tablesIn(query))
      .flatMap((each) => throughViews(each, this.#context, new Set()));
    const read = [...new Set(found)];
    this.#read.set(key, read);
    return read;
  }
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
