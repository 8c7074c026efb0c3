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
  /** The partitioned tables that it is a part of, the nearest first. */
  readonly partOf: readonly QualifiedName[];
  /**
   * The one of them through which rows have to come into another database. Where rows are dealt out by the hash of an
   * enum, that is an object id, and another one there; columns are then in this table's order.
   */
  readonly entrance?: QualifiedName | undefined;
  /**
   * Whether writing a row calls functions that are not the server's, in checks or for generated columns: they may read
   * other tables, and may only work under the search path of ordinary sessions.
   */
  readonly callsFunctions: boolean;
  /** How many pages the table itself has, without what is stored out of line. */
  readonly pages: number;
  /** How much it takes on disk, what is stored out of line included; without indexes. */
  readonly bytes: number;
  /** Why the role cannot read all of its rows, if so. */
  readonly unreadable: "no right to select" | "row security hides rows" | undefined;
}

/**
 * Tables with rows, from https://www.postgresql.org/docs/17/catalog-pg-class.html. Members of extensions are left
 * out, since creating the extension makes them. Hashes that another database need not share are those of enums and of what
 * may hold one, of object ids under their names, and of texts in the eyes of an ICU collation; pg_dump asks after
 * enums alone (`getPartitioningInfo` in pg_dump.c).
 */
const tablesOf = `
select
  nspname as schema,
  relname as name,
  coalesce(columns.names, '{}') as columns,
  coalesce(ancestors.names, '[]') as "partOf",
  ancestors.entrance,
  exists (
    select from pg_depend
    left join pg_constraint
      on classid = 'pg_constraint'::regclass and contype = 'c' and pg_constraint.oid = objid
    left join pg_attrdef on classid = 'pg_attrdef'::regclass and pg_attrdef.oid = objid
    left join pg_attribute as written
      on written.attrelid = class.oid
      and (written.atttypid = nullif(contypid, 0) or written.attnum = adnum and adrelid = class.oid and attgenerated <> '')
    where refclassid = 'pg_proc'::regclass
      -- Those below were made by initdb.
      and refobjid >= 16384
      and (conrelid = class.oid or written.attnum is not null)
  ) as "callsFunctions",
  coalesce(pg_relation_size(class.oid), 0) / current_setting('block_size')::int as pages,
  coalesce(pg_table_size(class.oid), 0) as bytes,
  case
    when not has_schema_privilege(class.relnamespace, 'usage') or not has_table_privilege(class.oid, 'select')
      then 'no right to select'
    when row_security_active(class.oid) then 'row security hides rows'
  end as unreadable
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
left join lateral (
  select
    json_agg(json_build_object('schema', place_of.nspname, 'name', ancestor.relname) order by place)
      as names,
    (array_agg(ancestor.oid order by place desc) filter (where is_unsteady))[1] as entrance_oid,
    (
      array_agg(
        json_build_object('schema', place_of.nspname, 'name', ancestor.relname) order by place desc
      ) filter (where is_unsteady)
    )[1] as entrance
  from pg_partition_ancestors(class.oid) with ordinality as path (relid, place)
  join pg_class as ancestor on ancestor.oid = relid and relid <> class.oid
  join pg_namespace as place_of on place_of.oid = ancestor.relnamespace
  cross join lateral (
    select exists (
      select from pg_partitioned_table
      where partrelid = relid
        and partstrat = 'h'
        and (
          exists (
            select from pg_opclass
            where pg_opclass.oid = any (partclass)
              and opcname in ('enum_ops', 'array_ops', 'record_ops', 'range_ops', 'multirange_ops', 'oid_ops')
          )
          or exists (
            select from pg_collation where pg_collation.oid = any (partcollation) and not collisdeterministic
          )
        )
    ) as is_unsteady
  ) as hashed
) as ancestors on class.relispartition
cross join lateral (
  select array_agg(column_of.attname::text order by coalesce(of_entrance.attnum, column_of.attnum)) as names
  from pg_attribute as column_of
  left join pg_attribute as of_entrance on of_entrance.attrelid = entrance_oid and of_entrance.attname = column_of.attname
  where column_of.attrelid = class.oid
    and column_of.attnum > 0
    and not column_of.attisdropped
    and column_of.attgenerated = ''
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
    partOf: QualifiedName[];
    entrance: QualifiedName | null;
    callsFunctions: boolean;
    pages: string;
    bytes: string;
    unreadable: Table["unreadable"] | null;
  }>(tablesOf, [schemas, further.map(({ schema }) => schema), further.map(({ name }) => name)]);
  return rows.map((row) => ({
    ...row,
    entrance: row.entrance ?? undefined,
    pages: Number(row.pages),
    bytes: Number(row.bytes),
    unreadable: row.unreadable ?? undefined,
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
