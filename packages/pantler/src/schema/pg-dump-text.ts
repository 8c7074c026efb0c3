import { quoteIdentifier, splitStatements } from "../postgres/index.js";
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
  const readHeader = headerReader(known);
  const entries: { header: string; statements: string[] }[] = [];
  for (const statement of splitStatements(text).statements) {
    const { comments, sql } = takeComments(statement.text);
    const header = comments.findLast((line) => line.startsWith("-- Name: "));
    if (header !== undefined) entries.push({ header, statements: [] });
    if (sql !== "") entries.at(-1)?.statements.push(sql);
  }
  return entries.flatMap(({ header, statements }) => {
    const [first] = statements;
    return first === undefined ? [] : [{ ...readHeader(header, first), statements }];
  });
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

type Head = Omit<RawEntry, "statements">;

/**
 * Reads headers, `-- Name: items; Type: TABLE; Schema: shop; Owner: postgres`. Any of the names may hold what looks like
 * the rest of one: then the schemas and roles that there are, and the statement, tell which reading is right.
 */
function headerReader(known: KnownNames): (header: string, statement: string) => Head {
  const schemas = new Map(known.schemas.map((name) => [inHeader(name), name]));
  const roles = new Map(known.roles.map((name) => [inHeader(name), name]));
  const isKnown = ({ schema, owner }: Head) =>
    (schema === undefined || schemas.has(schema)) && (owner === "" || roles.has(owner));
  return (header, statement) => {
    const readings = readingsOf(header);
    const possible = readings.length > 1 ? readings.filter(isKnown) : readings;
    const named = possible.find(({ schema }) => statement.includes(`${quoteIdentifier(schema ?? "")}.`));
    const head = (possible.length > 1 ? named : undefined) ?? possible.at(-1) ?? readings.at(-1);
    if (!head) throw new Error(`pg_dump wrote a header of another kind than expected: ${header}`);
    const { schema, owner } = head;
    return {
      ...head,
      schema: schema === undefined ? undefined : (schemas.get(schema) ?? schema),
      owner: roles.get(owner) ?? owner,
    };
  };
}

/** Every way to read a header, that with the longest schema first. */
function readingsOf(header: string): Head[] {
  const readings: Head[] = [];
  for (const typed of header.matchAll(/; Type: ([A-Z][A-Z ]*); Schema: /g)) {
    const name = header.slice("-- Name: ".length, typed.index);
    const rest = header.slice(typed.index + typed[0].length);
    for (const owned of [...rest.matchAll(/; Owner: /g)].reverse()) {
      const schema = rest.slice(0, owned.index);
      const owner = rest.slice(owned.index + owned[0].length);
      readings.push({
        type: typed[1] ?? "",
        name,
        schema: schema === "-" ? undefined : schema,
        owner: owner === "-" ? "" : owner,
      });
    }
  }
  return readings;
}
