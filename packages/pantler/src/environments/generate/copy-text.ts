import type { ColumnFacts, TypeFacts } from "./catalog.js";
import type { Row } from "./definition.js";

/** A value as the server reads it from text; null stays null. */
export function textOf(
  value: unknown,
  type: TypeFacts,
  types: ReadonlyMap<number, TypeFacts>,
): string | null {
  if (value === null || value === undefined) return null;
  if (type.kind === "d") {
    const base = type.base === null ? undefined : types.get(type.base);
    return textOf(value, base ?? { ...type, kind: "b" }, types);
  }
  const element = type.element === null ? undefined : types.get(type.element);
  if (element && Array.isArray(value)) {
    const texts = value.map((each: unknown) => {
      const text = textOf(each, element, types);
      if (text === null) return "NULL";
      return element.element === null ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
    });
    return `{${texts.join(",")}}`;
  }
  if (type.name === "json" || type.name === "jsonb") return JSON.stringify(value);
  if (value instanceof Date)
    return type.name === "date" ? value.toISOString().slice(0, 10) : value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** So many characters are sent at once. */
const chunk = 64 * 1024;

/** Rows in COPY's text format (https://www.postgresql.org/docs/17/sql-copy.html). */
export async function* copyText(
  rows: Iterable<Row>,
  columns: readonly ColumnFacts[],
  types: ReadonlyMap<number, TypeFacts>,
): AsyncGenerator<Buffer> {
  const facts = columns.map((column) => {
    const type = types.get(column.type);
    if (!type) throw new Error(`the type of ${column.name} was not read`);
    return { name: column.name, type };
  });
  let text = "";
  for (const row of rows) {
    const fields = facts.map(({ name, type }) => {
      const field = textOf(row[name], type, types);
      return field === null ? "\\N" : field.replaceAll(/[\\\n\r\t]/g, escapes);
    });
    text += `${fields.join("\t")}\n`;
    if (text.length < chunk) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (text !== "") yield Buffer.from(text);
}

function escapes(character: string): string {
  return { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character] ?? character;
}
