import { randomBytes } from "node:crypto";
import type { ScratchServer, Target } from "../engine/index.js";
import { quoteIdentifier, quoteLiteral, withClient } from "../postgres/index.js";

/**
 * A copy that a drill restored, as the environment it is one of. It is not protected.
 * @param role the role to reach it by, as the environment is reached; it gets a password of its own there
 */
export async function targetOfCopy(
  { project, environment }: Target,
  { superuserUrl }: ScratchServer,
  role: string,
): Promise<Target> {
  const password = randomBytes(16).toString("hex");
  const name = quoteIdentifier(role);
  await withClient(superuserUrl, async (client) => {
    const { rows } = await client.query("select from pg_catalog.pg_roles where rolname = $1", [role]);
    if (rows.length === 0) await client.query(`create role ${name}`);
    await client.query(`alter role ${name} login password ${quoteLiteral(password)}`);
  });
  const url = superuserUrl.with({ database: "postgres", user: role, password });
  return { project, environment: { ...environment, protected: false, url, window: undefined }, url };
}
