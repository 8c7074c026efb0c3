import { type QualifiedName, sqlName } from "../../copy/index.js";
import { InputError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";

/** A type, as far as making values of it needs to know. */
export interface TypeFacts {
  readonly oid: number;
  readonly name: string;
  /** How SQL writes it. */
  readonly sql: string;
  readonly kind: "b" | "c" | "d" | "e" | "m" | "p" | "r";
  /** Of an array, its elements. */
  readonly element: number | null;
  /** Of a domain, what it is made of. */
  readonly base: number | null;
  readonly baseModifier: number;
  readonly notNull: boolean;
  readonly labels: readonly string[];
  /** Of a range, its bounds; of a multirange, its ranges. */
  readonly subtype: number | null;
  /** Of a domain, its checks on `VALUE`. */
  readonly checks: readonly string[];
}

/** A column of a table that rows are made for. */
export interface ColumnFacts {
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
  readonly notNull: boolean;
  readonly generated: boolean;
  readonly default: string | null;
  /** The sequence that gives its values, as SQL writes it. */
  readonly sequence: string | null;
}

/** A foreign key. */
export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly table: QualifiedName;
  readonly references: readonly string[];
  readonly deferrable: boolean;
}

/** A condition on rows: its expression as the server prints it. */
export interface Check {
  readonly name: string;
  readonly expression: string;
}

/** A unique index: expressions that no two rows share where the predicate holds. */
export interface UniqueKey {
  readonly name: string;
  readonly expressions: readonly string[];
  readonly predicate: string | null;
  readonly nullsDistinct: boolean;
}

