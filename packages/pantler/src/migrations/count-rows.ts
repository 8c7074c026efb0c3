import { type Client, isConnectionLoss, quoteQualified } from "../postgres/index.js";
import { managedSchemas } from "../schema/index.js";

/** Beyond these a count costs more than it tells during a migration. */
const limits = { tables: 60, bytes: 64 * 1024 * 1024 };

const tablesToCount = `
select
  namespace.nspname as schema,
  class.relname as name,
  pg_catalog.pg_table_size(class.oid) as bytes,
  pg_catalog.has_schema_privilege(namespace.oid, 'usage')
    and pg_catalog.has_table_privilege(class.oid, 'select')
    and not pg_catalog.row_security_active(class.oid) as countable
from pg_catalog.pg_class as class
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
where class.relkind = 'r'
  and class.relpersistence <> 't'
  and namespace.nspname <> all ($1)
  and namespace.nspname !~ '^pg_'
limit ${limits.tables + 1}
`;

/**
 * Counts the rows of the project's tables, inside the transaction that is open and leaving no lock behind.
 * @returns null when there are too many tables or bytes, the role does not see every row, or a table is locked
 * @throws the connection's error when it is lost
 */
export async function countRows(client: Client): Promise<number | null> {
  await client.query("savepoint pantler_count; set local lock_timeout = '100ms'");
  try {
    return await countAll(client);
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    return null;
  } finally {
    await client.query("rollback to savepoint pantler_count; release savepoint pantler_count");
  }
}

async function countAll(client: Client): Promise<number | null> {
  const { rows: tables } = await client.query<{
    schema: string;
    name: string;
    bytes: string;
    countable: boolean;
  }>(tablesToCount, [managedSchemas]);
  const bytes = tables.reduce((sum, table) => sum + Number(table.bytes), 0);
  if (tables.length > limits.tables || bytes > limits.bytes || tables.some((table) => !table.countable))
    return null;
  if (tables.length === 0) return 0;
  const counts = tables.map((table) => `(select count(*) from ${quoteQualified(table.schema, table.name)})`);
  const { rows } = await client.query<{ count: string }>(`select ${counts.join(" + ")} as count`);
  return Number(rows[0]?.count);
}
