import type { Client } from "../postgres/index.js";

/**
 * Names of schemas whose content belongs to Supabase, to an extension or to Pantler, not to the project
 * (https://supabase.com/docs/guides/database/connecting-to-postgres lists Supabase's own).
 */
export const managedSchemas: readonly string[] = [
  "_analytics",
  "_realtime",
  "_supavisor",
  "auth",
  "cron",
  "extensions",
  "graphql",
  "graphql_public",
  "information_schema",
  "net",
  "pantler",
  "pgbouncer",
  "pgsodium",
  "pgsodium_masks",
  "realtime",
  "storage",
  "supabase_functions",
  "supabase_migrations",
  "vault",
];

/** Of these the name is enough; any other is the project's where no role of Supabase's and no extension owns it. */
const alwaysManaged = ["extensions", "pantler", "supabase_migrations"];

/** Not what the project is made of, but how it came about: a backup takes them along. */
const recorded = ["pantler", "supabase_migrations"];

/** Roles that Supabase itself works as. What they own, no project made. */
export const managedRoles: readonly string[] = [
  "authenticator",
  "dashboard_user",
  "pgbouncer",
  "supabase_admin",
  "supabase_auth_admin",
  "supabase_etl_admin",
  "supabase_functions_admin",
  "supabase_privileged_role",
  "supabase_read_only_user",
  "supabase_realtime_admin",
  "supabase_replication_admin",
  "supabase_storage_admin",
  "supabase_superuser",
];

/** Roles that every Supabase database has. */
export const supabaseRoles: readonly string[] = [
  ...managedRoles,
  "anon",
  "authenticated",
  "postgres",
  "service_role",
];

const schemasOf = `
select
  nspname as name,
  nspname = any ($1) and (
    nspname = any ($2)
    or pg_get_userbyid(nspowner) = any ($3)
    or exists (
      select from pg_depend where classid = 'pg_namespace'::regclass and objid = pg_namespace.oid and deptype = 'e'
    )
  ) as managed
from pg_namespace
where nspname !~ '^pg_' and nspname <> 'information_schema'
order by nspname
`;

/** The schemas of a database, without the server's own. */
export interface Schemas {
  /** Of Supabase, an extension or Pantler: no part of what the project is made of. */
  readonly managed: readonly string[];
  /** The project's own. */
  readonly own: readonly string[];
  /** What a backup takes: the project's own, and those that record how it came about. */
  readonly dumped: readonly string[];
}

/**
 * Tells which schemas of a database are the project's. This is decided here for the fingerprint, for dumps and for
 * rows alike. A database that never was Supabase's may have an `auth` or a `storage` of its own, which is its project's.
 */
export async function readSchemas(client: Client): Promise<Schemas> {
  const { rows } = await client.query<{ name: string; managed: boolean }>(schemasOf, [
    managedSchemas,
    alwaysManaged,
    managedRoles,
  ]);
  return {
    managed: rows.filter(({ managed }) => managed).map(({ name }) => name),
    own: rows.filter(({ managed }) => !managed).map(({ name }) => name),
    dumped: rows.filter(({ name, managed }) => !managed || recorded.includes(name)).map(({ name }) => name),
  };
}

/** Names the schemas whose structure and rows a backup takes. */
export async function dumpedSchemas(client: Client): Promise<readonly string[]> {
  return (await readSchemas(client)).dumped;
}
