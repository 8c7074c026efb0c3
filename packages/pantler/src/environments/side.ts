import { randomBytes } from "node:crypto";
import type { Target } from "../engine/index.js";
import { RefusedError } from "../operation/index.js";
import type { Client } from "../postgres/index.js";

/** One of two environments that are compared, or of which one becomes like the other. */
export interface Side {
  readonly target: Target;
  /** The environment's. */
  readonly name: string;
  readonly client: Client;
  /** The server's. */
  readonly major: number;
}

/**
 * Refuses two addresses of one database. They are told by what they are, not by their text: the advisory locks of one
 * database are seen by all its sessions and by no others
 * (https://www.postgresql.org/docs/17/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS). A server's system identifier would not
 * do, since copies of a server's files share it.
 * @throws RefusedError `same-database`
 */
export async function refuseSameDatabase(left: Side, right: Side): Promise<void> {
  const key = randomBytes(8).readBigInt64BE().toString();
  await left.client.query("select pg_advisory_lock($1::bigint)", [key]);
  const { rows } = await right.client.query<{ granted: boolean }>(
    "select pg_try_advisory_lock($1::bigint) as granted",
    [key],
  );
  if (!rows[0]?.granted) {
    throw new RefusedError({
      code: "same-database",
      message: `${left.name} (${left.target.url}) and ${right.name} (${right.target.url}) are the same database.`,
      state: "Nothing was done.",
      remedy: `Name two that are different, or mend the address of one of them: ${left.target.environment.origin}, ${right.target.environment.origin}.`,
    });
  }
  const unlock = ({ client }: Side) => client.query("select pg_advisory_unlock($1::bigint)", [key]);
  await Promise.all([unlock(left), unlock(right)]);
}
