import { type Client, quoteIdentifier, quoteLiteral, quoteQualified } from "../../postgres/index.js";
import {
  dumpedSchemas,
  managedRoles,
  readSchemas,
  supabasesFunction,
  whereAllowed,
} from "../../schema/index.js";
import { authTables } from "../contents.js";

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
select case object.type when 'statistics object' then 'statistics' else object.type end as type, object.identity
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

/** Schemas that cannot go without an extension: those it made, was put into, or has members in. */
const schemasOfExtensions = `
with
  member as (
    select classid, objid from pg_depend where deptype = 'e'
  )
select nspname as schema
from pg_namespace
where nspname = any ($1)
  and pg_namespace.oid in (
    select extnamespace from pg_extension
    union all select objid from member where classid = 'pg_namespace'::regclass
    union all select relnamespace from member join pg_class on classid = 'pg_class'::regclass and oid = objid
    union all select pronamespace from member join pg_proc on classid = 'pg_proc'::regclass and oid = objid
    union all select typnamespace from member join pg_type on classid = 'pg_type'::regclass and oid = objid
  )
`;

/** What is in no schema of the project's and is the project's all the same. */
const objectsElsewhere = `
select 'event trigger' as type, quote_ident(evtname) as identity
from pg_event_trigger
where pg_get_userbyid(evtowner) <> all ($2)
  and not exists (select from pg_depend where classid = 'pg_event_trigger'::regclass and objid = oid and deptype = 'e')
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
join pg_class as class on class.oid = polrelid
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = any ($1)
  and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = polrelid and deptype = 'e')
union all
select 'trigger', quote_ident(tgname) || ' on ' || tgrelid::regclass
from pg_trigger
join pg_class as class on class.oid = tgrelid
join pg_namespace on pg_namespace.oid = relnamespace
join pg_proc as function on function.oid = tgfoid
where nspname = any ($1)
  and not tgisinternal
  and tgparentid = 0
  and not ${supabasesFunction("$1", "$2")}
`;

const publications = `
select 'publication' as type, quote_ident(pubname) as identity from pg_publication where pg_get_userbyid(pubowner) <> all ($1)
`;

/** The comment that a database's schema `public` has from its first day. */
const usualComment = "standard public schema";

/** Where Pantler keeps its own records, those of a restore that runs among them. */
export const recordsSchema = "pantler";

/** Schemas that a database may have without anything of its own in it. */
const bookkeeping = new Set([recordsSchema, "supabase_migrations"]);

/** Whether a database holds nothing of a project's yet, nor any users. */
export async function isEmpty(client: Client): Promise<boolean> {
  const own = (await dumpedSchemas(client)).filter((schema) => !bookkeeping.has(schema));
  const { rows } = await client.query(`${objectsInSchemas} limit 1`, [own]);
  if (rows.length > 0) return false;
  if ((await client.query(objectsElsewhere, await placesElsewhere(client))).rows.length > 0) return false;
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
 * publications and event triggers, and what it put on Supabase's tables. Extensions and what belongs to them stay, and
 * so do rights: the text of a dump begins with resetting them.
 * @param client a session prepared with `prepareSession`
 * @param left schemas that are left alone
 * @throws the server's 42501 for something that the role may not drop
 */
export async function clearProject(client: Client, left: readonly string[] = []): Promise<void> {
  const dumped = (await dumpedSchemas(client)).filter((schema) => !left.includes(schema));
  await dropAll(client, objectsElsewhere, await placesElsewhere(client));
  await dropAll(client, publications, [managedRoles]);
  const { rows } = await client.query<{ schema: string }>(schemasOfExtensions, [dumped]);
  const extended = new Set(rows.map(({ schema }) => schema));
  const kept = dumped.filter((schema) => schema === "public" || extended.has(schema));
  for (const schema of dumped) {
    if (!kept.includes(schema)) await client.query(`drop schema ${quoteIdentifier(schema)} cascade`);
  }
  await dropAll(client, objectsInSchemas, [kept]);
  await resetComment(client);
}

/** Schemas in which only what a project added is its own, and the roles whose things are not. */
async function placesElsewhere(client: Client): Promise<[string[], readonly string[]]> {
  const { dumped, managed } = await readSchemas(client);
  return [managed.filter((schema) => !dumped.includes(schema)), managedRoles];
}

async function dropAll(client: Client, listed: string, values: unknown[]): Promise<void> {
  const { rows } = await client.query<{ type: string; identity: string }>(listed, values);
  for (const { type, identity } of rows) {
    // Both are the server's own words; what an earlier one took along is no longer there.
    const drop = `drop ${type} if exists ${identity} cascade`;
    // One on a table of Supabase's that only its owner may drop goes with its function, or stays as it is.
    await client.query(type === "trigger" ? whereAllowed([drop]) : drop);
  }
}

/** A dump says nothing of the comment that every database has. */
async function resetComment(client: Client): Promise<void> {
  const { rows } = await client.query<{ commented: boolean }>(
    `select obj_description(oid, 'pg_namespace') is distinct from $1 as commented
     from pg_namespace where nspname = 'public' and pg_has_role(nspowner, 'usage')`,
    [usualComment],
  );
  if (rows[0]?.commented) await client.query(`comment on schema public is ${quoteLiteral(usualComment)}`);
}
