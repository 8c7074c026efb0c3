import { EnvironmentError, InputError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import type { Project } from "../../project/index.js";
import { type KnownUser, nameOf } from "./request.js";

/**
 * Sees to it that there is an `auth.users`.
 * @throws EnvironmentError `auth-missing`
 */
export async function requireUsers(client: Client): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass('auth.users') is not null as there",
  );
  if (rows[0]?.there) return;
  throw new EnvironmentError({
    code: "auth-missing",
    message: "This database has no auth.users, so nobody owns anything in it.",
    state: "Nothing was done.",
    remedy: "Use a Supabase database, or the local one that pantler start brings up.",
  });
}

/**
 * Finds the two that a handover is between.
 * @param from an address in any case, an id, or the role of a test user
 * @param to the same
 * @throws EnvironmentError `user-unknown`
 * @throws InputError `user-ambiguous`, `same-user`, `user-deleted` for a successor who is deleted
 */
export async function findPair(
  client: Client,
  project: Project,
  from: string,
  to: string,
): Promise<readonly [from: KnownUser, to: FoundUser]> {
  const giver = await userNamed(client, project, from);
  const taker = await userNamed(client, project, to);
  if (giver.id === taker.id) {
    throw new InputError({
      code: "same-user",
      message: `${from} and ${to} are the same user, ${nameOf(giver)}.`,
      state: "Nothing was done.",
      remedy: "Name two different users; pantler user list shows them.",
    });
  }
  if (taker.deleted) {
    throw new InputError({
      code: "user-deleted",
      message: `${nameOf(taker)} was deleted and cannot take over rows.`,
      state: "Nothing was done.",
      remedy: "Name somebody who is there; pantler user list shows them.",
    });
  }
  return [{ id: giver.id, email: giver.email }, taker];
}

export interface FoundUser extends KnownUser {
  readonly deleted: boolean;
  readonly banned: boolean;
}

/** Two users have one address where one of them signs in by way of a company. */
const byWords = `
select
  id::text as id,
  email,
  deleted_at is not null as deleted,
  coalesce(banned_until > now(), false) as banned
from auth.users
where lower(email) = lower($1) or id::text = lower($1)
order by id
`;

async function userNamed(client: Client, { users }: Project, words: string): Promise<FoundUser> {
  const address = users.test.find(({ role }) => role === words)?.email ?? words;
  const { rows } = await client.query<FoundUser>(byWords, [address]);
  const [found, another] = rows;
  if (another) {
    throw new InputError({
      code: "user-ambiguous",
      message: `${rows.length} users have the address ${words}.`,
      detail: rows.map(({ id }) => id).join("\n"),
      state: "Nothing was done.",
      remedy: "Name the one that is meant by its id.",
    });
  }
  if (found) return found;
  throw new EnvironmentError({
    code: "user-unknown",
    message: `auth.users holds no user with the address or the id ${words}.`,
    state: "Nothing was done.",
    remedy: "Name another; pantler user list shows them.",
  });
}
