import type { Node } from "libpg-query";
import { quoteIdentifier, quoteLiteral, quoteQualified } from "../postgres/index.js";
import { type DumpFacts, isManagedRole, memberKey } from "./dump-facts.js";
import { isManagedExtension } from "./extensions.js";
import { block, when, whereAllowed } from "./guards.js";
import { asNode, attachmentOf, namesIn, parseOne } from "./parsed-statement.js";
import type { RawEntry } from "./pg-dump-text.js";

type Guard = (statements: readonly [first: string, ...rest: string[]], node: Node | undefined) => string[];

/**
 * The statements of an entry, with conditions around what may be in a database before, since Supabase or an earlier run
 * made it, and around what only a superuser may do.
 */
export function guardedStatements(raw: RawEntry, facts: DumpFacts): readonly string[] {
  const [first, ...rest] = raw.statements;
  if (first === undefined) return [];
  const guard = guards(raw, facts)[raw.type];
  return guard ? guard([first, ...rest], parseOne(first)) : raw.statements;
}

function guards(raw: RawEntry, facts: DumpFacts): Readonly<Record<string, Guard>> {
  return {
    ACL: (statements) => {
      const granted = statements.map(asGrantor);
      return facts.members.has(memberKey(raw.schema, raw.name)) ? [whereAllowed(granted)] : granted;
    },
    "ACCESS METHOD": unlessThere("pg_am", "amname", (node) => asNode(node, "CreateAmStmt")?.amname),
    COMMENT: (statements, node) => {
      const comment = asNode(node, "CommentStmt");
      const trigger =
        comment?.objtype === "OBJECT_EVENT_TRIGGER"
          ? namesIn(comment.object ? [comment.object] : [])[0]
          : undefined;
      return trigger === undefined
        ? [...statements]
        : [when(`exists (${named("pg_event_trigger", "evtname", trigger)})`, whereAllowed(statements))];
    },
    "DEFAULT ACL": (statements) => (isManagedRole(raw.owner) ? [whereAllowed(statements)] : [...statements]),
    "EVENT TRIGGER": (statements, node) => {
      const name = asNode(node, "CreateEventTrigStmt")?.trigname ?? "";
      return [when(missing("pg_event_trigger", "evtname", name), whereAllowed(statements))];
    },
    EXTENSION: extension,
    "FOREIGN DATA WRAPPER": unlessThere(
      "pg_foreign_data_wrapper",
      "fdwname",
      (node) => asNode(node, "CreateFdwStmt")?.fdwname,
    ),
    "PROCEDURAL LANGUAGE": unlessThere(
      "pg_language",
      "lanname",
      (node) => asNode(node, "CreatePLangStmt")?.plname,
    ),
    PUBLICATION: ([first, ...rest], node) => {
      const name = asNode(node, "CreatePublicationStmt")?.pubname ?? "";
      const settings = facts.publications.get(name);
      const change = `alter publication ${quoteIdentifier(name)} set (${settings})`;
      return [
        when(missing("pg_publication", "pubname", name), first, settings === undefined ? undefined : change),
        ...rest,
      ];
    },
    "PUBLICATION TABLE": publicationTable,
    "PUBLICATION TABLES IN SCHEMA": publicationSchema,
    SCHEMA: unlessThere("pg_namespace", "nspname", (node) => asNode(node, "CreateSchemaStmt")?.schemaname),
    SERVER: unlessThere(
      "pg_foreign_server",
      "srvname",
      (node) => asNode(node, "CreateForeignServerStmt")?.servername,
    ),
    "USER MAPPING": userMapping,
  };
}

function named(catalog: string, column: string, name: string): string {
  return `select from pg_catalog.${catalog} where ${column} = ${quoteLiteral(name)}`;
}

function missing(catalog: string, column: string, name: string): string {
  return `not exists (${named(catalog, column, name)})`;
}

