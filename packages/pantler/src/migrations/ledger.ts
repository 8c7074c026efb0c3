import pg from "pg";
import { EnvironmentError } from "../operation/index.js";
import { type Client, sqlstates } from "../postgres/index.js";

/** One row of the Supabase CLI's ledger. */
export interface LedgerRow {
  readonly version: string;
  readonly name: string | null;
  /** Null where an old CLI wrote the row. */
  readonly statements: readonly string[] | null;
}

/** The Supabase CLI's own table, column for column, so that the two can take turns. */
const ledgerTable = `
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text not null primary key,
  statements text[],
  name text
);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
`;

/** Whether the table is there with all its columns; asking takes no lock and no right that making it would. */
const ledgerIsThere = `
select count(*) = 3 as there
from pg_catalog.pg_attribute
where attrelid = to_regclass('supabase_migrations.schema_migrations')
  and attname in ('version', 'statements', 'name')
  and not attisdropped
`;

/** Makes the ledger if it is missing. */
export async function prepareLedger(client: Client): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(ledgerIsThere);
  if (rows[0]?.there) return;
  // Parts of it may be there, of which the server would say so each time.
  await client.query(`set client_min_messages = warning; ${ledgerTable}; reset client_min_messages`);
}

/**
 * Reads the applied versions in their order; none when the ledger does not exist yet.
 * @throws EnvironmentError `right-missing` when the role may not read it
 */
export async function readLedger(client: Client): Promise<LedgerRow[]> {
  try {
    const { rows } = await client.query<LedgerRow>(
      "select version, to_jsonb(ledger) ->> 'name' as name, to_jsonb(ledger) -> 'statements' as statements from supabase_migrations.schema_migrations as ledger order by version collate \"C\"",
    );
    return rows;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    if (error.code === sqlstates.undefinedTable) return [];
    if (error.code !== sqlstates.insufficientPrivilege) throw error;
    throw new EnvironmentError({
      code: "right-missing",
      message: `The role may not read the ledger: ${error.message}.`,
      state: "Nothing was done.",
      remedy: "Connect as the role that owns it, on Supabase postgres, or grant it usage and select.",
      sqlstate: error.code,
      cause: error,
    });
  }
}

/** Records versions as applied. */
export async function writeLedgerRows(
  client: Client,
  rows: readonly {
    readonly version: string;
    readonly name: string;
    readonly statements: readonly string[];
  }[],
): Promise<void> {
  await client.query(
    `insert into supabase_migrations.schema_migrations (version, name, statements)
    select
      version,
      name,
      array(select value from json_array_elements_text(statements) with ordinality order by ordinality)
    from json_to_recordset($1) as applied (version text, name text, statements json)
    on conflict (version) do update set name = excluded.name, statements = excluded.statements`,
    [JSON.stringify(rows)],
  );
}

/** Forgets versions. */
export async function deleteLedgerRows(client: Client, versions: readonly string[]): Promise<void> {
  await client.query("delete from supabase_migrations.schema_migrations where version = any ($1)", [
    versions,
  ]);
}
