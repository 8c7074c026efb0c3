import type { Node } from "libpg-query";
import { titleOf } from "../title-of.js";
import { checkFor, concerns, filterFor, type LintContext, may, type Policy, widthIn } from "./context.js";
import { rowColumnsIn } from "./expression.js";
import type { RelationFacts } from "./facts.js";
import { isGate } from "./gate.js";

/** Who signs in is the one that owns rows. */
const role = "authenticated";

/** Ways in which somebody else's rows can be taken, given or found out. */
export function judgeOwnership(context: LintContext): void {
  for (const relation of context.relations) {
    if (!relation.rowSecurity || relation.partition || !context.exposedTo(relation).includes(role)) continue;
    const owners = context.ownership.decidingColumns(relation).map(({ column }) => column);
    if (owners.length === 0) continue;
    for (const policy of context.policiesOf(relation)) {
      if (!policy.permissive || !policy.roles.includes(role)) continue;
      judgeUpdate(policy, owners, context);
      judgeInsert(policy, owners, context);
    }
  }
}

/** Whether an expression reads a column that tells whose the row is. */
export function speaksOfOwner(
  tree: Node | undefined,
  relation: RelationFacts,
  owners: readonly string[],
): boolean {
  const columns = rowColumnsIn(tree, relation.name);
  return owners.some((owner) => columns.has(owner));
}

/** An update that checks the owner before and not after can give rows away. */
function judgeUpdate(policy: Policy, owners: readonly string[], context: LintContext): void {
  const { relation } = policy;
  if (!concerns(policy, "update") || policy.check === null || !may(relation.grants, role, "update")) return;
  const before = filterFor(policy, "update");
  const after = checkFor(policy, "update");
  if (!speaksOfOwner(before, relation, owners) || speaksOfOwner(after, relation, owners)) return;
  const writable = owners.filter((owner) =>
    relation.columns.some(({ name, writers }) => name === owner && writers.includes(role)),
  );
  if (writable.length === 0 || context.isNarrowed(relation, "update", role)) return;
  const guard = writable.every((owner) => context.isGuarded(relation, "update", owner))
    ? ", unless a trigger prevents it"
    : "";
  context.report({
    rule: "update-gives-away",
    level: guard ? "info" : "warning",
    subject: policy.subject,
    message: `Policy ${policy.name} looks at ${owners.join(", ")} before an update and not after it: who owns a row of ${titleOf(relation)} can put it into somebody else's name${guard}.`,
  });
}

/** An insert that does not look at the owner lets rows be made in anybody's name. */
function judgeInsert(policy: Policy, owners: readonly string[], context: LintContext): void {
  const { relation } = policy;
  const check = checkFor(policy, "insert");
  if (!concerns(policy, "insert") || !may(relation.grants, role, "insert")) return;
  // What is always true, and what never asks who is asking, has rules of its own.
  if (widthIn(policy, check, role) !== undefined || !context.asks(check)) return;
  if (speaksOfOwner(check, relation, owners) || context.isNarrowed(relation, "insert", role)) return;
  // A check of what the row refers to decides whose it is by that.
  if (
    relation.foreignKeys.some(({ columns }) =>
      columns.some((each) => rowColumnsIn(check, relation.name).has(each)),
    )
  ) {
    return;
  }
  if (isGate(check, relation, context)) return;
  const guarded = owners.every((owner) => context.isGuarded(relation, "insert", owner));
  context.report({
    rule: "insert-without-owner",
    level: guarded ? "info" : "warning",
    subject: policy.subject,
    message: `Policy ${policy.name} asks who is asking and does not compare that with ${owners.join(", ")}: rows of ${titleOf(relation)} can be made in anybody's name${guarded ? ", unless a trigger prevents it" : ""}.`,
  });
}
