import type { Client } from "../postgres/index.js";
import { type QualifiedName, sqlName } from "./tables.js";

/**
 * Materialised views in an order in which each comes after those it reads, directly or through other views
 * (the rule `_RETURN` of a view depends on what its query names: https://www.postgresql.org/docs/17/catalog-pg-depend.html).
 */
const filledViews = `
with recursive
  reads (reader, source) as (
    select distinct ev_class, refobjid
    from pg_depend
    join pg_rewrite on pg_rewrite.oid = pg_depend.objid
    where classid = 'pg_rewrite'::regclass and refclassid = 'pg_class'::regclass and refobjid <> ev_class
  ),
  reached (view, source, depth) as (
    select oid, oid, 0 from pg_class where relkind = 'm'
    union
    select view, reads.source, depth + 1 from reached join reads on reads.reader = reached.source where depth < 100
  )
select nspname as schema, relname as name
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'm'
  and relispopulated
  and nspname = any ($1)
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = class.oid and deptype = 'e'
  )
order by
  (
    select count(distinct source)
    from reached
    join pg_class as other on other.oid = source
    where view = class.oid and other.relkind = 'm'
  ),
  nspname,
  relname
`;

/** Lists the materialised views that are filled, each after those it reads. */
export async function listFilledViews(client: Client, schemas: readonly string[]): Promise<QualifiedName[]> {
  return (await client.query<QualifiedName>(filledViews, [schemas])).rows;
}

/** Fills materialised views anew, in the order given. */
export async function refreshViews(client: Client, views: readonly QualifiedName[]): Promise<void> {
  for (const view of views) await client.query(`refresh materialized view ${sqlName(view)}`);
}
