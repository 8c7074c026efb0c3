import { listTables, sqlName, type Table } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";
import type { Project } from "../../project/index.js";
import { readSchemas } from "../../schema/index.js";
import { conditionOnUsers } from "../parity/which-users.js";

/** A table and how many rows it has. */
export interface CountedTable {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
}

/** Counts the rows of the project's tables. */
export async function countRows(client: Client): Promise<CountedTable[]> {
  const counted: CountedTable[] = [];
  for (const table of await projectTables(client)) {
    const { rows } = await client.query<{ count: string }>(`select count(*) from only ${sqlName(table)}`);
    counted.push({ schema: table.schema, name: table.name, rows: Number(rows[0]?.count) });
  }
  return counted;
}

/**
 * Takes all rows out of the project's tables, and the test users out of those of Supabase, in the transaction that is
 * open. Sequences start over. Other users stay, and so do the ledger and what Pantler records.
 */
export async function emptyProject(client: Client, project: Project): Promise<void> {
  const tables = await projectTables(client);
  // The partitioned ones too: keys that refer to other tables belong to them. In one statement, as all refer to each other.
  const names = new Set(tables.flatMap((table) => [table, ...(table.partOf ?? [])]).map(sqlName));
  if (names.size > 0) await client.query(`truncate ${[...names].join(", ")} restart identity`);
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass('auth.users') is not null as there",
  );
  if (!rows[0]?.there) return;
  await client.query(`delete from auth.users where ${conditionOnUsers(project, "test")}`);
}

async function projectTables(client: Client): Promise<Table[]> {
  return await listTables(client, (await readSchemas(client)).own);
}
