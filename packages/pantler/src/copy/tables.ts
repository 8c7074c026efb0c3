import { EnvironmentError } from "../operation/index.js";
import { type Client, quoteIdentifier, quoteQualified } from "../postgres/index.js";

/** A name together with its schema. */
export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

/** A table that holds rows of its own: an ordinary one, or a leaf of a partitioned one. */
export interface Table extends QualifiedName {
  /** What is copied and digested: columns in their order, without those the server generates. */
  readonly columns: readonly string[];
  /** How many pages the table itself has, without what is stored out of line. */
  readonly pages: number;
  /** How much it takes on disk, what is stored out of line included; without indexes. */
  readonly bytes: number;
  /** Why the role cannot read all of its rows, if so. */
  readonly unreadable: "no right to select" | "row security hides rows" | undefined;
}

/**
 * Tables with rows, from https://www.postgresql.org/docs/17/catalog-pg-class.html. Members of extensions are left
 * out, since creating the extension makes them.
 */
const tablesOf = `
select
  nspname as schema,
  relname as name,
  coalesce(columns.names, '{}') as columns,
  coalesce(pg_relation_size(class.oid), 0) / current_setting('block_size')::int as pages,
  coalesce(pg_table_size(class.oid), 0) as bytes,
  case
    when not has_schema_privilege(class.relnamespace, 'usage') or not has_table_privilege(class.oid, 'select')
      then 'no right to select'
    when row_security_active(class.oid) then 'row security hides rows'
  end as unreadable
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
cross join lateral (
  select array_agg(attname::text order by attnum) as names
  from pg_attribute
  where attrelid = class.oid and attnum > 0 and not attisdropped and attgenerated = ''
) as columns
where relkind = 'r'
  and relpersistence <> 't'
  and (nspname = any ($1) or (nspname, relname) in (select * from unnest($2::text[], $3::text[])))
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = class.oid and deptype = 'e'
  )
order by nspname, relname
`;

/**
 * Lists the tables that hold rows.
 * @param schemas all tables of these
 * @param further and these tables, where they exist
 */
export async function listTables(
  client: Client,
  schemas: readonly string[],
  further: readonly QualifiedName[] = [],
): Promise<Table[]> {
  const { rows } = await client.query<{
    schema: string;
    name: string;
    columns: string[];
    pages: string;
    bytes: string;
    unreadable: Table["unreadable"] | null;
  }>(tablesOf, [schemas, further.map(({ schema }) => schema), further.map(({ name }) => name)]);
  return rows.map(({ schema, name, columns, pages, bytes, unreadable }) => ({
    schema,
    name,
    columns,
    pages: Number(pages),
    bytes: Number(bytes),
    unreadable: unreadable ?? undefined,
  }));
}

/**
 * Refuses to go on when the role does not see all rows of all tables: what is read then would be silently partial.
 * @throws EnvironmentError `right-missing` naming the tables
 */
export function requireReadable(tables: readonly Table[]): void {
  const names = (why: Table["unreadable"]) =>
    tables.filter(({ unreadable }) => unreadable === why).map(sqlName);
  const refused = names("no right to select");
  if (refused.length > 0) throw rightMissing(`select from ${refused.join(", ")}`);
  const hidden = names("row security hides rows");
  if (hidden.length > 0) throw rightMissing(`see every row of ${hidden.join(", ")}: row security hides some`);
}

/** The error for a right that the connection's role lacks. */
export function rightMissing(right: string): EnvironmentError {
  return new EnvironmentError({
    code: "right-missing",
    message: `The role lacks the right to ${right}.`,
    state: "Nothing was done.",
    remedy:
      "Connect as the owner, or as a role with bypassrls and the right to read (on Supabase: postgres).",
  });
}

/** A table's name for SQL. */
export function sqlName({ schema, name }: QualifiedName): string {
  return quoteQualified(schema, name);
}

/** A list of columns for SQL; empty for a table without any. */
export function sqlColumns(columns: readonly string[]): string {
  return columns.map(quoteIdentifier).join(", ");
}
