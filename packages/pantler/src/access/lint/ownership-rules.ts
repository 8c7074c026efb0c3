import type { Node } from "libpg-query";
import {
  checkFor,
  concerns,
  filterFor,
  type LintContext,
  listed,
  may,
  type Policy,
  titleOf,
  widthIn,
} from "./context.js";
import { isOpen } from "./exposure-rules.js";
import { rowColumnsIn } from "./expression.js";
import type { ForeignKeyFacts, RelationFacts } from "./facts.js";
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
    judgeReferences(relation, owners, context);
    judgeUnique(relation, owners, context);
  }
}

/** Whether an expression is about the owner of the row: it reads an owner column, or asks who is asking. */
function speaksOfOwner(tree: Node | undefined, relation: RelationFacts, owners: readonly string[]): boolean {
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

/** A foreign key is checked without the policies of the table that it refers to. */
function judgeReferences(relation: RelationFacts, owners: readonly string[], context: LintContext): void {
  if (!may(relation.grants, role, "insert") || context.isNarrowed(relation, "insert", role)) return;
  const open = relation.foreignKeys.filter((key) => leadsToHidden(relation, key, owners, context));
  for (const policy of context.permissive(relation, "insert", role)) {
    const check = checkFor(policy, "insert");
    if (widthIn(policy, check, role) === false || isForPrivileged(policy, owners, context)) continue;
    const looked = rowColumnsIn(check, relation.name);
    const loose = open.filter(({ columns }) => !columns.some((column) => looked.has(column)));
    for (const isGuessable of [true, false]) {
      const keys = loose.filter((key) => canGuess(relation, key) === isGuessable);
      if (keys.length > 0) reportReferences(policy, keys, isGuessable, context);
    }
  }
}

function reportReferences(
  { name, relation }: Policy,
  keys: readonly ForeignKeyFacts[],
  isGuessable: boolean,
  context: LintContext,
): void {
  const words = keys.map(({ columns, to }) => {
    const target = context.byId(to);
    return `${columns.join(", ")} (${target ? titleOf(target) : "another table"})`;
  });
  const refer = keys.length === 1 ? "refers to rows" : "refer to rows";
  context.report({
    rule: "reference-to-hidden-rows",
    level: isGuessable ? "warning" : "info",
    subject: titleOf(relation),
    message: `${listed(words)} of ${titleOf(relation)} ${refer} that not everybody may see, and policy ${name} does not look at them: whoever inserts can hang rows onto other people's and try which exist${isGuessable ? "" : ", where he knows the uuid"}.`,
  });
}

/** Whether a foreign key leads to rows that their own policies hide, and nothing here looks at that. */
function leadsToHidden(
  relation: RelationFacts,
  { columns, to }: ForeignKeyFacts,
  owners: readonly string[],
  context: LintContext,
): boolean {
  const target = context.byId(to);
  if (!target?.rowSecurity || target.id === relation.id || columns.some((each) => owners.includes(each)))
    return false;
  if (context.ownership.ownersOf(target, "t") === undefined || isProfile(target, context)) return false;
  return !isOpen(target, role, context) && !context.isGuarded(relation, "insert", target.name);
}

function canGuess(relation: RelationFacts, { columns }: ForeignKeyFacts): boolean {
  return relation.columns.some(({ name, type }) => columns.includes(name) && type !== "uuid");
}

/** A policy that does not speak of the row's owner lets those in who may do more than owners. */
function isForPrivileged(policy: Policy, owners: readonly string[], context: LintContext): boolean {
  const check = checkFor(policy, "insert");
  return (
    context.asks(check) &&
    !speaksOfOwner(check, policy.relation, owners) &&
    widthIn(policy, check, role) !== true
  );
}

export function isProfile(relation: RelationFacts, { ownership }: LintContext): boolean {
  return ownership.profiles.some(({ table }) => titleOf(table) === titleOf(relation));
}

/** Types of which the values of a unique column can be guessed. */
const guessable = /^(text|character|varchar|citext|bigint|integer|smallint|date|numeric)/;

/** A unique index refuses a value that somebody else's hidden row has, and says so. */
function judgeUnique(relation: RelationFacts, owners: readonly string[], context: LintContext): void {
  if (isOpen(relation, role, context) || !may(relation.grants, role, "insert")) return;
  if (context.permissive(relation, "insert", role).length === 0) return;
  for (const { name, columns, unique, primary } of relation.indexes) {
    const named = columns.filter((column) => column !== null);
    if (!unique || primary || named.some((column) => owners.includes(column))) continue;
    const facts = relation.columns.filter((column) => named.includes(column.name));
    const tells = facts.every(({ type, generated }) => guessable.test(type) && !generated);
    const isKey = relation.foreignKeys.some(({ columns: key }) =>
      key.some((column) => named.includes(column)),
    );
    if (!tells || isKey) continue;
    context.report({
      rule: "unique-tells-of-hidden-rows",
      subject: titleOf(relation),
      message: `${name} makes ${named.join(", ") || "an expression"} unique among all rows of ${titleOf(relation)}: whoever may insert learns from the error whether somebody else's row has a value.`,
    });
  }
}
