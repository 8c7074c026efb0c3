import type { Target } from "../../engine/index.js";
import type { Operation } from "../../operation/index.js";
import { type Client, cancelOnAbort, withClient } from "../../postgres/index.js";
import type { Project } from "../../project/index.js";
import { countByUser, type Found, type NamingRows, readFiles, withoutSuperseded } from "./count-by-user.js";
import { requireUsers } from "./known-users.js";
import { readNamedColumns } from "./named-columns.js";
import type { KnownUser } from "./request.js";
import { requireRights } from "./rights.js";

/** A user, and where rows name them. */
export interface ListedUser extends KnownUser {
  /** The role of a test user, else the one in `app_metadata`. */
  readonly role: string | undefined;
  /** ISO 8601 in UTC without its zone, as the others. */
  readonly createdAt: string | undefined;
  readonly lastSignInAt: string | undefined;
  /** In the future for somebody who is banned. */
  readonly bannedUntil: string | undefined;
  readonly deletedAt: string | undefined;
  readonly owns: readonly NamingRows[];
  /** The first names of files in the storage, with their buckets. */
  readonly files: readonly string[];
}

export interface UserList {
  /** By address. */
  readonly users: readonly ListedUser[];
  /** Rows that name somebody who is not there: only where no foreign key keeps them from it. */
  readonly strangers: readonly (NamingRows & { readonly id: string })[];
}

/**
 * Lists the users of an environment and how many rows name each by which column: by every foreign key to `auth.users` or to
 * a table that stands for users, by the columns that the config declares, and as owners of files. Reads only; each column takes
 * one scan.
 * @param signal interrupts the work
 * @throws EnvironmentError `auth-missing`, `right-missing`, and where the environment cannot be used
 */
export async function listUsers(
  target: Target,
  operation: Operation,
  signal?: AbortSignal,
): Promise<UserList> {
  return await withClient(target.url, async (client) => {
    const stopListening = await cancelOnAbort(client, target.url, signal);
    try {
      await client.query("begin isolation level repeatable read read only; set local statement_timeout = 0");
      await requireUsers(client);
      const columns = withoutSuperseded(await readNamedColumns(client, target.project));
      await requireRights(client, target.url, [
        { schema: "auth", name: "users", right: "select" },
        ...columns.map(({ table, column }) => ({ ...table, column, right: "select" }) as const),
      ]);
      const found = await operation.step("count the rows of each user", (step) =>
        countByUser(client, columns, step),
      );
      return await putTogether(client, target.project, found, await readFiles(client, columns));
    } finally {
      stopListening();
    }
  });
}

interface UserRow extends KnownUser {
  readonly appRole: string | null;
  readonly createdAt: string | null;
  readonly lastSignInAt: string | null;
  readonly bannedUntil: string | null;
  readonly deletedAt: string | null;
}

/** As texts: somebody may be banned until infinity. */
const allUsers = `
select
  id::text as id,
  email,
  raw_app_meta_data ->> 'role' as "appRole",
  to_json(created_at at time zone 'UTC') #>> '{}' as "createdAt",
  to_json(last_sign_in_at at time zone 'UTC') #>> '{}' as "lastSignInAt",
  to_json(banned_until at time zone 'UTC') #>> '{}' as "bannedUntil",
  to_json(deleted_at at time zone 'UTC') #>> '{}' as "deletedAt"
from auth.users
order by email, id
`;

async function putTogether(
  client: Client,
  { users: { test } }: Project,
  found: readonly Found[],
  files: ReadonlyMap<string, readonly string[]>,
): Promise<UserList> {
  const { rows } = await client.query<UserRow>(allUsers);
  const owned = new Map<string, NamingRows[]>();
  for (const { id, ...naming } of found) {
    const ofUser = owned.get(id) ?? [];
    ofUser.push(naming);
    owned.set(id, ofUser);
  }
  const known = new Set(rows.map(({ id }) => id));
  const users = rows.map(
    ({ id, email, appRole, ...times }): ListedUser => ({
      id,
      email,
      role: test.find((user) => user.email === email?.toLowerCase())?.role ?? appRole ?? undefined,
      createdAt: times.createdAt ?? undefined,
      lastSignInAt: times.lastSignInAt ?? undefined,
      bannedUntil: times.bannedUntil ?? undefined,
      deletedAt: times.deletedAt ?? undefined,
      owns: owned.get(id) ?? [],
      files: files.get(id) ?? [],
    }),
  );
  return { users, strangers: found.filter(({ id }) => !known.has(id)) };
}
