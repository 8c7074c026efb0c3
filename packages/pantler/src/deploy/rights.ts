import type { Target } from "../engine/index.js";
import { EnvironmentError } from "../operation/index.js";
import type { Client } from "../postgres/index.js";
import { readSchemas } from "../schema/index.js";

/** What a deployment itself writes to: the ledger, the control table and its own record. */
const ownRecords = `
select
  wanted.schema,
  namespace.oid is not null as exists,
  case
    when namespace.oid is null then has_database_privilege(current_database(), 'create')
    else has_schema_privilege(namespace.oid, 'usage') and has_schema_privilege(namespace.oid, 'create')
  end as allowed
from unnest(array['supabase_migrations', 'pantler']) as wanted (schema)
left join pg_catalog.pg_namespace as namespace on namespace.nspname = wanted.schema
`;

/** Those of the tables that are there already and that the role may not both read and write. */
const closedRecords = `
select oid::regclass::text as name
from pg_catalog.pg_class
where (relnamespace::regnamespace::text, relname) in (
    ('supabase_migrations', 'schema_migrations'),
    ('pantler', 'migration_control'),
    ('pantler', 'deployments')
  )
  and not (
    has_table_privilege(oid, 'select')
    and has_table_privilege(oid, 'insert')
    and has_table_privilege(oid, 'update')
    and has_table_privilege(oid, 'delete')
  )
order by 1
`;

/** Tables of the project whose owner the role cannot act as: it can neither alter nor drop them. */
const foreignTables = `
select oid::regclass::text as name, pg_get_userbyid(relowner) as owner
from pg_catalog.pg_class
where relkind in ('r', 'p')
  and relnamespace in (select oid from pg_catalog.pg_namespace where nspname = any ($1))
  and not pg_has_role(relowner, 'usage')
order by 1
`;

/**
 * Sees to it that the role may record a deployment.
 * @returns tables of the project that the role cannot alter, as sentences
 * @throws EnvironmentError `right-missing`
 */
export async function requireRights(client: Client, { url }: Target): Promise<string[]> {
  const { rows } = await client.query<{ schema: string; exists: boolean; allowed: boolean }>(ownRecords);
  const refused = rows.find(({ allowed }) => !allowed);
  if (refused) {
    const { schema, exists } = refused;
    throw new EnvironmentError({
      code: "right-missing",
      message: exists
        ? `The role ${url.user} may not make tables in the schema ${schema}, where deployments are recorded.`
        : `The role ${url.user} may not make the schema ${schema}, where deployments are recorded.`,
      state: "Nothing was done.",
      remedy: exists
        ? `Connect as the owner of the schema ${schema}, or have it grant usage and create to ${url.user}.`
        : `Connect as the owner of the database, or have it grant create on database to ${url.user}.`,
    });
  }
  const { rows: closed } = await client.query<{ name: string }>(closedRecords);
  const [first] = closed;
  if (first) {
    const names = closed.map(({ name }) => name).join(", ");
    throw new EnvironmentError({
      code: "right-missing",
      message: `The role ${url.user} may not write to ${names}, where deployments are recorded.`,
      state: "Nothing was done.",
      remedy: `Connect as the owner of ${first.name}, or have it grant select, insert, update and delete to ${url.user}.`,
    });
  }
  const { own } = await readSchemas(client);
  const { rows: foreign } = await client.query<{ name: string; owner: string }>(foreignTables, [own]);
  return foreign.map(({ name, owner }) => `${name} belongs to ${owner}, whom ${url.user} cannot act as`);
}
