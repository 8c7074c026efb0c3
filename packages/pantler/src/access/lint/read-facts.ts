import type { Client } from "../../postgres/index.js";
import type { Facts, RelationFacts, RoutineFacts } from "./facts.js";

const apiRoles = `select oid, rolname as name from pg_roles where rolname in ('anon', 'authenticated')`;

/**
 * Tables and views. With an empty search_path every name in an expression has its schema.
 * https://www.postgresql.org/docs/17/catalog-pg-class.html, catalog-pg-policy.html, catalog-pg-index.html,
 * catalog-pg-trigger.html (the bits of tgtype: 1 for each row, 2 before, 4 insert, 8 delete, 16 update)
 */
const relations = `
with api_role as materialized (${apiRoles})
select
  class.oid::text as id,
  nspname as schema,
  relname as name,
  case relkind
    when 'r' then 'table' when 'p' then 'partitioned table' when 'f' then 'foreign table'
    when 'v' then 'view' else 'materialized view'
  end as kind,
  owner.rolname as owner,
  owner.rolsuper or owner.rolbypassrls as "ownerBypasses",
  relrowsecurity as "rowSecurity",
  relforcerowsecurity as forced,
  relispartition as partition,
  coalesce(reloptions, '{}') as options,
  (
    select coalesce(json_object_agg(api_role.name, array_remove(array[
      case when has_any_column_privilege(api_role.oid, class.oid, 'select') then 'select' end,
      case when has_any_column_privilege(api_role.oid, class.oid, 'insert') then 'insert' end,
      case when has_any_column_privilege(api_role.oid, class.oid, 'update') then 'update' end,
      case when has_table_privilege(api_role.oid, class.oid, 'delete') then 'delete' end
    ], null)), '{}')
    from api_role where has_schema_privilege(api_role.oid, relnamespace, 'usage')
  ) as grants,
  (
    select coalesce(json_agg(json_build_object(
      'name', attname,
      'type', format_type(atttypid, null),
      'notNull', attnotnull,
      'generated', attidentity <> '' or attgenerated <> '',
      'default', pg_get_expr(adbin, adrelid),
      'readers', (
        select coalesce(json_agg(name order by name), '[]') from api_role
        where has_column_privilege(api_role.oid, attrelid, attnum, 'select')
      ),
      'writers', (
        select coalesce(json_agg(name order by name), '[]') from api_role
        where has_column_privilege(api_role.oid, attrelid, attnum, 'update')
      )
    ) order by attnum), '[]')
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = class.oid and attnum > 0 and not attisdropped
  ) as columns,
  (
    select coalesce(json_agg(json_build_object(
      'name', polname,
      'command', case polcmd
        when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
      end,
      'permissive', polpermissive,
      'roles', (
        select coalesce(json_agg(name order by name), '[]') from api_role
        where 0 = any (polroles)
          or exists (select from unnest(polroles) as role where pg_has_role(api_role.oid, role, 'usage'))
      ),
      'using', pg_get_expr(polqual, polrelid),
      'check', pg_get_expr(polwithcheck, polrelid)
    ) order by polname), '[]')
    from pg_policy where polrelid = class.oid
  ) as policies,
  (
    select coalesce(json_agg(json_build_object(
      'name', of_index.relname,
      'columns', (
        select json_agg(attname order by place)
        from unnest(indkey::int2[]) with ordinality as key (number, place)
        left join pg_attribute on attrelid = class.oid and attnum = number and number > 0
        where place <= indnkeyatts
      ),
      'unique', indisunique,
      'primary', indisprimary,
      'partial', indpred is not null and pg_get_expr(indpred, indrelid) !~ '^\\(\\S+ IS NOT NULL\\)$',
      'constraint', exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x')),
      'signature', concat_ws(' ', indkey, indclass, indcollation, indoption, indnkeyatts, of_index.relam,
        pg_get_expr(indexprs, indrelid), 'where', pg_get_expr(indpred, indrelid))
    ) order by of_index.relname), '[]')
    from pg_index join pg_class as of_index on of_index.oid = indexrelid
    where indrelid = class.oid and indisvalid
  ) as indexes,
  (
    select coalesce(json_agg(json_build_object(
      'name', conname,
      'to', confrelid::oid::text,
      'columns', (
        select json_agg(attname order by place)
        from unnest(conkey) with ordinality as key (number, place)
        join pg_attribute on attrelid = class.oid and attnum = number
      )
    ) order by conname), '[]')
    from pg_constraint where conrelid = class.oid and contype = 'f' and conparentid = 0
  ) as "foreignKeys",
  (
    select coalesce(json_agg(json_build_object(
      'commands', array_remove(array[
        case when tgtype & 4 > 0 then 'insert' end, case when tgtype & 16 > 0 then 'update' end
      ], null),
      'schema', of_routine.nspname,
      'routine', proname
    )), '[]')
    from pg_trigger
    join pg_proc on pg_proc.oid = tgfoid
    join pg_namespace as of_routine on of_routine.oid = pronamespace
    where tgrelid = class.oid and not tgisinternal and tgenabled <> 'D' and tgtype & 3 = 3
  ) as triggers,
  (
    select coalesce(json_agg(distinct refobjid::text), '[]')
    from pg_rewrite join pg_depend on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid
    where ev_class = class.oid and refclassid = 'pg_class'::regclass and refobjid <> class.oid
  ) as reads,
  case when relkind in ('v', 'm') then pg_get_viewdef(class.oid) end as query
from pg_class as class
join pg_namespace as namespace on namespace.oid = relnamespace
join pg_roles as owner on owner.oid = relowner
where relkind in ('r', 'p', 'f', 'v', 'm') and relpersistence <> 't'
  and nspname !~ '^pg_' and nspname <> 'information_schema'
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = class.oid and deptype = 'e'
  )
order by nspname, relname
`;

