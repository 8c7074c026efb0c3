import type { DumpEntry } from "./dump-entry.js";
import { type DumpFacts, isManagedRole } from "./dump-facts.js";
import { guardedStatements } from "./guarded-statements.js";
import { whereAllowed } from "./guards.js";
import { asNode, attachmentOf, namesIn, parseOne } from "./parsed-statement.js";
import { isPlain, type RawEntry } from "./pg-dump-text.js";

/** What becomes of one entry of pg_dump's: kept, left out and worth a word, or left out. */
export type Refined = { readonly kept: DumpEntry } | { readonly leftOut: string | undefined };

/** Entries whose first statement makes or names a relation by itself. */
const ofRelations = new Set(["TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW"]);

/** Entries whose statements have to be read to know what they are attached to. */
const attached = new Set([
  ...["ACL", "CHECK CONSTRAINT", "COMMENT", "CONSTRAINT", "DEFAULT", "FK CONSTRAINT", "INDEX", "POLICY"],
  ...["PUBLICATION TABLE", "ROW SECURITY", "RULE", "SECURITY LABEL", "SEQUENCE", "SEQUENCE OWNED BY"],
  ...["STATISTICS", "TABLE ATTACH", "TRIGGER"],
]);

/**
 * Decides what becomes of an entry: whether it is the project's, what it is attached to, and how it is written so that it
 * also runs where Supabase has made the same thing before, and as a role that is no superuser.
 */
export function refineEntry(raw: RawEntry, section: DumpEntry["section"], facts: DumpFacts): Refined {
  if (raw.type === "ACL" && raw.schema !== undefined && isForeign(raw.schema, facts))
    return { leftOut: undefined };
  if (raw.type === "EVENT TRIGGER" && isManagedRole(raw.owner)) return withoutEventTrigger(raw, facts);
  if (raw.type === "COMMENT" && isOfSupabases(raw)) return { leftOut: undefined };
  const { type, schema, name, owner } = raw;
  const statements = guardedStatements(raw, facts).map((statement) => yielding(statement, raw));
  return {
    kept: {
      section,
      type,
      schema,
      name,
      owner,
      ...attachment(raw),
      sql: statements.map((statement) => `${statement};`).join("\n\n"),
    },
  };
}

function isForeign(schema: string, facts: DumpFacts): boolean {
  return facts.managed.includes(schema) && !facts.dumped.includes(schema);
}

/** An extension brings its own comment, and an event trigger that is left out cannot have one. */
function isOfSupabases({ name, owner }: RawEntry): boolean {
  return name.startsWith("EXTENSION ") || (name.startsWith("EVENT TRIGGER ") && isManagedRole(owner));
}

/** What watches commands for Supabase is not worth a word; the project's own, made by a superuser, is. */
function withoutEventTrigger(raw: RawEntry, facts: DumpFacts): Refined {
  const [schema] = namesIn(asNode(parseOne(raw.statements[0] ?? ""), "CreateEventTrigStmt")?.funcname);
  if (schema !== undefined && isForeign(schema, facts)) return { leftOut: undefined };
  return { leftOut: `the event trigger ${raw.name}, which belongs to ${raw.owner}` };
}

function attachment(raw: RawEntry): Pick<DumpEntry, "relation" | "references"> {
  const { type, schema, name, statements } = raw;
  const [first = ""] = statements;
  if (ofRelations.has(type) && schema !== undefined && isPlain({ schema, name }))
    return { relation: { schema, name } };
  if (!ofRelations.has(type) && !attached.has(type)) return {};
  const node = parseOne(first);
  return node ? attachmentOf(node) : {};
}

/**
 * What belongs to a role of Supabase's stays with whoever restores it, where that role cannot be given things. So does a
 * publication, whose owner has to have a right on the whole database and means nothing to those who read from it.
 */
function yielding(statement: string, { owner, type }: RawEntry): string {
  const changesHands = /^ALTER .* OWNER TO /s.test(statement);
  return changesHands && (isManagedRole(owner) || type === "PUBLICATION")
    ? whereAllowed([statement])
    : statement;
}
