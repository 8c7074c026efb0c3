import { EnvironmentError, InputError, messageOf } from "../operation/index.js";
import type { Client, Identity } from "../postgres/index.js";
import type { AccessIdentityConfig, Project } from "../project/index.js";

/** Somebody whose access is measured. */
export interface AccessIdentity {
  /** `anon`, `service_role`, the role of a test user, or the name that the config gives. */
  readonly name: string;
  readonly identity: Identity;
  /** The id in `auth.users`, or the claim `sub`. */
  readonly userId: string | undefined;
  readonly email: string | undefined;
}

/** A user whom the project names and the environment does not have. */
export interface MissingUser {
  readonly name: string;
  readonly email: string;
}

export interface KnownIdentities {
  readonly identities: readonly AccessIdentity[];
  readonly missing: readonly MissingUser[];
}

/**
 * Lists whose access a project wants measured: `anon`, its test users, what its config names, `service_role`.
 * @throws InputError `identity-ambiguous` when two of them share a name
 */
export async function readIdentities(client: Client, project: Project): Promise<KnownIdentities> {
  const named = namedIdentities(project);
  const emails = named.flatMap((each) => ("email" in each ? [each.email.toLowerCase()] : []));
  const ids = await readUserIds(client, emails);
  const missing: MissingUser[] = [];
  const users = named.flatMap((each): AccessIdentity[] => {
    if (!("email" in each)) return [byClaims(each.name, each.role, each.claims ?? {})];
    const email = each.email.toLowerCase();
    const userId = ids.get(email);
    if (userId !== undefined) return [byUser(each.name, email, userId)];
    missing.push({ name: each.name, email });
    return [];
  });
  return { identities: [byRole("anon"), ...users, byRole("service_role")], missing };
}

/**
 * Finds an identity by what people write: a name of the project's, the address of a user, or the claims of a token as JSON.
 * @throws InputError `claims-invalid`, `identity-unknown`
 * @throws EnvironmentError `user-unknown`
 */
export async function identityNamed(
  client: Client,
  project: Project,
  words: string,
): Promise<AccessIdentity> {
  if (words === "anon" || words === "service_role") return byRole(words);
  if (words.trimStart().startsWith("{")) return byClaims("claims", undefined, parseClaims(words));
  const known = namedIdentities(project);
  const found = known.find(({ name }) => name === words);
  if (found && !("email" in found)) return byClaims(found.name, found.role, found.claims ?? {});
  const email = (found?.email ?? words.replace(/^user\s+/, "")).toLowerCase();
  if (!email.includes("@")) {
    throw new InputError({
      code: "identity-unknown",
      message: `This project knows nobody named ${words}.`,
      state: "Nothing was done.",
      remedy: `Name one of ${["anon", ...known.map(({ name }) => name), "service_role"].join(", ")}, the address of a user, or claims as JSON.`,
    });
  }
  const userId = (await readUserIds(client, [email])).get(email);
  if (userId !== undefined) return byUser(found?.name ?? email, email, userId);
  throw new EnvironmentError({
    code: "user-unknown",
    message: `auth.users holds no user with the address ${email}.`,
    state: "Nothing was done.",
    remedy: "Name another user, or make the project's test users: pantler user create-test",
  });
}

/** @throws InputError `identity-ambiguous` */
function namedIdentities({ users, access }: Project): readonly AccessIdentityConfig[] {
  const named = [...users.test.map(({ role, email }) => ({ name: role, email })), ...access.identities];
  const twice = named.find(({ name }, at) => named.findIndex((each) => each.name === name) !== at);
  if (!twice) return named;
  throw new InputError({
    code: "identity-ambiguous",
    message: `users.test and access.identities of the config both name ${twice.name}.`,
    state: "Nothing was done.",
    remedy: "Give the one in access.identities another name.",
  });
}

function byRole(kind: "anon" | "service_role"): AccessIdentity {
  return { name: kind, identity: { kind }, userId: undefined, email: undefined };
}

function byUser(name: string, email: string, userId: string): AccessIdentity {
  return { name, identity: { kind: "user", email }, userId, email };
}

/** @param role what the request is served as; without it the claim `role` says so, as for PostgREST */
function byClaims(name: string, role: string | undefined, claims: Record<string, unknown>): AccessIdentity {
  const { sub, email } = claims;
  const servedAs = role ?? (typeof claims.role === "string" ? claims.role : "authenticated");
  const text = JSON.stringify({ ...claims, role: servedAs });
  return {
    name,
    identity: { kind: "claims", role: servedAs, claims: text },
    userId: typeof sub === "string" ? sub : undefined,
    email: typeof email === "string" ? email : undefined,
  };
}

function parseClaims(words: string): Record<string, unknown> {
  try {
    return JSON.parse(words) as Record<string, unknown>;
  } catch (error) {
    throw new InputError({
      code: "claims-invalid",
      message: `The claims are not JSON: ${messageOf(error)}.`,
      state: "Nothing was done.",
      remedy: `Write them as a token holds them: '{"sub":"<id of a user>","role":"authenticated"}'`,
      cause: error,
    });
  }
}

/** The ids of users by their addresses in lower case; of two with one address (the other by single sign-on) the older. */
async function readUserIds(client: Client, emails: readonly string[]): Promise<Map<string, string>> {
  const { rows: there } = await client.query<{ there: boolean }>(
    "select to_regclass('auth.users') is not null as there",
  );
  if (emails.length === 0 || !there[0]?.there) return new Map();
  const { rows } = await client.query<{ id: string; email: string }>(
    "select id::text as id, lower(email) as email from auth.users where lower(email) = any ($1) order by created_at desc",
    [emails],
  );
  return new Map(rows.map(({ id, email }) => [email, id]));
}
