import {
  listFilledViews,
  listTables,
  type QualifiedName,
  readSequences,
  requireReadable,
  type SequenceState,
  type Table,
} from "../copy/index.js";
import { type Client, quoteQualified } from "../postgres/index.js";
import { dumpedSchemas } from "../schema/index.js";
import type { BackupKind } from "./archive/manifest.js";

/** Rows that belong to a project although their tables are Supabase's: its users, and how they sign in. */
export const authTables: readonly QualifiedName[] = [
  { schema: "auth", name: "users" },
  { schema: "auth", name: "identities" },
];

/** The tables that tell which migrations a schema was made by: they go with it even where no other row does. */
const ledgerTables: readonly QualifiedName[] = [
  { schema: "supabase_migrations", name: "schema_migrations" },
  { schema: "pantler", name: "migration_control" },
];

/** Tells of a restore that runs, and is nobody's data. */
export const markerTable: QualifiedName = { schema: "pantler", name: "restore_in_progress" };

/** What a backup takes of a database, besides the text of its schema. */
export interface Contents {
  readonly schemas: readonly string[];
  readonly tables: readonly Table[];
  readonly sequences: readonly SequenceState[];
  readonly views: readonly QualifiedName[];
}

/** Whether two names are the same. */
export function isSame(left: QualifiedName, right: QualifiedName): boolean {
  return left.schema === right.schema && left.name === right.name;
}

/**
 * Lists what a backup of a kind takes.
 * @param choose picks among all tables, for the kind `tables`
 * @throws EnvironmentError `right-missing` naming what the role cannot read in full
 */
export async function readContents(
  client: Client,
  kind: BackupKind,
  choose: (tables: readonly Table[]) => Table[],
): Promise<Contents> {
  const schemas = await dumpedSchemas(client);
  const all = await listTables(client, schemas, authTables);
  const present = all.filter((table) => !isSame(table, markerTable));
  const tables =
    kind === "schema"
      ? present.filter((table) => ledgerTables.some((ledger) => isSame(ledger, table)))
      : choose(present);
  requireReadable(tables);
  const withRows = kind === "full" || kind === "data";
  return {
    schemas,
    tables,
    sequences: withRows ? await readSequences(client, schemas) : [],
    views: withRows ? await listFilledViews(client, schemas) : [],
  };
}

/** Tables of Supabase's that may hold what somebody misses after a restore. */
const missedTables = `
select nspname as schema, relname as name, null as condition
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'r'
  and (nspname, relname) in (
    ('auth', 'mfa_factors'), ('auth', 'saml_providers'), ('auth', 'sso_providers'), ('auth', 'oauth_clients'),
    ('cron', 'job'), ('storage', 'buckets'), ('storage', 'objects'), ('vault', 'secrets')
  )
union
-- Tables of extensions whose rows are the user's (https://www.postgresql.org/docs/17/extend-extensions.html).
select nspname, relname, nullif(extcondition[place], '')
from pg_extension
cross join unnest(extconfig) with ordinality as config (relation, place)
join pg_class on pg_class.oid = config.relation
join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'r'
order by schema, name
`;

const foreignTables = `
select foreign_table.oid::regclass::text as name
from pg_class as foreign_table
join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'f' and nspname = any ($1)
order by 1
`;

/** Names what has content and is not part of a backup, in words. */
export async function readLeftOut(client: Client, schemas: readonly string[]): Promise<string[]> {
  const leftOut: string[] = [];
  const objects = await client.query<{ count: string }>("select count(*) from pg_largeobject_metadata");
  const count = Number(objects.rows[0]?.count);
  if (count > 0) leftOut.push(`${count} large object${count === 1 ? "" : "s"}`);
  const foreign = await client.query<{ name: string }>(foreignTables, [schemas]);
  for (const { name } of foreign.rows)
    leftOut.push(`the rows of the foreign table ${name}, which are elsewhere`);
  const missed = await client.query<QualifiedName & { condition: string | null }>(missedTables);
  for (const { schema, name, condition } of missed.rows) {
    const rows = await countIfAllowed(client, { schema, name }, condition ?? "");
    if (rows === undefined) leftOut.push(`${schema}.${name}, which the role may not read`);
    else if (rows > 0) leftOut.push(`${rows} row${rows === 1 ? "" : "s"} of ${schema}.${name}`);
  }
  return leftOut;
}

/** The name is looked up in the catalog: as a `regclass` it would take the right to the schema that is asked about. */
async function countIfAllowed(
  client: Client,
  { schema, name }: QualifiedName,
  condition: string,
): Promise<number | undefined> {
  const right = await client.query<{ allowed: boolean }>(
    `select has_schema_privilege(relnamespace, 'usage') and has_table_privilege(pg_class.oid, 'select')
       and not row_security_active(pg_class.oid) as allowed
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where nspname = $1 and relname = $2`,
    [schema, name],
  );
  if (!right.rows[0]?.allowed) return undefined;
  const { rows } = await client.query<{ count: string }>(
    `select count(*) from ${quoteQualified(schema, name)} ${condition}`,
  );
  return Number(rows[0]?.count);
}
