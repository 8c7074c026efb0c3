import { type QualifiedName, sqlName } from "../copy/index.js";
import { type Client, quoteIdentifier, sqlstateOf, sqlstates } from "../postgres/index.js";

const enabledTriggers = `
select tgname as name, tgenabled as enabled
from pg_trigger
where tgrelid = $1::regclass and not tgisinternal and tgenabled <> 'D'
`;

const enablings: Readonly<Record<string, string>> = { O: "enable", R: "enable replica", A: "enable always" };

/**
 * Runs work while the triggers of a table keep still, inside the transaction that is open; afterwards each is as it was.
 * @param onRefused told when the role may not silence them, in which case they fire
 */
export async function withoutTriggers<Result>(
  client: Client,
  table: QualifiedName,
  onRefused: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const { rows } = await client.query<{ name: string; enabled: string }>(enabledTriggers, [sqlName(table)]);
  if (rows.length === 0) return await work();
  await client.query("savepoint pantler_triggers");
  try {
    await client.query(
      `alter table ${sqlName(table)} disable trigger user; release savepoint pantler_triggers`,
    );
  } catch (error) {
    if (sqlstateOf(error) !== sqlstates.insufficientPrivilege) throw error;
    await client.query("rollback to savepoint pantler_triggers; release savepoint pantler_triggers");
    return await asReplica(client, onRefused, work);
  }
  const result = await work();
  for (const { name, enabled } of rows) {
    await client.query(
      `alter table ${sqlName(table)} ${enablings[enabled]} trigger ${quoteIdentifier(name)}`,
    );
  }
  return result;
}

/** A role that does not own the table may still be allowed to act as a replica, for which ordinary triggers do not fire. */
async function asReplica<Result>(
  client: Client,
  onRefused: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query("savepoint pantler_triggers");
  try {
    await client.query("set local session_replication_role = replica; release savepoint pantler_triggers");
  } catch (error) {
    if (sqlstateOf(error) !== sqlstates.insufficientPrivilege) throw error;
    await client.query("rollback to savepoint pantler_triggers; release savepoint pantler_triggers");
    onRefused();
    return await work();
  }
  const result = await work();
  await client.query("set local session_replication_role = origin");
  return result;
}
