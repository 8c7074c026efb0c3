import type { QualifiedName } from "../../copy/index.js";
import { type Client, quoteQualified } from "../../postgres/index.js";

/** A table of the auth server's that holds something of single users. */
interface LoginTable extends QualifiedName {
  /** The type of its `user_id`. */
  readonly type: string;
  /** Whether the connection's role may delete from it; what it may not, goes with the user by its foreign key. */
  readonly mayDelete: boolean;
}

const loginTables = `
select
  n.nspname as schema,
  c.relname as name,
  format_type(a.atttypid, a.atttypmod) as type,
  has_table_privilege(c.oid, 'delete') as "mayDelete"
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
where n.nspname = 'auth'
  and c.relkind in ('r', 'p')
  and not c.relispartition
  and a.atttypid in ('uuid'::regtype, 'text'::regtype, 'varchar'::regtype)
  and has_table_privilege(c.oid, 'select')
order by 2
`;

/** What of a user the auth server keeps: sessions, tokens, second factors, ways to sign in. The user comes last. */
export async function countLogins(
  client: Client,
  user: string,
): Promise<{ readonly table: QualifiedName; readonly rows: number }[]> {
  const found: { table: QualifiedName; rows: number }[] = [];
  for (const { schema, name, type } of await readLoginTables(client)) {
    const { rows } = await client.query<{ count: number }>(
      `select count(*)::int as count from ${quoteQualified(schema, name)} where user_id = $1::${type}`,
      [user],
    );
    if (rows[0] && rows[0].count > 0) found.push({ table: { schema, name }, rows: rows[0].count });
  }
  const { rows } = await client.query("select from auth.users where id = $1::uuid", [user]);
  if (rows.length > 0) found.push({ table: { schema: "auth", name: "users" }, rows: rows.length });
  return found;
}

/**
 * Ends what the auth server keeps of a user. Some of it has no foreign key (`refresh_tokens`, `flow_state`), so that
 * deleting the user alone would leave it.
 */
export async function deleteLogins(client: Client, user: string): Promise<void> {
  for (const { schema, name, type, mayDelete } of await readLoginTables(client)) {
    if (!mayDelete) continue;
    await client.query(`delete from ${quoteQualified(schema, name)} where user_id = $1::${type}`, [user]);
  }
}

async function readLoginTables(client: Client): Promise<LoginTable[]> {
  return (await client.query<LoginTable>(loginTables)).rows;
}
