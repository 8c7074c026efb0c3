import { type Client, quoteIdentifier, quoteQualified } from "../postgres/index.js";
import { dumpedSchemas, managedRoles, readSchemas } from "../schema/index.js";
import { authTables } from "./contents.js";

/**
 * What a project has in its schemas, each with the words that drop it (pg_identify_object gives a name as the
 * commands take it). Members of extensions stay with their extension, and what belongs to a table goes with it.
 */
const objectsInSchemas = `
with
  own (classid, objid, schema) as (
    select 'pg_class'::regclass, oid, relnamespace from pg_class where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all select 'pg_proc'::regclass, oid, pronamespace from pg_proc
    union all
    select 'pg_type'::regclass, type.oid, typnamespace
    from pg_type as type
    left join pg_class as class on class.oid = typrelid
    where typtype in ('e', 'd', 'r', 'b') and typelem = 0 or class.relkind = 'c'
    union all select 'pg_operator'::regclass, oid, oprnamespace from pg_operator
    union all select 'pg_opclass'::regclass, oid, opcnamespace from pg_opclass
    union all select 'pg_opfamily'::regclass, oid, opfnamespace from pg_opfamily
    union all select 'pg_collation'::regclass, oid, collnamespace from pg_collation
    union all select 'pg_conversion'::regclass, oid, connamespace from pg_conversion
    union all select 'pg_ts_config'::regclass, oid, cfgnamespace from pg_ts_config
    union all select 'pg_ts_dict'::regclass, oid, dictnamespace from pg_ts_dict
    union all select 'pg_ts_parser'::regclass, oid, prsnamespace from pg_ts_parser
    union all select 'pg_ts_template'::regclass, oid, tmplnamespace from pg_ts_template
    union all select 'pg_statistic_ext'::regclass, oid, stxnamespace from pg_statistic_ext
  )
select object.type, object.identity
from own
join pg_namespace on pg_namespace.oid = own.schema
cross join pg_identify_object(classid, objid, 0) as object
where nspname = any ($1)
  and not exists (
    select from pg_depend
    where pg_depend.classid = own.classid
      and pg_depend.objid = own.objid
      -- Columns by which a table is partitioned are part of the table itself.
      and pg_depend.objsubid = 0
      -- Part of an extension or of another object; a sequence's column or a partition's parent takes it along.
      and (deptype in ('e', 'i') or deptype = 'a' and own.classid = refclassid and refclassid = 'pg_class'::regclass)
  )
order by own.classid = 'pg_class'::regclass desc
`;

/** Schemas that hold members of an extension cannot go without it. */
const schemasOfExtensions = `
select distinct nspname as schema
from pg_namespace
join pg_extension on extnamespace = pg_namespace.oid
where nspname = any ($1)
`;

/** What is in no schema of the project's and is the project's all the same. */
const objectsElsewhere = `
select 'event trigger' as type, quote_ident(evtname) as identity
from pg_event_trigger
where pg_get_userbyid(evtowner) <> all ($2)
  and not exists (select from pg_depend where classid = 'pg_event_trigger'::regclass and objid = oid and deptype = 'e')
union all
select 'publication', quote_ident(pubname) from pg_publication where pg_get_userbyid(pubowner) <> all ($2)
union all
select 'server', quote_ident(srvname)
from pg_foreign_server
where pg_get_userbyid(srvowner) <> all ($2)
  and not exists (
    select from pg_depend where classid = 'pg_foreign_server'::regclass and objid = pg_foreign_server.oid and deptype = 'e'
  )
union all
select 'policy', quote_ident(polname) || ' on ' || polrelid::regclass
from pg_policy
join pg_class on pg_class.oid = polrelid
where relnamespace::regnamespace::text = any ($1)
  and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = polrelid and deptype = 'e')
union all
select 'trigger', quote_ident(tgname) || ' on ' || tgrelid::regclass
from pg_trigger
join pg_class on pg_class.oid = tgrelid
join pg_proc on pg_proc.oid = tgfoid
where relnamespace::regnamespace::text = any ($1)
  and pronamespace::regnamespace::text <> all ($1)
  and pronamespace::regnamespace::text !~ '^pg_'
  and not tgisinternal
`;

/** Privileges that new objects would get, of roles that we may act for. */
const defaultPrivileges = `
select
  quote_ident(pg_get_userbyid(defaclrole)) as role,
  nspname as schema,
  case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' else 'schemas' end as objects,
  case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
from pg_default_acl
left join pg_namespace on pg_namespace.oid = defaclnamespace
cross join aclexplode(defaclacl)
where (defaclnamespace = 0 or nspname = any ($1))
  and pg_has_role(defaclrole, 'usage')
  and pg_get_userbyid(defaclrole) <> all ($2)
group by defaclrole, nspname, defaclobjtype, grantee
`;