/** https://www.postgresql.org/docs/17/catalog-pg-proc.html */
const routines = `
with api_role as materialized (${apiRoles})
select
  nspname as schema,
  proname as name,
  pg_get_function_identity_arguments(routine.oid) as "argumentTypes",
  owner.rolname as owner,
  owner.rolsuper or owner.rolbypassrls as "ownerBypasses",
  prosecdef as definer,
  (
    select substr(setting, length('search_path=') + 1) from unnest(proconfig) as setting
    where setting like 'search\\_path=%'
  ) as "searchPath",
  case provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
  lanname as language,
  coalesce(pg_get_function_sqlbody(routine.oid), prosrc) as body,
  prosqlbody is not null as atomic,
  format_type(prorettype, null) as returns,
  proretset or typtype = 'c' or prorettype = 'record'::regtype as "returnsRows",
  prorettype in ('trigger'::regtype, 'event_trigger'::regtype) as trigger,
  (
    select coalesce(json_agg(name order by name), '[]') from api_role
    where has_function_privilege(api_role.oid, routine.oid, 'execute')
      and has_schema_privilege(api_role.oid, pronamespace, 'usage')
  ) as callers
from pg_proc as routine
join pg_namespace on pg_namespace.oid = pronamespace
join pg_language on pg_language.oid = prolang
join pg_type on pg_type.oid = prorettype
join pg_roles as owner on owner.oid = proowner
where prokind in ('f', 'p') and nspname = any ($1)
  and not exists (
    select from pg_depend where classid = 'pg_proc'::regclass and objid = routine.oid and deptype = 'e'
  )
order by nspname, proname, 3
`;

const extensions = `
select extname as name, nspname as schema
from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
where nspname = any ($1)
order by extname
`;

/**
 * Reads what the rules ask for, all at one moment. Nothing is locked for long, and of the project's tables no row is read.
 * @param own the project's own schemas
 * @param served the schemas that the API serves
 */
export async function readFacts(
  client: Client,
  own: readonly string[],
  served: readonly string[],
): Promise<Facts> {
  await client.query("begin isolation level repeatable read read only");
  try {
    await client.query("set local search_path = ''");
    const schemas = [...new Set([...own, ...served])];
    return {
      relations: (await client.query<RelationFacts>(relations)).rows,
      routines: (await client.query<RoutineFacts>(routines, [schemas])).rows,
      extensions: (await client.query<{ name: string; schema: string }>(extensions, [served])).rows,
      publicBuckets: await readPublicBuckets(client),
    };
  } finally {
    await client.query("rollback");
  }
}

/** @returns undefined where the role may not read the list of buckets, or row security may keep some of it back */
async function readPublicBuckets(client: Client): Promise<string[] | undefined> {
  const { rows: found } = await client.query<{ readable: boolean }>(
    `select
      has_schema_privilege(namespace.oid, 'usage') and has_table_privilege(class.oid, 'select')
        and (not relrowsecurity or rolsuper or rolbypassrls or pg_has_role(relowner, 'usage')) as readable
    from pg_class as class
    join pg_namespace as namespace on namespace.oid = relnamespace
    join pg_roles on rolname = current_user
    where nspname = 'storage' and relname = 'buckets'`,
  );
  const [bucketTable] = found;
  if (!bucketTable) return [];
  if (!bucketTable.readable) return undefined;
  const { rows } = await client.query<{ id: string }>(
    "select id from storage.buckets where public order by id",
  );
  return rows.map(({ id }) => id);
}
