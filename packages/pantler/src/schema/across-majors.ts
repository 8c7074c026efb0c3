import type { SchemaObject } from "./read-schema.js";

/**
 * Brings objects into a form that is the same on servers of different majors, to compare a database with its copy on
 * another one. It tells less apart than `readSchema` does: since 16 columns of a view's only table are printed without
 * the table, so that all names in views lose what stands before their last dot; and since 17 there is a right to
 * maintain a table, which is not looked at.
 */
export function acrossMajors(objects: readonly SchemaObject[]): SchemaObject[] {
  return objects.flatMap((object) => {
    const { kind, definition } = object;
    if (kind === "view" || kind === "materialized view")
      return [{ ...object, definition: withoutQualifiers(definition) }];
    if (!kind.endsWith(" grant")) return [object];
    const rights = definition.split(", ").filter((right) => !right.startsWith("MAINTAIN"));
    return rights.length === 0 ? [] : [{ ...object, definition: rights.join(", ") }];
  });
}

const stringOrQualifier = /'(?:[^']|'')*'|(?:"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*)\.(?=["\p{L}_])/gu;

function withoutQualifiers(query: string): string {
  return query.replace(stringOrQualifier, (found) => (found.startsWith("'") ? found : ""));
}
