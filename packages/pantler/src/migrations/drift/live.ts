import type { Target } from "../../engine/index.js";
import { type Client, requireServer, withClient } from "../../postgres/index.js";
import {
  type Extension,
  managedRoles,
  type Role,
  readExtensions,
  readRoles,
  readSchema,
  readSchemas,
  type SchemaObject,
} from "../../schema/index.js";
import { type LedgerRow, readLedger } from "../ledger.js";

/** What has to be known of an environment to build beside it what its migrations make. */
export interface LiveDatabase {
  readonly objects: readonly SchemaObject[];
  readonly major: number;
  readonly ledger: readonly LedgerRow[];
  readonly roles: readonly Role[];
  readonly extensions: readonly Extension[];
  /** Whether Supabase has prepared it. */
  readonly supabase: boolean;
  /** Whether whatever is made in `public` is granted to the roles of the API by itself. */
  readonly exposesNewTables: boolean;
  readonly deployer: Deployer;
}

/** The role whose migrations these are: it owns the ledger, or is the one that asks. */
export interface Deployer {
  readonly name: string;
  readonly superuser: boolean;
  /** Where it looks for names; undefined where that is not known, as the setting is another role's. */
  readonly searchPath: string | undefined;
}

/** Facts from pg_class, pg_roles and pg_default_acl (https://www.postgresql.org/docs/17/catalogs.html). */
const deployerFacts = `
with owner as (
  select pg_get_userbyid(relowner) as name
  from pg_class
  join pg_namespace on pg_namespace.oid = relnamespace
  where nspname = 'supabase_migrations' and relname = 'schema_migrations'
    and pg_get_userbyid(relowner) <> all ($1)
)
select
  rolname as name,
  rolsuper as superuser,
  case when rolname = current_user then current_setting('search_path') end as "searchPath",
  exists (
    select from pg_default_acl
    cross join aclexplode(defaclacl)
    where defaclobjtype = 'r'
      and pg_get_userbyid(defaclrole) = 'postgres'
      and defaclnamespace = (select oid from pg_namespace where nspname = 'public')
      and pg_get_userbyid(grantee) = 'anon'
  ) as "exposesNewTables"
from pg_roles
where rolname = coalesce((select name from owner), current_user)
`;

interface DeployerRow {
  readonly name: string;
  readonly superuser: boolean;
  readonly searchPath: string | null;
  readonly exposesNewTables: boolean;
}

/**
 * Reads an environment in one moment, and changes nothing in it.
 * @throws EnvironmentError when it cannot be reached, is too old, or its ledger may not be read
 */
export async function readLive({ url }: Target): Promise<LiveDatabase> {
  return await withClient(url, async (client) => {
    const major = await requireServer(client, url);
    const ledger = await readLedger(client);
    await client.query("begin isolation level repeatable read read only");
    const deployer = await readDeployer(client);
    const live = {
      objects: await readSchema(client),
      major,
      ledger,
      roles: await readRoles(client),
      extensions: await readExtensions(client),
      supabase: (await readSchemas(client)).managed.includes("auth"),
      exposesNewTables: deployer.exposesNewTables,
      deployer: {
        name: deployer.name,
        superuser: deployer.superuser,
        searchPath: deployer.searchPath ?? undefined,
      },
    };
    await client.query("rollback");
    return live;
  });
}

async function readDeployer(client: Client): Promise<DeployerRow> {
  const { rows } = await client.query<DeployerRow>(deployerFacts, [managedRoles]);
  const [row] = rows;
  // Only a role that was dropped while its session went on is not among the roles.
  return row ?? { name: "postgres", superuser: false, searchPath: null, exposesNewTables: true };
}
