import { titleOf } from "../title-of.js";
import { type LintContext, listed, may, widthIn } from "./context.js";
import { parseQuery } from "./expression.js";
import type { ApiRole, RelationFacts } from "./facts.js";

/** What can be reached through the API without any policy in the way. */
export function judgeExposure(context: LintContext): void {
  for (const relation of context.relations) {
    switch (relation.kind) {
      case "table":
      case "partitioned table":
        judgeTable(relation, context);
        break;
      case "foreign table":
        judgeForeignTable(relation, context);
        break;
      case "view":
      case "materialized view":
        judgeView(relation, context);
    }
  }
  for (const bucket of context.facts.publicBuckets ?? []) {
    const message = `Every file in the bucket ${bucket} can be fetched by whoever has its address; the policies of storage.objects are not asked.`;
    context.report({ rule: "public-bucket", subject: `bucket ${bucket}`, message });
  }
}

function judgeTable(relation: RelationFacts, context: LintContext): void {
  const { rowSecurity, policies, partition } = relation;
  const subject = titleOf(relation);
  const exposed = context.exposedTo(relation);
  const who = listed(exposed);
  if (!rowSecurity && policies.length > 0) {
    const names = listed(policies.map(({ name }) => name));
    const open = exposed.length === 0 ? "" : `: ${who} may use every row that a grant allows`;
    const message = `Row security of ${subject} is off, so that its policies (${names}) do nothing${open}.`;
    const level = exposed.length === 0 ? "warning" : "error";
    context.report({ rule: "policy-without-row-security", level, subject, message });
    return;
  }
  if (exposed.length === 0) return;
  if (!rowSecurity) {
    const rights = new Map<string, string[]>();
    for (const role of exposed) {
      const right = listed(relation.grants[role] ?? []);
      rights.set(right, [...(rights.get(right) ?? []), role]);
    }
    const words = [...rights].map(([right, roles]) => `${listed(roles)} may ${right} any row`).join("; ");
    const part = partition
      ? " It is a part of another table, whose policies hold only for queries of that."
      : "";
    const message = `${subject} is served by the API and has no row security: ${words}.${part}`;
    context.report({ rule: "table-without-row-security", subject, message });
    return;
  }
  if (partition || policies.some(({ roles, permissive }) => permissive && roles.length > 0)) return;
  if (policies.length === 0) {
    const message = `${subject} has row security and no policy: ${who} can see and write no row of it, though it is granted to them.`;
    context.report({ rule: "row-security-without-policy", subject, message });
    return;
  }
  const message = `No policy of ${subject} lets ${who} in, and it is granted to them all the same.`;
  context.report({ rule: "closed-table-granted", subject, message });
}

function judgeForeignTable(relation: RelationFacts, context: LintContext): void {
  const exposed = context.exposedTo(relation);
  if (exposed.length === 0) return;
  const subject = titleOf(relation);
  const message = `${subject} is a foreign table, which has no row security, and the API serves it: ${listed(exposed)} can use every row.`;
  context.report({ rule: "foreign-table-exposed", subject, message });
}

function judgeView(view: RelationFacts, context: LintContext): void {
  const subject = titleOf(view);
  const exposed = context.exposedTo(view);
  const readers = context.exposedTo(view, "select");
  const below = readAsOwner(view, context);
  const guarded = below.filter((table) => isGuarded(table, exposed, context)).map(titleOf);
  const who = listed(exposed);
  if (readers.length > 0 && below.some((table) => titleOf(table) === "auth.users")) {
    const message = `${subject} shows rows of auth.users, which holds addresses and password hashes, to ${listed(readers)}.`;
    context.report({ rule: "auth-users-exposed", subject, message });
    return;
  }
  if (exposed.length === 0) return;
  if (view.kind === "materialized view") {
    if (readers.length === 0) return;
    const message =
      guarded.length > 0
        ? `${subject} is a copy of rows of ${listed(guarded)}, whose policies do not hold for it: ${listed(readers)} can read all of it.`
        : `${subject} has no row security, as no materialized view has: ${listed(readers)} can read all of it.`;
    const level = guarded.length > 0 ? "error" : "info";
    context.report({ rule: "materialized-view-exposed", level, subject, message });
    return;
  }
  if (guarded.length === 0) return;
  const filters = view.query !== null && context.asks(parseQuery(view.query));
  const own = filters ? " What it filters by itself is all that protects them." : "";
  const message = `${subject} reads ${listed(guarded)} as its owner: the policies there do not hold for ${who}.${own}`;
  const level = filters ? "warning" : "error";
  context.report({ rule: "view-without-security-invoker", level, subject, message });
}

/** Whether a table has policies that keep one of some roles from a part of its rows. */
function isGuarded(table: RelationFacts, roles: readonly ApiRole[], context: LintContext): boolean {
  if (!table.rowSecurity) return false;
  return roles.some((role) => !isOpen(table, role, context));
}

/** Whether a role may read every row of a table by its policies. */
export function isOpen(table: RelationFacts, role: ApiRole, context: LintContext): boolean {
  if (!may(table.grants, role, "select")) return false;
  if (!table.rowSecurity) return true;
  if (context.isNarrowed(table, "select", role)) return false;
  return context
    .permissive(table, "select", role)
    .some((policy) => widthIn(policy, policy.usingTree, role) === true);
}

export function isInvoker({ options }: RelationFacts): boolean {
  return options.some((option) => /^security_invoker=(true|on|yes|1)$/i.test(option));
}

/** The tables that a view reads as somebody for whom their policies do not hold. */
function readAsOwner(view: RelationFacts, context: LintContext): RelationFacts[] {
  const found = new Set<RelationFacts>();
  const seen = new Set<string>();
  const visit = (relation: RelationFacts, reader: RelationFacts | undefined) => {
    const key = `${relation.id} ${reader?.id ?? ""}`;
    if (seen.has(key)) return;
    seen.add(key);
    const isCopy = relation.kind === "materialized view";
    const as = isCopy || !isInvoker(relation) ? relation : reader;
    for (const read of relation.reads.flatMap((id) => context.byId(id) ?? [])) {
      if (read.kind === "view" || read.kind === "materialized view") visit(read, as);
      else if (as && (as.ownerBypasses || (as.owner === read.owner && !read.forced))) found.add(read);
    }
  };
  visit(view, undefined);
  return [...found];
}
