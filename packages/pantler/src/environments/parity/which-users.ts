import { quoteLiteral } from "../../postgres/index.js";
import type { Project } from "../../project/index.js";

/** Whose users: everybody's, those that belong to nobody (of the domain for tests, or of the seed files), or none. */
export type WhichUsers = "all" | "test" | "none";

/**
 * The condition, for SQL on `auth.users`, that holds for the users that are meant.
 * @returns undefined where all are
 */
export function conditionOnUsers({ users }: Project, which: WhichUsers): string | undefined {
  if (which === "all") return undefined;
  if (which === "none") return "false";
  const addresses = [...users.seeded, ...users.test.map(({ email }) => email)];
  const isNamed =
    addresses.length > 0 ? ` or lower(email) in (${addresses.map(quoteLiteral).join(", ")})` : "";
  return `lower(split_part(email, '@', 2)) = ${quoteLiteral(users.testDomain)}${isNamed}`;
}

/** The same on `auth.identities`. */
export function conditionOnIdentities(onUsers: string | undefined): string | undefined {
  return onUsers && `user_id in (select id from auth.users where ${onUsers})`;
}

/** Those users in words, such as `test users (@test.local)`. */
export function usersInWords({ users }: Project, which: WhichUsers): string {
  return which === "test" ? `test users (@${users.testDomain})` : `${which} users`;
}
