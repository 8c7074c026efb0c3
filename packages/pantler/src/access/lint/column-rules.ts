import { titleOf } from "../title-of.js";
import { type LintContext, listed } from "./context.js";
import { isOpen } from "./exposure-rules.js";
import { type ApiRole, apiRoles, type RelationFacts } from "./facts.js";

/** Words in a column's name that tell of a secret; those with `_` are two parts of it. */
const secrets = new Set([
  ...[
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "otp",
    "pin",
    "cvv",
    "cvc",
    "ssn",
    "apikey",
  ],
  ...["api_key", "private_key", "secret_key", "access_key", "social_security", "credit_card", "card_number"],
]);

/** Words that tell of what concerns a person alone, where the row is about one. */
const personal = new Set([
  ...["email", "phone", "mobile", "birthday", "birthdate", "dob", "salary", "passport", "iban"],
  ...["date_of", "home_address", "national_id", "tax_id"],
]);

/** Types in which such things are kept; a flag or a moment that is named after one is none. */
const types = /^(text|character|varchar|bytea|json|uuid|citext|bigint|integer|numeric|date)/;

/** Columns that nobody should find among what everybody may read. */
export function judgeColumns(context: LintContext): void {
  for (const relation of context.relations) {
    if (relation.kind !== "table" && relation.kind !== "partitioned table") continue;
    const role = apiRoles.find(
      (each) => context.exposedTo(relation, "select").includes(each) && isOpen(relation, each, context),
    );
    if (role) judgeOpen(relation, role, context);
  }
}

/** @param role may read every row; where `anon` may, so may everybody */
function judgeOpen(relation: RelationFacts, role: ApiRole, context: LintContext): void {
  const named = (words: ReadonlySet<string>) =>
    relation.columns
      .filter(({ name, type, readers }) => readers.includes(role) && types.test(type) && tellsOf(words, name))
      .map(({ name }) => name);
  const subject = titleOf(relation);
  const hidden = named(secrets);
  if (hidden.length > 0) {
    const message = `${role} can read ${listed(hidden)} of every row of ${subject}, which by ${hidden.length === 1 ? "its name is" : "their names are"} secret.`;
    const level = role === "anon" ? "error" : "warning";
    context.report({ rule: "sensitive-column-exposed", level, subject, message });
    return;
  }
  const ofPersons = named(personal);
  if (role !== "anon" || ofPersons.length === 0 || !isAboutPersons(relation, context)) return;
  const message = `anon can read ${listed(ofPersons)} of every row of ${subject}, each of which is about a person.`;
  context.report({ rule: "sensitive-column-exposed", level: "warning", subject, message });
}

function isAboutPersons(relation: RelationFacts, { ownership }: LintContext): boolean {
  const isOf = ({ table }: { readonly table: { readonly schema: string; readonly name: string } }) =>
    titleOf(table) === titleOf(relation);
  return ownership.profiles.some(isOf) || ownership.columns.some(isOf);
}

function tellsOf(words: ReadonlySet<string>, column: string): boolean {
  const parts = column
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return parts.some((part, at) => words.has(part) || words.has(`${part}_${parts[at + 1] ?? ""}`));
}