/** Who may do something in schema public, where we may change that. */
const grantsOnPublic = `
select distinct case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
from pg_namespace
cross join aclexplode(nspacl)
where nspname = 'public' and grantee <> nspowner and pg_has_role(nspowner, 'usage')
`;

/** Where Pantler keeps its own records, those of a restore that runs among them. */
export const recordsSchema = "pantler";

/** Schemas that a database may have without anything of its own in it. */
const bookkeeping = new Set([recordsSchema, "supabase_migrations"]);

/** Whether a database holds nothing of a project's yet, nor any users. */
export async function isEmpty(client: Client): Promise<boolean> {
  const own = (await dumpedSchemas(client)).filter((schema) => !bookkeeping.has(schema));
  const { rows } = await client.query(`${objectsInSchemas} limit 1`, [own]);
  if (rows.length > 0) return false;
  const ledger = await client.query<{ there: boolean }>(
    "select to_regclass('supabase_migrations.schema_migrations') is not null as there",
  );
  const isLedgerEmpty =
    !ledger.rows[0]?.there ||
    (await client.query("select from supabase_migrations.schema_migrations limit 1")).rows.length === 0;
  return isLedgerEmpty && (await hasNoUsers(client));
}

/** Whether Supabase's tables of users are empty; those that the role cannot read are not taken for it. */
async function hasNoUsers(client: Client): Promise<boolean> {
  for (const { schema, name } of authTables) {
    const { rows } = await client.query<{ readable: boolean }>(
      `select has_schema_privilege(relnamespace, 'usage') and has_table_privilege(pg_class.oid, 'select')
         and not row_security_active(pg_class.oid) as readable
       from pg_class join pg_namespace on pg_namespace.oid = relnamespace
       where nspname = $1 and relname = $2`,
      [schema, name],
    );
    const [table] = rows;
    if (!table) continue;
    if (!table.readable) return false;
    const found = await client.query(`select from ${quoteQualified(schema, name)} limit 1`);
    if (found.rows.length > 0) return false;
  }
  return true;
}

/**
 * Drops everything that a backup may hold, so that it can be made anew: all there is in the project's schemas, its
 * publications and event triggers, what it put on Supabase's tables, and default privileges, which would otherwise
 * give more rights to what is restored than it had. Extensions and what belongs to them stay.
 * @param client a session prepared with `prepareSession`
 * @param left schemas that are left alone
 * @throws the server's 42501 for something that the role may not drop
 */
export async function clearProject(client: Client, left: readonly string[] = []): Promise<void> {
  const { dumped: all, managed } = await readSchemas(client);
  const dumped = all.filter((schema) => !left.includes(schema));
  const elsewhere = managed.filter((schema) => !dumped.includes(schema));
  await dropAll(client, objectsElsewhere, [elsewhere, managedRoles]);
  const { rows } = await client.query<{ schema: string }>(schemasOfExtensions, [dumped]);
  const extended = new Set(rows.map(({ schema }) => schema));
  const kept = dumped.filter((schema) => schema === "public" || extended.has(schema));
  for (const schema of dumped) {
    if (!kept.includes(schema)) await client.query(`drop schema ${quoteIdentifier(schema)} cascade`);
  }
  await dropAll(client, objectsInSchemas, [kept]);
  await resetPrivileges(client, kept);
}

async function dropAll(client: Client, listed: string, values: unknown[]): Promise<void> {
  const { rows } = await client.query<{ type: string; identity: string }>(listed, values);
  for (const { type, identity } of rows) {
    // Both are the server's own words; what an earlier one took along is no longer there.
    await client.query(`drop ${type} if exists ${identity} cascade`);
  }
}

/** Brings privileges back to what the server gives by itself, which is what the text of a dump assumes. */
async function resetPrivileges(client: Client, schemas: readonly string[]): Promise<void> {
  const defaults = await client.query<{
    role: string;
    schema: string | null;
    objects: string;
    grantee: string;
  }>(defaultPrivileges, [schemas, managedRoles]);
  for (const { role, schema, objects, grantee } of defaults.rows) {
    const alter = `alter default privileges for role ${role}`;
    if (schema !== null) {
      await client.query(
        `${alter} in schema ${quoteIdentifier(schema)} revoke all on ${objects} from ${grantee}`,
      );
      continue;
    }
    if (grantee !== role) await client.query(`${alter} revoke all on ${objects} from ${grantee}`);
    await client.query(`${alter} grant all on ${objects} to ${role}`);
    if (objects === "functions" || objects === "types")
      await client.query(`${alter} grant all on ${objects} to public`);
  }
  const grants = await client.query<{ grantee: string }>(grantsOnPublic);
  if (grants.rows.length === 0) return;
  for (const { grantee } of grants.rows) await client.query(`revoke all on schema public from ${grantee}`);
  await client.query("grant usage on schema public to public");
}
