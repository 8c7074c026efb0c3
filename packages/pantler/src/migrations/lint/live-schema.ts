import type { Client } from "../../postgres/index.js";
import { Catalog, Relation } from "./catalog.js";
import { readLiveType } from "./column-type.js";

interface LiveRow {
  readonly schema: string;
  readonly name: string;
  readonly kind: "r" | "p" | "f" | "v" | "m";
  readonly rowSecurity: boolean;
  readonly estimate: number;
  readonly options: readonly string[];
  readonly partition: boolean;
  readonly anon: boolean | null;
  readonly authenticated: boolean | null;
  readonly columns: readonly { name: string; type: string; typmod: number; notNull: boolean }[];
  readonly policies: readonly string[];
  readonly indexes: readonly {
    name: string;
    columns: readonly (string | null)[];
    unique: boolean;
    primary: boolean;
    partial: boolean;
  }[];
  readonly foreignKeys: readonly (readonly string[])[];
}

/** Tables and views with what the rules ask of them; the catalogs are those of PostgreSQL 15 to 18. */
const relations = `
select
  namespace.nspname as schema,
  class.relname as name,
  class.relkind::text as kind,
  class.relrowsecurity as "rowSecurity",
  class.reltuples::double precision as estimate,
  coalesce(class.reloptions, '{}') as options,
  class.relispartition as partition,
  (
    select has_table_privilege(oid, class.oid, 'select, insert, update, delete') from pg_roles where rolname = 'anon'
  ) as anon,
  (
    select has_table_privilege(oid, class.oid, 'select, insert, update, delete')
    from pg_roles where rolname = 'authenticated'
  ) as authenticated,
  (
    select coalesce(json_agg(json_build_object(
      'name', attname, 'type', typname, 'typmod', atttypmod, 'notNull', attnotnull
    ) order by attnum), '[]')
    from pg_attribute join pg_type on pg_type.oid = atttypid
    where attrelid = class.oid and attnum > 0 and not attisdropped
  ) as columns,
  (select coalesce(json_agg(polname), '[]') from pg_policy where polrelid = class.oid) as policies,
  (
    select coalesce(json_agg(json_build_object(
      'name', of_index.relname,
      'columns', (
        select json_agg(attname order by place)
        from unnest(indkey::int2[]) with ordinality as key (number, place)
        left join pg_attribute on attrelid = class.oid and attnum = number and number > 0
        where place <= indnkeyatts
      ),
      'unique', indisunique, 'primary', indisprimary, 'partial', indpred is not null and pg_get_expr(indpred, indrelid) !~ '^\\(\\S+ IS NOT NULL\\)$'
    ) order by of_index.relname), '[]')
    from pg_index join pg_class as of_index on of_index.oid = indexrelid
    where indrelid = class.oid and indisvalid
  ) as indexes,
  (
    select coalesce(json_agg((
      select json_agg(attname order by place)
      from unnest(conkey) with ordinality as key (number, place)
      join pg_attribute on attrelid = class.oid and attnum = number
    )), '[]')
    from pg_constraint where conrelid = class.oid and contype = 'f' and conparentid = 0
  ) as "foreignKeys"
from pg_class as class
join pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relkind in ('r', 'p', 'f', 'v', 'm')
  and class.relpersistence <> 't'
  and namespace.nspname !~ '^pg_'
  and namespace.nspname <> 'information_schema'
`;

const viewReads = `
select distinct
  view_namespace.nspname as "viewSchema",
  view.relname as view,
  namespace.nspname as schema,
  class.relname as name
from pg_depend
join pg_rewrite on pg_rewrite.oid = objid
join pg_class as view on view.oid = ev_class
join pg_namespace as view_namespace on view_namespace.oid = view.relnamespace
join pg_class as class on class.oid = refobjid and class.oid <> view.oid
join pg_namespace as namespace on namespace.oid = class.relnamespace
where pg_depend.classid = 'pg_rewrite'::regclass
  and refclassid = 'pg_class'::regclass
  and view_namespace.nspname !~ '^pg_'
  and view_namespace.nspname <> 'information_schema'
`;

const enums = `
select nspname as schema, typname as name
from pg_type join pg_namespace on pg_namespace.oid = typnamespace
where typtype = 'e' and nspname !~ '^pg_'
`;

/** Reads what an environment holds into a catalog. Nothing is locked, and no row of a table is read. */
export async function readLiveCatalog(client: Client): Promise<Catalog> {
  const catalog = new Catalog();
  const { rows } = await client.query<LiveRow>(relations);
  for (const row of rows) catalog.add(relationOf(row));
  const views = await client.query<{ viewSchema: string; view: string; schema: string; name: string }>(
    viewReads,
  );
  for (const { viewSchema, view, schema, name } of views.rows) {
    const reader = catalog.named(viewSchema, view);
    const read = catalog.named(schema, name);
    if (reader && read) reader.reads = [...reader.reads, read];
  }
  const types = await client.query<{ schema: string; name: string }>(enums);
  for (const { schema, name } of types.rows) {
    catalog.enums.set(JSON.stringify([schema, name]), { created: undefined, added: new Map() });
  }
  return catalog;
}

function relationOf(row: LiveRow): Relation {
  const { schema, name, estimate } = row;
  const key = row.indexes.find(({ primary }) => primary)?.columns ?? [];
  const relation = new Relation({
    schema,
    name,
    kind: row.kind === "v" ? "view" : row.kind === "m" ? "materialized view" : "table",
    live: { schema, name, estimate, key: key.filter((column) => column !== null) },
  });
  for (const column of row.columns) {
    const type = readLiveType(column.type, column.typmod);
    relation.columns.set(column.name, {
      name: column.name,
      type,
      notNull: column.notNull,
      live: column.name,
    });
  }
  for (const { columns, ...index } of row.indexes) {
    relation.indexes.push({ ...index, columns: columns.map((each) => each ?? undefined), at: undefined });
  }
  for (const columns of row.foreignKeys) relation.foreignKeys.push({ columns, at: undefined });
  for (const policy of row.policies) relation.policies.add(policy);
  relation.rowSecurity = row.rowSecurity;
  relation.partition = row.partition;
  relation.invoker = row.options.some((option) => /^security_invoker=(true|on|yes|1)$/i.test(option));
  if (row.anon) relation.exposedTo.add("anon");
  if (row.authenticated) relation.exposedTo.add("authenticated");
  return relation;
}