export interface TableFacts extends QualifiedName {
  readonly columns: readonly ColumnFacts[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly checks: readonly Check[];
  readonly uniqueKeys: readonly UniqueKey[];
  /** Columns of exclusion constraints. */
  readonly excluding: readonly string[];
  readonly primaryKey: readonly string[];
}

export interface Catalog {
  readonly tables: ReadonlyMap<string, TableFacts>;
  readonly types: ReadonlyMap<number, TypeFacts>;
}

/** From https://www.postgresql.org/docs/17/catalogs.html, a JSON object for each table. */
const tablesOf = `
select
  wanted.name as wanted,
  nspname as schema,
  relname as name,
  (
    select json_agg(json_build_object(
      'name', attname, 'type', atttypid::int8, 'modifier', atttypmod, 'notNull', attnotnull, 'generated', attgenerated <> '',
      'default', pg_get_expr(adbin, adrelid),
      'sequence', pg_get_serial_sequence(format('%I.%I', nspname, relname), attname)
    ) order by attnum)
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = class.oid and attnum > 0 and not attisdropped
  ) as columns,
  (
    select coalesce(json_agg(json_build_object(
      'name', conname, 'deferrable', condeferrable,
      'table', json_build_object('schema', other_space.nspname, 'name', other.relname),
      'columns', (
        select json_agg(attname order by place) from unnest(conkey) with ordinality as key (num, place)
        join pg_attribute on attrelid = conrelid and attnum = num
      ),
      'references', (
        select json_agg(attname order by place) from unnest(confkey) with ordinality as key (num, place)
        join pg_attribute on attrelid = confrelid and attnum = num
      )
    ) order by cardinality(conkey) desc, conname), '[]')
    from pg_constraint
    join pg_class as other on other.oid = confrelid
    join pg_namespace as other_space on other_space.oid = other.relnamespace
    where conrelid = class.oid and contype = 'f'
  ) as "foreignKeys",
  (
    select coalesce(json_agg(json_build_object('name', conname, 'expression', pg_get_expr(conbin, conrelid)) order by conname), '[]')
    from pg_constraint where conrelid = class.oid and contype = 'c'
  ) as checks,
  (
    select coalesce(json_agg(json_build_object(
      'name', index_class.relname,
      'expressions', (
        select json_agg(pg_get_indexdef(indexrelid, place, true) order by place) from generate_series(1, indnkeyatts) as place
      ),
      'predicate', pg_get_expr(indpred, indrelid),
      'nullsDistinct', not coalesce((to_jsonb(pg_index) ->> 'indnullsnotdistinct')::boolean, false)
    ) order by index_class.relname), '[]')
    from pg_index join pg_class as index_class on index_class.oid = indexrelid
    where indrelid = class.oid and indisunique
  ) as "uniqueKeys",
  (
    select coalesce(json_agg(distinct attname), '[]')
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey)
    where conrelid = class.oid and contype = 'x'
  ) as excluding,
  (
    select coalesce(json_agg(attname order by array_position(conkey, attnum)), '[]')
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey)
    where conrelid = class.oid and contype = 'p'
  ) as "primaryKey"
from unnest($1::text[], $2::text[], $3::text[]) as wanted (name, schema, relation)
join pg_namespace on nspname = wanted.schema
join pg_class as class on relnamespace = pg_namespace.oid and relname = wanted.relation and relkind in ('r', 'p')
`;

const typesOf = `
with recursive needed as (
  select unnest($1::oid[]) as oid
  union
  select related.oid
  from needed
  join pg_type as type on type.oid = needed.oid
  cross join lateral (
    values
      (case when typcategory = 'A' then nullif(typelem, 0) end),
      (nullif(typbasetype, 0)),
      ((select rngsubtype from pg_range where rngtypid = type.oid)),
      ((select rngtypid from pg_range where rngmultitypid = type.oid))
  ) as related (oid)
  where related.oid is not null
)
select
  type.oid::int8 as oid,
  typname as name,
  format_type(type.oid, null) as sql,
  typtype as kind,
  case when typcategory = 'A' and typtype = 'b' then nullif(typelem, 0)::int8 end as element,
  nullif(typbasetype, 0)::int8 as base,
  typtypmod as "baseModifier",
  typnotnull as "notNull",
  coalesce((select json_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = type.oid), '[]') as labels,
  coalesce(
    (select rngsubtype from pg_range where rngtypid = type.oid),
    (select rngtypid from pg_range where rngmultitypid = type.oid)
  )::int8 as subtype,
  coalesce(
    (select json_agg(pg_get_expr(conbin, 0)) from pg_constraint where contypid = type.oid and contype = 'c'), '[]'
  ) as checks
from needed join pg_type as type using (oid)
`;

/** Splits a table's name as a definition writes it. */
export function tableNamed(name: string): QualifiedName {
  const dot = name.indexOf(".");
  return dot < 0 ? { schema: "public", name } : { schema: name.slice(0, dot), name: name.slice(dot + 1) };
}

/**
 * Reads what is known of tables.
 * @param names as a definition writes them
 * @throws InputError `seed-table-missing` naming those that do not exist
 */
export async function readCatalog(client: Client, names: readonly string[]): Promise<Catalog> {
  const wanted = names.map(tableNamed);
  const { rows } = await client.query<TableFacts & { wanted: string }>(tablesOf, [
    names,
    wanted.map(({ schema }) => schema),
    wanted.map(({ name }) => name),
  ]);
  const tables = new Map(rows.map(({ wanted: name, ...facts }) => [name, facts]));
  const missing = names.filter((name) => !tables.has(name));
  if (missing.length > 0) {
    throw new InputError({
      code: "seed-table-missing",
      message: `The seed definition names what is no table here: ${missing.map((name) => sqlName(tableNamed(name))).join(", ")}.`,
      state: "Nothing was done.",
      remedy: "Apply the migrations that make it, or mend the name.",
    });
  }
  const oids = rows.flatMap(({ columns }) => columns.map(({ type }) => type));
  const found = await client.query<TypeFacts>(typesOf, [oids]);
  const types = found.rows.map((type) => ({
    ...type,
    oid: Number(type.oid),
    element: type.element === null ? null : Number(type.element),
    base: type.base === null ? null : Number(type.base),
    subtype: type.subtype === null ? null : Number(type.subtype),
  }));
  return { tables, types: new Map(types.map((type) => [type.oid, type])) };
}
