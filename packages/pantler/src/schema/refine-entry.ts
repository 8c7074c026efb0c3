import { quoteIdentifier, quoteLiteral } from "../postgres/index.js";
import type { DumpEntry } from "./dump-entry.js";
import { type DumpFacts, isManagedRole, memberKey } from "./dump-facts.js";
import { when, whereAllowed } from "./guards.js";
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
  if (raw.type === "COMMENT" && /^EXTENSION /.test(raw.name)) return { leftOut: undefined };
  const { type, schema, name, owner } = raw;
  const statements = guard(raw, facts).map((statement, place) =>
    place === 0 ? statement : yielding(statement, raw),
  );
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

/** What belongs to a role of Supabase's stays with whoever restores it, where that role cannot be given things. */
function yielding(statement: string, { owner }: RawEntry): string {
  return /^ALTER .* OWNER TO /s.test(statement) && isManagedRole(owner)
    ? whereAllowed([statement])
    : statement;
}

/** Puts conditions around what may be there before. */
function guard(raw: RawEntry, facts: DumpFacts): readonly string[] {
  const [first = "", ...rest] = raw.statements;
  const unless = (catalog: string, column: string, name: string | undefined, otherwise?: string) =>
    name === undefined
      ? raw.statements
      : [
          when(
            `not exists (select from pg_catalog.${catalog} where ${column} = ${quoteLiteral(name)})`,
            first,
            otherwise,
          ),
          ...rest,
        ];
  switch (raw.type) {
    case "SCHEMA":
      return unless("pg_namespace", "nspname", asNode(parseOne(first), "CreateSchemaStmt")?.schemaname);
    case "EVENT TRIGGER":
      return unless("pg_event_trigger", "evtname", asNode(parseOne(first), "CreateEventTrigStmt")?.trigname);
    case "PROCEDURAL LANGUAGE":
      return unless("pg_language", "lanname", asNode(parseOne(first), "CreatePLangStmt")?.plname);
    case "ACCESS METHOD":
      return unless("pg_am", "amname", asNode(parseOne(first), "CreateAmStmt")?.amname);
    case "FOREIGN DATA WRAPPER":
      return unless("pg_foreign_data_wrapper", "fdwname", asNode(parseOne(first), "CreateFdwStmt")?.fdwname);
    case "SERVER":
      return unless(
        "pg_foreign_server",
        "srvname",
        asNode(parseOne(first), "CreateForeignServerStmt")?.servername,
      );
    case "PUBLICATION": {
      const name = asNode(parseOne(first), "CreatePublicationStmt")?.pubname;
      const settings = facts.publications.get(name ?? "");
      const otherwise = `alter publication ${quoteIdentifier(name ?? "")} set (${settings})`;
      return unless("pg_publication", "pubname", name, settings === undefined ? undefined : otherwise);
    }
    case "ACL":
      return facts.members.has(memberKey(raw.schema, raw.name))
        ? [whereAllowed(asGrantor(raw.statements))]
        : asGrantor(raw.statements);
    case "DEFAULT ACL":
      return isManagedRole(raw.owner) ? [whereAllowed(raw.statements)] : raw.statements;
    default:
      return raw.statements;
  }
}

/** Grants are made in another role's name by becoming that role, which takes no superuser, unlike becoming its session. */
function asGrantor(statements: readonly string[]): readonly string[] {
  return statements.map((statement) => {
    const change = asNode(parseOne(statement), "VariableSetStmt");
    if (change?.name !== "session_authorization") return statement;
    const role = asNode(change.args?.[0], "A_Const")?.sval?.sval;
    return role === undefined ? "reset role" : `set role ${quoteIdentifier(role)}`;
  });
}
