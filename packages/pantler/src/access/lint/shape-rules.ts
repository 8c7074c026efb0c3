import { titleOf } from "../title-of.js";
import { type LintContext, may } from "./context.js";
import { apiRoles, type IndexFacts, type RelationFacts } from "./facts.js";

/** What tables lack, or have twice. */
export function judgeShapes(context: LintContext): void {
  for (const relation of context.relations) {
    if (relation.kind !== "table" && relation.kind !== "partitioned table") continue;
    if (relation.partition) continue;
    judgeForeignKeys(relation, context);
    judgeDuplicates(relation, context);
    if (relation.indexes.some(({ primary }) => primary)) continue;
    const message = `${titleOf(relation)} has no primary key: the API, replication and backups cannot name one of its rows.`;
    context.report({ rule: "no-primary-key", subject: titleOf(relation), message });
  }
  for (const { name, schema } of context.facts.extensions) {
    const message = `The extension ${name} is in ${schema}, so that the API serves its functions.`;
    context.report({ rule: "extension-in-api-schema", subject: `extension ${name}`, message });
  }
}

function judgeForeignKeys(relation: RelationFacts, context: LintContext): void {
  const title = titleOf(relation);
  for (const { name, columns, to } of relation.foreignKeys) {
    const serving = relation.indexes.filter((index) => begins(index, columns));
    if (serving.some(({ partial }) => !partial)) continue;
    const words = columns.join(", ");
    const target = context.byId(to);
    const lack =
      serving.length > 0
        ? `The index of ${title} on ${words} leaves rows out`
        : `No index of ${title} begins with ${words}`;
    context.report({
      rule: "foreign-key-without-index",
      level: serving.length > 0 || !loses(target, context) ? "info" : "warning",
      subject: `${name} of ${title}`,
      message: `${lack}: a delete in ${target ? titleOf(target) : "the referenced table"} reads all of ${title} for each row.`,
      fix: { kind: "index", schema: relation.schema, table: relation.name, columns },
    });
  }
}

/** Whether rows of a table are deleted in the course of things: users leave, and what the API may delete is deleted. */
function loses(target: RelationFacts | undefined, context: LintContext): boolean {
  if (!target || !context.relations.includes(target)) return true;
  return apiRoles.some(
    (role) =>
      may(target.grants, role, "delete") &&
      (!target.rowSecurity || context.permissive(target, "delete", role).length > 0),
  );
}

/** An index serves a key whatever the order of the columns at its beginning. */
function begins({ columns }: IndexFacts, key: readonly string[]): boolean {
  const first = columns.slice(0, key.length);
  return first.length === key.length && first.every((column) => key.includes(column ?? ""));
}

function judgeDuplicates(relation: RelationFacts, context: LintContext): void {
  const kept = new Map<string, IndexFacts>();
  // The one that belongs to a constraint, or is unique, stays.
  const rank = ({ constraint, unique }: IndexFacts) => Number(constraint) * 2 + Number(unique);
  for (const index of [...relation.indexes].sort((left, right) => rank(right) - rank(left))) {
    const other = kept.get(index.signature);
    if (!other) {
      kept.set(index.signature, index);
      continue;
    }
    if (index.constraint) continue;
    const message = `${index.name} holds the same as ${other.name} of ${titleOf(relation)}: every write keeps both.`;
    context.report({
      rule: "duplicate-index",
      subject: `index ${index.name} of ${titleOf(relation)}`,
      message,
    });
  }
}
