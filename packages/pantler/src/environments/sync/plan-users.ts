import { RefusedError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { conditionOnUsers, type WhichUsers } from "../parity/which-users.js";
import type { Side } from "../side.js";
import type { PlannedUsers, SyncedUser } from "./request.js";

export interface FoundUser extends SyncedUser {
  readonly phone: string | null;
}

/** Reads the users of an environment that are meant. */
export async function readUsers({ client, target }: Side, which: WhichUsers): Promise<FoundUser[]> {
  const condition = conditionOnUsers(target.project, which);
  const { rows } = await client.query<FoundUser>(
    `select id::text as id, email, phone from auth.users ${condition ? `where ${condition}` : ""} order by email, id`,
  );
  return rows;
}

/** Tells which of some users an environment has. */
export async function readPresent(client: Client, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ id: string }>(
    "select id::text as id from auth.users where id = any ($1::uuid[])",
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
}

/**
 * Says what becomes of users.
 * @param wanted those of the source that are taken along
 * @throws RefusedError `address-taken` where the target knows one of their addresses or numbers under another id
 */
export async function planUsers(
  from: Side,
  to: Side,
  wanted: readonly FoundUser[],
  which: WhichUsers,
): Promise<PlannedUsers> {
  await refuseTaken(from, to, wanted);
  const ids = wanted.map(({ id }) => id);
  const present = await readPresent(to.client, ids);
  const ofTarget = await readUsers(to, which);
  return {
    which,
    added: wanted.filter(({ id }) => !present.has(id)).map(named),
    replaced: wanted.filter(({ id }) => present.has(id)).map(named),
    kept: ofTarget.filter(({ id }) => !ids.includes(id)).map(named),
  };
}

function named({ id, email }: FoundUser): SyncedUser {
  return { id, email };
}

/** Supabase keeps addresses unique among those who do not sign in by way of a company, and numbers among all. */
const taken = `
select coalesce(wanted.email, wanted.phone) as what, wanted.id as there, present.id::text as here
from unnest($1::text[], $2::text[], $3::text[]) as wanted (id, email, phone)
join auth.users as present
  on lower(present.email) = lower(wanted.email) and not present.is_sso_user
  or present.phone = nullif(wanted.phone, '')
where not present.id::text = any ($1)
order by 1
`;

async function refuseTaken(from: Side, to: Side, wanted: readonly FoundUser[]): Promise<void> {
  const { rows } = await to.client.query<{ what: string; here: string; there: string }>(taken, [
    wanted.map(({ id }) => id),
    wanted.map(({ email }) => email),
    wanted.map(({ phone }) => phone),
  ]);
  if (rows.length === 0) return;
  throw new RefusedError({
    code: "address-taken",
    message: `${rows.length === 1 ? "A user is" : `${rows.length} users are`} in both environments under different ids, by which rows refer to them.`,
    detail: rows
      .map(({ what, here, there }) => `${what}: ${there} in ${from.name}, ${here} in ${to.name}`)
      .join("\n"),
    state: "Nothing was done.",
    remedy: `Delete or rename what ${to.name} has under that address (pantler user create-test gives the same id everywhere), or take no users along: --users none`,
  });
}
