import { titleOf } from "../title-of.js";
import { checkFor, type LintContext, listed, may, type Policy, widthIn } from "./context.js";
import { isOpen } from "./exposure-rules.js";
import { rowColumnsIn } from "./expression.js";
import type { ForeignKeyFacts, RelationFacts } from "./facts.js";
import { speaksOfOwner } from "./ownership-rules.js";

/** Who signs in is the one that owns rows. */
const role = "authenticated";

/** What constraints, which no policy holds back, tell of rows that are hidden. */
export function judgeHiddenRows(context: LintContext): void {
  for (const relation of context.relations) {
    if (!relation.rowSecurity || relation.partition || !context.exposedTo(relation).includes(role)) continue;
    const owners = context.ownership.decidingColumns(relation).map(({ column }) => column);
    if (owners.length === 0) continue;
    judgeReferences(relation, owners, context);
    judgeUnique(relation, owners, context);
  }
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
