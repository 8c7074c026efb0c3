import { splitStatements } from "../postgres/index.js";
import type { NameInSchema } from "./dump-entry.js";

/** What pg_dump prints under one header. */
export interface RawEntry {
  readonly type: string;
  readonly schema: string | undefined;
  readonly name: string;
  readonly owner: string;
  /** Without their terminators and without the header. */
  readonly statements: readonly string[];
}

/** The names that headers may hold. */
export interface KnownNames {
  readonly schemas: readonly string[];
  readonly roles: readonly string[];
}

/** pg_dump writes a header in one line whatever the names hold: every line break in it becomes a blank. */
function inHeader(name: string): string {
  return name.replaceAll(/[\n\r]/g, " ");
}

/** Whether a name in a header can be read in one way only. */
export function isPlain({ schema, name }: NameInSchema): boolean {
  return !/[\s;]/.test(schema) && !/[\s;]/.test(name);
}

/**
 * Cuts the text that pg_dump prints into its entries. What stands before the first header, settings for the session, is
 * left out, and so are entries without a statement: they speak of what every database has.
 */
export function readPgDumpText(text: string, known: KnownNames): RawEntry[] {
  const header = headerReader(known);
  const entries: { head: Omit<RawEntry, "statements">; statements: string[] }[] = [];
  for (const statement of splitStatements(text).statements) {
    const { comments, sql } = takeComments(statement.text);
    const head = comments.map(header).findLast((found) => found !== undefined);
    if (head) entries.push({ head, statements: [] });
    if (sql !== "") entries.at(-1)?.statements.push(sql);
  }
  return entries
    .filter(({ statements }) => statements.length > 0)
    .map(({ head, statements }) => ({ ...head, statements }));
}

/** Takes the comments off a statement's beginning. pg_dump's are lines. */
function takeComments(text: string): { comments: string[]; sql: string } {
  const comments: string[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? undefined : end);
    if (line.trim() !== "" && !line.startsWith("--")) break;
    if (line !== "") comments.push(line);
    at = end < 0 ? text.length : end + 1;
  }
  return { comments, sql: text.slice(at) };
}

const headerLine = /^-- Name: (.*); Type: ([A-Z][A-Z ]*); Schema: (.*); Owner: (.*)$/;

/**
 * Reads headers. A name may hold what looks like the rest of one, so that the line is read from its end, and with the
 * schemas and roles that there are.
 */
function headerReader(known: KnownNames): (line: string) => Omit<RawEntry, "statements"> | undefined {
  const schemas = new Map(known.schemas.map((name) => [inHeader(name), name]));
  const roles = new Map(known.roles.map((name) => [inHeader(name), name]));
  return (line) => {
    const [, name, type, schema, owner] = headerLine.exec(line) ?? [];
    if (name === undefined || type === undefined || schema === undefined || owner === undefined)
      return undefined;
    return {
      type,
      name,
      schema: schema === "-" ? undefined : (schemas.get(schema) ?? schema),
      owner: owner === "-" ? "" : (roles.get(owner) ?? owner),
    };
  };
}
