import type { Client } from "../postgres/index.js";
import { canonicalExpression } from "./canonical-expression.js";
import { settingsForDefinitions } from "./definition-settings.js";
import { managedExtensions } from "./extensions.js";
import { managedRoles, readSchemas } from "./managed-schemas.js";
import { supabasesFunction } from "./supabase-functions.js";

/** One object of a database, in words that do not depend on object ids or on the order things were made. */
export interface SchemaObject {
  /** What it is: `table`, `column`, `policy`, … */
  readonly kind: string;
  /** Its name, qualified; unique within the kind. */
  readonly name: string;
  /** Everything else that makes it what it is. */
  readonly definition: string;
}

/**
 * Every object of the project, from the catalogs described in https://www.postgresql.org/docs/17/catalogs.html.
 * Members of extensions are left out: the extension stands for them. Triggers and policies count wherever they
 * are, since projects put them on auth.users and storage.objects. What Supabase has in each database is left out, so
 * that a copy in another one is the same.
 */
const schemaObjects = `
with
  own_schema as (
    select oid, nspname, nspowner, nspacl
    from pg_namespace
    where nspname <> all ($1) and nspname !~ '^pg_' and nspname <> 'information_schema'
  ),
  member as (
    select classid, objid from pg_depend where deptype = 'e'
  ),
  own_class as (
    select class.*, own_schema.nspname
    from pg_class as class
    join own_schema on own_schema.oid = class.relnamespace
    where not exists (
      select from member where member.classid = 'pg_class'::regclass and member.objid = class.oid
    )
  ),
  own_function as (
    select function.*, own_schema.nspname
    from pg_proc as function
    join own_schema on own_schema.oid = function.pronamespace
    -- A range type brings functions of its own, which belong to whoever made the server.
    where not exists (
      select from pg_depend
      where classid = 'pg_proc'::regclass and objid = function.oid and deptype in ('e', 'i')
    )
  ),
  own_type as (
    select type.*, own_schema.nspname
    from pg_type as type
    join own_schema on own_schema.oid = type.typnamespace
    where not exists (
      select from member where member.classid = 'pg_type'::regclass and member.objid = type.oid
    )
  ),
  granted (kind, name, acl) as (
    select 'schema', quote_ident(nspname), coalesce(nspacl, acldefault('n', nspowner)) from own_schema
    union all
    select
      'relation',
      oid::regclass::text,
      coalesce(relacl, acldefault(case relkind when 'S' then 's'::"char" else 'r'::"char" end, relowner))
    from own_class
    where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select 'column', attrelid::regclass || '.' || quote_ident(attname), attacl
    from pg_attribute
    join own_class on own_class.oid = attrelid
    where attacl is not null and not attisdropped
    union all
    select 'function', oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) from own_function
    union all
    select 'type', oid::regtype::text, coalesce(typacl, acldefault('T', typowner))
    from own_type
    where typtype in ('e', 'd', 'r') or (typtype = 'c' and typrelid in (select oid from own_class where relkind = 'c'))
    union all
    select
      'defaults',
      pg_get_userbyid(defaclrole) || ' in ' || coalesce(quote_ident(own_schema.nspname), 'every schema')
        || ' for ' || defaclobjtype::text,
      defaclacl
    from pg_default_acl
    left join own_schema on own_schema.oid = defaclnamespace
    where (defaclnamespace = 0 or own_schema.oid is not null) and pg_get_userbyid(defaclrole) <> all ($2)
  ),
  published as (
    select prpubid, prrelid, prattrs, prqual
    from pg_publication_rel
    join pg_class as class on class.oid = prrelid
    join own_schema on own_schema.oid = class.relnamespace
  )
select 'schema' as kind, quote_ident(nspname) as name, 'owner ' || pg_get_userbyid(nspowner) as definition
from own_schema
union all
select 'extension', extname, 'in ' || extnamespace::regnamespace
from pg_extension
where (extname, extnamespace::regnamespace::text) not in (select * from unnest($3::text[], $4::text[]))
union all
select
  case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table' end,
  own_class.oid::regclass::text,
  concat_ws(
    '; ',
    'kind ' || relkind::text || relpersistence::text,
    'owner ' || pg_get_userbyid(relowner),
    case when relrowsecurity then 'row security' end,
    case when relforcerowsecurity then 'forced' end,
    'replica identity ' || relreplident::text,
    array_to_string(reloptions, ', '),
    case when relkind = 'p' then 'partition by ' || pg_get_partkeydef(own_class.oid) end,
    case when relispartition then pg_get_expr(relpartbound, own_class.oid) end,
    (
      select 'inherits ' || string_agg(inhparent::regclass::text, ', ' order by inhseqno)
      from pg_inherits
      where inhrelid = own_class.oid
    ),
    case when relkind in ('v', 'm') then pg_get_viewdef(own_class.oid) end,
    (
      select concat_ws(
        ' ', seqtypid::regtype, 'start', seqstart, 'by', seqincrement, 'from', seqmin, 'to', seqmax,
        'cache', seqcache, case when seqcycle then 'cycle' end
      )
      from pg_sequence
      where seqrelid = own_class.oid
    )
  )
from own_class
where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
union all
select
  'column',
  attrelid::regclass || '.' || quote_ident(attname),
  concat_ws(
    ' ',
    -- What a table inherits comes first in a copy, in its parents' order; a partition keeps its own.
    'place ' || row_number() over (
      partition by attrelid
      order by
        relispartition or attinhcount = 0,
        case when not relispartition and attinhcount > 0 then attname end,
        attnum
    ),
    format_type(atttypid, atttypmod),
    case when attcollation <> typcollation then 'collate ' || attcollation::regcollation end,
    case when attnotnull then 'not null' end,
    case attgenerated when '' then 'default ' else 'generated ' end || pg_get_expr(adbin, adrelid),
    case when attidentity <> '' then 'identity ' || attidentity::text end,
    'storage ' || attstorage::text,
    case when attcompression <> '' then 'compression ' || attcompression::text end,
    -- The server's own target is null since PostgreSQL 17 and -1 before.
    'statistics ' || nullif(attstattarget, -1),
    array_to_string(attoptions, ', ')
  )
from pg_attribute
join own_class on own_class.oid = attrelid
join pg_type as type on type.oid = atttypid
left join pg_attrdef on adrelid = attrelid and adnum = attnum
where attnum > 0 and not attisdropped and relkind in ('r', 'p', 'v', 'm', 'f', 'c')
union all
select
  'constraint',
  coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text) || '.' || quote_ident(conname),
  pg_get_constraintdef(pg_constraint.oid)
from pg_constraint
join own_schema on own_schema.oid = connamespace
-- Columns and domains tell of themselves whether they may be null; the constraints came later, with 17 and 18.
where contype not in ('t', 'n')
  -- One for each partition of the table referred to, which the server makes by itself, and no longer since 18.
  and not exists (
    select from pg_constraint as parent
    where parent.oid = pg_constraint.conparentid and parent.conrelid = pg_constraint.conrelid
  )
  and not exists (select from member where member.classid = 'pg_constraint'::regclass and member.objid = pg_constraint.oid)
union all
select
  'index',
  indexrelid::regclass::text,
  concat_ws(
    '; ',
    pg_get_indexdef(indexrelid),
    case when not indisvalid then 'invalid' end,
    case when indisclustered then 'clustered' end,
    case when indisreplident then 'replica identity' end
  )
from pg_index
join own_class on own_class.oid = indexrelid
union all
select
  case prokind when 'a' then 'aggregate' else 'function' end,
  own_function.oid::regprocedure::text,
  concat_ws(
    '; ',
    'owner ' || pg_get_userbyid(proowner),
    case when prokind <> 'a' then pg_get_functiondef(own_function.oid) end,
    (
      select concat_ws(
        ' ', pg_get_function_result(aggfnoid), proparallel, 'kind', aggkind, aggnumdirectargs,
        'state', aggtranstype::regtype, aggtransspace, aggtransfn::regprocedure, quote_nullable(agginitval),
        'final', aggfinalfn::regprocedure, aggfinalextra, aggfinalmodify,
        'combine', aggcombinefn::regprocedure, aggserialfn::regprocedure, aggdeserialfn::regprocedure,
        'moving', aggmtranstype::regtype, aggmtransspace, aggmtransfn::regprocedure, aggminvtransfn::regprocedure,
        quote_nullable(aggminitval), aggmfinalfn::regprocedure, aggmfinalextra, aggmfinalmodify,
        'sort', aggsortop::regoperator
      )
      from pg_aggregate
      where aggfnoid = own_function.oid
    )
  )
from own_function
union all
select
  'trigger',
  tgrelid::regclass || '.' || quote_ident(tgname),
  concat_ws('; ', pg_get_triggerdef(pg_trigger.oid), 'enabled ' || tgenabled::text)
from pg_trigger
join pg_class as class on class.oid = tgrelid
join pg_proc as function on function.oid = tgfoid
where not tgisinternal
  and (class.relnamespace in (select oid from own_schema) or not ${supabasesFunction("$1", "$2")})
union all
select
  'event trigger',
  quote_ident(evtname),
  concat_ws('; ', evtevent, array_to_string(evttags, ', '), evtfoid::regprocedure::text, 'enabled ' || evtenabled::text)
from pg_event_trigger
join pg_proc as function on function.oid = evtfoid
where pg_get_userbyid(evtowner) <> all ($2)
  and not ${supabasesFunction("$1", "$2")}
union all
select
  'policy',
  polrelid::regclass || '.' || quote_ident(polname),
  concat_ws(
    '; ',
    case when polpermissive then 'permissive' else 'restrictive' end,
    'for ' || polcmd::text,
    (
      select 'to ' || string_agg(role, ', ' order by role)
      from (
        select case role when 0 then 'public' else pg_get_userbyid(role) end from unnest(polroles) as own (role)
      ) as named (role)
    ),
    'using ' || pg_get_expr(polqual, polrelid),
    'check ' || pg_get_expr(polwithcheck, polrelid)
  )
from pg_policy
where not exists (select from member where member.classid = 'pg_class'::regclass and member.objid = polrelid)
union all
select
  'rule',
  ev_class::regclass || '.' || quote_ident(rulename),
  concat_ws('; ', pg_get_ruledef(pg_rewrite.oid), 'enabled ' || ev_enabled::text)
from pg_rewrite
join own_class on own_class.oid = ev_class
where rulename <> '_RETURN'
union all
select
  'type',
  own_type.oid::regtype::text,
  concat_ws(
    '; ',
    'owner ' || pg_get_userbyid(typowner),
    'type ' || typtype::text,
    (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = own_type.oid),
    case when typtype = 'd' then format_type(typbasetype, typtypmod) end,
    case when typtype = 'd' then 'collate ' || nullif(typcollation, 0)::regcollation end,
    case when typnotnull then 'not null' end,
    'default ' || typdefault,
    (
      select concat_ws(
        ' ', 'of', rngsubtype::regtype, 'collate', nullif(rngcollation, 0)::regcollation, 'compared by', opcname,
        'canonical', rngcanonical::regproc, 'difference', rngsubdiff::regproc
      )
      from pg_range
      join pg_opclass on pg_opclass.oid = rngsubopc
      where rngtypid = own_type.oid
    )
  )
from own_type
where typtype in ('e', 'd', 'r') or (typtype = 'c' and typrelid in (select oid from own_class where relkind = 'c'))
union all
select
  'statistics',
  quote_ident(nspname) || '.' || quote_ident(stxname),
  concat_ws(
    '; ',
    'owner ' || pg_get_userbyid(stxowner),
    pg_get_statisticsobjdef(pg_statistic_ext.oid),
    'target ' || nullif(stxstattarget, -1)
  )
from pg_statistic_ext
join own_schema on own_schema.oid = stxnamespace
union all
select
  'publication',
  quote_ident(pubname),
  concat_ws(
    '; ',
    concat_ws(' ', puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot),
    (
      select string_agg(
        concat_ws(' ', prrelid::regclass, 'columns ' || columns, 'where ' || pg_get_expr(prqual, prrelid)),
        ', ' order by prrelid::regclass::text
      )
      from published
      cross join lateral (
        select string_agg(quote_ident(attname), ', ' order by attname) as columns
        from pg_attribute
        where attrelid = prrelid and attnum = any (prattrs)
      ) as listed
      where prpubid = pg_publication.oid
    ),
    (
      select 'schemas ' || string_agg(pnnspid::regnamespace::text, ', ' order by pnnspid::regnamespace::text)
      from pg_publication_namespace
      where pnpubid = pg_publication.oid
    )
  )
from pg_publication
-- Every Supabase database has the one for Realtime, which is the project's once it publishes something.
where (pg_get_userbyid(pubowner) <> all ($2) and pubname <> 'supabase_realtime')
  or puballtables
  or oid in (select prpubid from published union all select pnpubid from pg_publication_namespace)
union all
select
  kind || ' grant',
  name || ' to ' || case grantee when 0 then 'public' else pg_get_userbyid(grantee) end,
  string_agg(
    privilege_type || case when is_grantable then ' with grant option' else '' end, ', ' order by privilege_type
  )
from granted
cross join lateral (
  select grantee, privilege_type, bool_or(is_grantable) as is_grantable
  from aclexplode(acl)
  group by grantee, privilege_type
) as own
group by kind, name, grantee
union all
select 'comment', object.type || ' ' || object.identity, description
from pg_description
cross join pg_identify_object(classoid, objoid, objsubid) as object
-- Below this number are the objects that initdb made; thousands of them have comments.
where objoid >= 16384
  and classoid in (
    'pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_constraint'::regclass,
    'pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_namespace'::regclass, 'pg_rewrite'::regclass,
    'pg_statistic_ext'::regclass
  )
  and coalesce(object.schema, '') <> all ($1)
  and coalesce(object.schema, '') !~ '^(pg_|information_schema$)'
  and (classoid <> 'pg_namespace'::regclass or objoid in (select oid from own_schema))
  and not exists (select from member where member.classid = classoid and member.objid = objoid)
`;

/**
 * Reads what the project's part of a database is made of.
 * @param client a connection; where a transaction is open, it is read as that transaction sees it, which stays as it is
 */
export async function readSchema(client: Client): Promise<SchemaObject[]> {
  const [begin, end] = isInTransaction(client)
    ? ["savepoint pantler_schema", "rollback to savepoint pantler_schema; release savepoint pantler_schema"]
    : ["begin isolation level repeatable read read only", "rollback"];
  await client.query(`${begin}; ${settingsForDefinitions}`);
  try {
    const { managed } = await readSchemas(client);
    const names = managedExtensions.map(([name]) => name);
    const places = managedExtensions.map(([, place]) => place);
    const { rows } = await client.query<SchemaObject>(schemaObjects, [managed, managedRoles, names, places]);
    return rows.map((object) => ({ ...object, definition: canonicalExpression(object.definition) }));
  } finally {
    // Nothing was written; where the connection is gone, the query's own error says so.
    await client.query(end).catch(() => {});
  }
}

function isInTransaction(client: Client): boolean {
  const status = client.getTransactionStatus();
  return status !== null && status !== "I";
}
