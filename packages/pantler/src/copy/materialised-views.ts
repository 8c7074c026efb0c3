import type { Client } from "../postgres/index.js";
import { type QualifiedName, sqlName } from "./tables.js";

/**
 * Materialised views in an order in which each comes after those it reads, directly, through other views or through
 * functions whose body the server knows. One that reads another that is not filled cannot be filled itself.
 * What a view's query names its rule `_RETURN` depends on: https://www.postgresql.org/docs/17/catalog-pg-depend.html
 */
const filledViews = `
with recursive
  reads (reader, source) as (
    select coalesce(ev_class, objid), refobjid
    from pg_depend
    left join pg_rewrite on classid = 'pg_rewrite'::regclass and pg_rewrite.oid = objid
    where classid in ('pg_rewrite'::regclass, 'pg_proc'::regclass)
      and refclassid in ('pg_class'::regclass, 'pg_proc'::regclass)
  ),
  reached (view, source) as (
    select oid, oid from pg_class where relkind = 'm'
    union
    select view, reads.source from reached join reads on reads.reader = reached.source
  )
select nspname as schema, relname as name
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
cross join lateral (
  select count(*) as views, bool_and(other.relispopulated) as filled
  from reached
  join pg_class as other on other.oid = source
  where view = class.oid and other.relkind = 'm'
) as needed
where relkind = 'm'
  and needed.filled
  and nspname = any ($1)
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = class.oid and deptype = 'e'
  )
order by needed.views, nspname, relname
`;

/** Lists the materialised views that are filled and can be filled anew, each after those it reads. */
export async function listFilledViews(client: Client, schemas: readonly string[]): Promise<QualifiedName[]> {
  return (await client.query<QualifiedName>(filledViews, [schemas])).rows;
}

/** Fills materialised views anew, in the order given. */
export async function refreshViews(client: Client, views: readonly QualifiedName[]): Promise<void> {
  for (const view of views) await client.query(`refresh materialized view ${sqlName(view)}`);
}