/** Makes something only where nothing of that name is. A first statement that makes nothing is left as it is. */
function unlessThere(
  catalog: string,
  column: string,
  nameOf: (node: Node | undefined) => string | undefined,
): Guard {
  return ([first, ...rest], node) => {
    const name = nameOf(node);
    return [name === undefined ? first : when(missing(catalog, column, name), first), ...rest];
  };
}

/**
 * An extension that is there in another schema is moved, since the project names its functions with the schema. What
 * Supabase puts into each database is made only on a server that has it.
 */
const extension: Guard = ([first, ...rest], node) => {
  const statement = asNode(node, "CreateExtensionStmt");
  const name = statement?.extname ?? "";
  const option = statement?.options
    ?.map((each) => asNode(each, "DefElem"))
    .find((each) => each?.defname === "schema");
  const [schema = "pg_catalog"] = namesIn(option?.arg ? [option.arg] : []);
  const create = [
    ...(schema === "extensions"
      ? [when(missing("pg_namespace", "nspname", schema), "create schema extensions")]
      : []),
    first,
  ].map((each) => `    execute ${quoteLiteral(each)};\n`);
  const possible = isManagedExtension(name, schema)
    ? ` and exists (${named("pg_available_extensions", "name", name)})` +
      ` and (${schema === "extensions"} or exists (${named("pg_namespace", "nspname", schema)}))`
    : "";
  const lines =
    `  if place is null${possible} then\n${create.join("")}` +
    `  elsif place <> ${quoteLiteral(schema)} then\n` +
    `    alter extension ${quoteIdentifier(name)} set schema ${quoteIdentifier(schema)};\n  end if;\n`;
  const place = `  place constant text := (
    select nspname from pg_catalog.pg_extension
    join pg_catalog.pg_namespace on pg_namespace.oid = extnamespace
    where extname = ${quoteLiteral(name)}
  );
`;
  return [block(lines, place), ...rest];
};

const publicationTable: Guard = ([first, ...rest], node) => {
  const { relation } = node ? attachmentOf(node) : {};
  if (!relation) return [first, ...rest];
  const publication = asNode(node, "AlterPublicationStmt")?.pubname ?? "";
  const lacking = `not exists (
    select from pg_catalog.pg_publication_rel
    join pg_catalog.pg_publication on pg_publication.oid = prpubid
    where pubname = ${quoteLiteral(publication)}
      and prrelid = ${quoteLiteral(quoteQualified(relation.schema, relation.name))}::regclass
  )`;
  return [when(lacking, first), ...rest];
};

const publicationSchema: Guard = ([first, ...rest], node) => {
  const statement = asNode(node, "AlterPublicationStmt");
  const schema = asNode(statement?.pubobjects?.[0], "PublicationObjSpec")?.name;
  if (schema === undefined) return [first, ...rest];
  const lacking = `not exists (
    select from pg_catalog.pg_publication_namespace
    join pg_catalog.pg_publication on pg_publication.oid = pnpubid
    where pubname = ${quoteLiteral(statement?.pubname ?? "")}
      and pnnspid = ${quoteLiteral(quoteIdentifier(schema))}::regnamespace
  )`;
  return [when(lacking, first), ...rest];
};

const userMapping: Guard = ([first, ...rest], node) => {
  const statement = asNode(node, "CreateUserMappingStmt");
  const user = statement?.user?.rolename ?? "public";
  const lacking = `not exists (
    select from pg_catalog.pg_user_mappings
    where srvname = ${quoteLiteral(statement?.servername ?? "")} and usename = ${quoteLiteral(user)}
  )`;
  return [statement ? when(lacking, first) : first, ...rest];
};

/** Grants are made in another role's name by becoming that role, which takes no superuser, unlike becoming its session. */
function asGrantor(statement: string): string {
  if (!/^(SET|RESET) SESSION AUTHORIZATION/.test(statement)) return statement;
  const role = asNode(asNode(parseOne(statement), "VariableSetStmt")?.args?.[0], "A_Const")?.sval?.sval;
  return role === undefined ? "reset role" : `set role ${quoteIdentifier(role)}`;
}
