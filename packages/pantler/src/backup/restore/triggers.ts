import { type QualifiedName, sqlName } from "../../copy/index.js";
import { EnvironmentError } from "../../operation/index.js";
import { type Client, quoteIdentifier, sqlstateOf, sqlstates } from "../../postgres/index.js";

/** Triggers and rules of a table that are on, and the words that bring each back to its state. */
const watching = `
select 'trigger' as kind, tgname as name, tgenabled as enabled
from pg_trigger
where tgrelid = $1::regclass and not tgisinternal and tgenabled <> 'D'
union all
select 'rule', rulename, ev_enabled
from pg_rewrite
where ev_class = $1::regclass and rulename <> '_RETURN' and ev_enabled <> 'D'
`;

const enablings: Readonly<Record<string, string>> = { O: "enable", R: "enable replica", A: "enable always" };

interface Watching {
  readonly kind: "trigger" | "rule";
  readonly name: string;
  readonly enabled: string;
}

/**
 * Runs work while the triggers and rules of tables keep still, inside the transaction that is open; afterwards each is
 * as it was.
 * @throws EnvironmentError `right-missing` when the role can silence some neither as their owner nor as a replica
 */
export async function withoutTriggers<Result>(
  client: Client,
  tables: readonly QualifiedName[],
  work: () => Promise<Result>,
): Promise<Result> {
  const silenced: (Watching & { readonly table: string })[] = [];
  const refused: QualifiedName[] = [];
  for (const each of tables) {
    const table = sqlName(each);
    const { rows } = await client.query<Watching>(watching, [table]);
    const changes = rows.map(({ kind, name }) => `disable ${kind} ${quoteIdentifier(name)}`);
    if (changes.length === 0) continue;
    if (await isAllowed(client, `alter table ${table} ${changes.join(", ")}`)) {
      silenced.push(...rows.map((row) => ({ ...row, table })));
    } else refused.push(each);
  }
  const result = refused.length === 0 ? await work() : await asReplica(client, refused, work);
  for (const { table, kind, name, enabled } of silenced) {
    await client.query(`alter table ${table} ${enablings[enabled]} ${kind} ${quoteIdentifier(name)}`);
  }
  return result;
}

/** A role that does not own the table may still be allowed to act as a replica, for which ordinary triggers do not fire. */
async function asReplica<Result>(
  client: Client,
  tables: readonly QualifiedName[],
  work: () => Promise<Result>,
): Promise<Result> {
  if (!(await isAllowed(client, "set local session_replication_role = replica"))) throw notSilenced(tables);
  const result = await work();
  await client.query("set local session_replication_role = origin");
  return result;
}

/**
 * Runs work as no replica: for one, deleting a row does not take along what refers to it. Ordinary triggers fire then.
 */
export async function asOrigin<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
  const { rows } = await client.query<{ role: string }>(
    "select current_setting('session_replication_role') as role",
  );
  if (rows[0]?.role !== "replica") return await work();
  await client.query("set local session_replication_role = origin");
  const result = await work();
  await client.query("set local session_replication_role = replica");
  return result;
}

/** Runs a statement, and takes it back when the role may not do that. */
async function isAllowed(client: Client, statement: string): Promise<boolean> {
  await client.query("savepoint pantler_triggers");
  try {
    await client.query(`${statement}; release savepoint pantler_triggers`);
    return true;
  } catch (error) {
    if (sqlstateOf(error) !== sqlstates.insufficientPrivilege) throw error;
    await client.query("rollback to savepoint pantler_triggers; release savepoint pantler_triggers");
    return false;
  }
}

/** Triggers that ran would change the rows, or do who knows what elsewhere. */
function notSilenced(tables: readonly QualifiedName[]): EnvironmentError {
  const names = tables.map(sqlName).join(", ");
  return new EnvironmentError({
    code: "right-missing",
    message: `The role may not silence the triggers and rules of ${names}: it is not their owner.`,
    state: "Nothing was changed.",
    remedy:
      "Connect as the owner (on Supabase: postgres), or as a role that may set session_replication_role.",
  });
}
