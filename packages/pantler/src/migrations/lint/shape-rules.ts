import { asNode } from "../../schema/index.js";
import { type Catalog, type Index, type Relation, temporarySchema } from "./catalog.js";
import type { Report, RuleContext } from "./context.js";
import { placeOf } from "./effect-context.js";
import type { RuleSet } from "./rule-set.js";
import { relationsIn, stringsIn, visitNodes } from "./walk-tree.js";

/** What new tables lack, once all files are read. */
export function judgeShapes(catalog: Catalog): Report[] {
  return catalog.relations
    .filter(({ kind, schema }) => kind === "table" && schema !== temporarySchema)
    .flatMap(judgeShape);
}

function judgeShape(relation: Relation): Report[] {
  const { title, created, foreignKeys, columns, complete, partition } = relation;
  const reports: Report[] = [];
  for (const { columns: key, at } of foreignKeys) {
    if (!at?.file.linted || partition || key.length === 0 || hasWholeIndex(relation, key)) continue;
    const words = key.join(", ");
    // One that leaves rows out serves joins, but not the search that the server makes for a delete.
    const partly = beginsIndex(relation, key);
    reports.push({
      rule: "foreign-key-without-index",
      level: partly ? "info" : "warning",
      at,
      message: `${partly ? `The index of ${title} on ${words} leaves rows out` : `No index of ${title} begins with ${words}`}: a delete in the referenced table reads all of ${title} for each row.`,
    });
  }
  if (!created || !complete || partition || columns.has("updated_at") || isLink(relation)) return reports;
  const message = `${title} has no column updated_at: when a row was last changed cannot be told.`;
  return [...reports, { rule: "missing-updated-at", at: created, message }];
}

function hasWholeIndex({ indexes }: Relation, key: readonly string[]): boolean {
  return indexes.some((index) => !index.partial && begins(index, key));
}

function beginsIndex({ indexes }: Relation, key: readonly string[]): boolean {
  return indexes.some((index) => begins(index, key));
}

/** An index serves a key whatever the order of the columns at its beginning. */
function begins({ columns }: Index, key: readonly string[]): boolean {
  const first = columns.slice(0, key.length);
  return first.length === key.length && first.every((column) => key.includes(column ?? ""));
}

/** A table of nothing but its key says that two things belong together: its rows are not changed. */
function isLink({ columns, indexes }: Relation): boolean {
  return indexes.some((index) => [...columns.keys()].every((name) => index.columns.includes(name)));
}

/** Statements in which a string may be a value. In others it names, describes or quotes code. */
const kindsWithValues = [
  ...["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "SelectStmt", "CreateStmt", "AlterTableStmt"],
  ...["IndexStmt", "ViewStmt", "CreateTableAsStmt", "CreatePolicyStmt", "AlterPolicyStmt", "CreateTrigStmt"],
];

/** Values of enums that are used before the transaction that adds them has committed. */
export const enumRules: RuleSet = Object.fromEntries(
  kindsWithValues.map((kind) => [kind, (_: unknown, context: RuleContext) => usedEarly(context)]),
);

function usedEarly(context: RuleContext): void {
  const { catalog, file, statement } = context;
  for (const [key, { created, added }] of catalog.enums) {
    if (created === file || added.size === 0) continue;
    const name = String((JSON.parse(key) as string[])[1]);
    for (const { text, location } of stringsIn(statement.node)) {
      const place = added.get(text);
      if (place?.file !== file) continue;
      const certainty = isOfEnum(statement.node, name, catalog);
      if (certainty === "no") continue;
      context.report({
        rule: "enum-value-used-early",
        level: certainty === "yes" && !statement.guarded ? "error" : "warning",
        at: placeOf(context, location),
        message: `'${text}' is added to ${name} in line ${place.line} of the same file, and cannot be used before that is committed.`,
      });
      break;
    }
  }
}

/** Whether a statement speaks of values of an enum: by a cast, or by a table with a column of that type. */
function isOfEnum(node: unknown, name: string, catalog: Catalog): "yes" | "no" | "unknown" {
  let cast = false;
  visitNodes(node, (kind, fields) => {
    const type =
      kind === "TypeCast" || kind === "ColumnDef"
        ? (fields as { typeName?: { names?: [] } }).typeName
        : undefined;
    const last = asNode(type?.names?.at(-1), "String")?.sval;
    if (last === name) cast = true;
    return true;
  });
  if (cast) return "yes";
  const named = [...relationsIn(node), ...targetsIn(node)];
  if (named.length === 0) return "no";
  const found = named.map((relation) => catalog.find(relation));
  const has = (relation: Relation | undefined) =>
    [...(relation?.columns.values() ?? [])].some(({ type }) => type?.name === name);
  if (found.some(has)) return "yes";
  return found.every((relation) => relation?.complete) ? "no" : "unknown";
}

/** The tables that a statement is about, which the parser does not wrap as it wraps those of a query. */
function targetsIn(node: unknown): { schemaname?: string; relname?: string }[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.values(node).flatMap((fields: Record<string, unknown>) =>
    [fields?.relation, fields?.table].flatMap((each) => (each ? [each as { relname?: string }] : [])),
  );
}
