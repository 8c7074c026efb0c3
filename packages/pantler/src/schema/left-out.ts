import type { Client } from "../postgres/index.js";
import { managedRoles } from "./managed-schemas.js";

/** What a role of the project's has made in schemas of Supabase's, and what belongs to no schema and is not dumped. */
const notDumped = `
select
  case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table' end
    || ' ' || class.oid::regclass || ', which is in a schema of Supabase''s' as what
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = any ($1)
  and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
  and pg_get_userbyid(relowner) <> all ($2)
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = class.oid and deptype in ('a', 'e', 'i')
  )
union all
select 'type ' || type.oid::regtype || ', which is in a schema of Supabase''s'
from pg_type as type
join pg_namespace on pg_namespace.oid = typnamespace
where nspname = any ($1)
  and typrelid = 0
  and typelem = 0
  and pg_get_userbyid(typowner) <> all ($2)
  and not exists (select from pg_depend where classid = 'pg_type'::regclass and objid = type.oid and deptype in ('e', 'i'))
union all
select 'subscription ' || quote_ident(subname)
from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
union all
select 'settings of the database itself: ' || string_agg(split_part(setting, '=', 1), ', ')
from pg_db_role_setting
cross join unnest(setconfig) as setting
where setrole = 0 and setdatabase = (select oid from pg_database where datname = current_database())
having count(*) > 0
order by what
`;

/**
 * Names, in words, what a dump leaves out although it is the project's; in the transaction that is open.
 * @param schemas the schemas that are left out
 */
export async function readNotDumped(client: Client, schemas: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ what: string }>(notDumped, [schemas, managedRoles]);
  return rows.map(({ what }) => `the ${what}`);
}
