import { InputError } from "../operation/index.js";
import type { DumpEntry, NameInSchema } from "./dump-entry.js";

/** What stands before an entry's statements, in one comment line that psql passes over. */
interface Header {
  readonly type: string;
  readonly schema?: string;
  readonly name: string;
  readonly owner: string;
  readonly relation?: readonly [schema: string, name: string];
  readonly references?: readonly [schema: string, name: string];
  /** How many lines the statements have. They are counted, since the body of a function may hold what looks like a header. */
  readonly lines: number;
}

const mark = "-- entry ";

/** Writes entries as one text, which psql can run and `parseEntries` reads back. */
export function renderEntries(entries: readonly DumpEntry[]): string {
  return entries.map((entry) => `${mark}${JSON.stringify(headerOf(entry))}\n${entry.sql}\n`).join("\n");
}

function headerOf({ type, schema, name, owner, relation, references, sql }: DumpEntry): Header {
  return {
    type,
    ...(schema === undefined ? {} : { schema }),
    name,
    owner,
    ...(relation ? { relation: [relation.schema, relation.name] as const } : {}),
    ...(references ? { references: [references.schema, references.name] as const } : {}),
    lines: sql.split("\n").length,
  };
}

/**
 * Reads back what `renderEntries` wrote, exactly.
 * @param section which of the two texts it is
 * @throws InputError `schema-text-malformed` naming the line
 */
export function parseEntries(text: string, section: DumpEntry["section"]): DumpEntry[] {
  const lines = text.split("\n");
  const entries: DumpEntry[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    if (line === "") {
      at += 1;
      continue;
    }
    const header = readHeader(line, at + 1);
    const end = at + 1 + header.lines;
    if (end >= lines.length) throw malformed(at + 1, "its statements are cut off");
    entries.push(entryOf(header, section, lines.slice(at + 1, end).join("\n")));
    at = end;
  }
  return entries;
}

function entryOf(header: Header, section: DumpEntry["section"], sql: string): DumpEntry {
  const { type, schema, name, owner, relation, references } = header;
  const named = (names: readonly [string, string]): NameInSchema => ({ schema: names[0], name: names[1] });
  return {
    section,
    type,
    schema,
    name,
    owner,
    ...(relation ? { relation: named(relation) } : {}),
    ...(references ? { references: named(references) } : {}),
    sql,
  };
}

function readHeader(line: string, number: number): Header {
  if (!line.startsWith(mark)) throw malformed(number, "an entry should begin here");
  try {
    const header: unknown = JSON.parse(line.slice(mark.length));
    if (isHeader(header)) return header;
  } catch {
    // Falls through to the same error: what was wrong with the JSON helps nobody.
  }
  throw malformed(number, "the entry's header cannot be read");
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== "object" || value === null) return false;
  const { type, schema, name, owner, relation, references, lines } = value as Record<string, unknown>;
  const isText = (text: unknown) => typeof text === "string";
  const isName = (names: unknown) => Array.isArray(names) && names.length === 2 && names.every(isText);
  return (
    [type, name, owner].every(isText) &&
    (schema === undefined || isText(schema)) &&
    (relation === undefined || isName(relation)) &&
    (references === undefined || isName(references)) &&
    Number.isInteger(lines) &&
    Number(lines) > 0
  );
}

function malformed(line: number, why: string): InputError {
  return new InputError({
    code: "schema-text-malformed",
    message: `Line ${line} of the schema's text is not as it was written: ${why}.`,
    state: "Nothing was done.",
    remedy: "Use the text as it was dumped; do not edit it.",
  });
}
