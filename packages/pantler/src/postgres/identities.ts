import { EnvironmentError } from "../operation/index.js";
import type { Client } from "./connection.js";

/** Who a statement runs as. */
export type Identity =
  | { readonly kind: "deployer" }
  | { readonly kind: "anon" }
  | { readonly kind: "service_role" }
  | { readonly kind: "user"; readonly email: string }
  /** Whoever sends a token with these claims, a JSON object, to be served as that role. */
  | { readonly kind: "claims"; readonly role: string; readonly claims: string };

/**
 * Reads an identity as people write it: `deployer`, `anon`, `service_role`, `user <email>`.
 * @returns undefined when the words are none of these
 */
export function parseIdentity(words: string): Identity | undefined {
  if (words === "deployer" || words === "anon" || words === "service_role") return { kind: words };
  const [, email] = /^user\s+(\S+)$/.exec(words) ?? [];
  return email === undefined ? undefined : { kind: "user", email };
}

/** The claims a request of this user carries, as Supabase's auth server issues them. */
const claimsOfUser = `
select
  json_build_object(
    'sub', id,
    'role', coalesce(nullif(role, ''), 'authenticated'),
    'aud', coalesce(nullif(aud, ''), 'authenticated'),
    'email', email,
    'app_metadata', coalesce(raw_app_meta_data, '{}'),
    'user_metadata', coalesce(raw_user_meta_data, '{}'),
    'is_anonymous', coalesce(is_anonymous, false)
  )::text as claims,
  coalesce(nullif(role, ''), 'authenticated') as role
from auth.users
where lower(email) = lower($1)
`;

/**
 * Makes the rest of the transaction run as somebody, as PostgREST would: the role, and the request's claims.
 * Both end with the transaction or with the savepoint they were set in.
 * @throws EnvironmentError `user-unknown` when no user has that address
 * @throws the server's 42501 when the connection's role may not become that role
 */
export async function actAs(client: Client, identity: Identity): Promise<void> {
  await client.query("set local role none");
  const { role, claims } = await requestOf(client, identity);
  await client.query("select set_config('request.jwt.claims', $1, true), set_config('role', $2, true)", [
    claims,
    role,
  ]);
}

async function requestOf(client: Client, identity: Identity): Promise<{ role: string; claims: string }> {
  switch (identity.kind) {
    case "deployer":
      return { role: "none", claims: "" };
    case "anon":
    case "service_role":
      return { role: identity.kind, claims: JSON.stringify({ role: identity.kind }) };
    case "claims":
      return { role: identity.role, claims: identity.claims };
    case "user": {
      const { rows } = await client.query<{ claims: string; role: string }>(claimsOfUser, [identity.email]);
      if (rows[0]) return rows[0];
      throw new EnvironmentError({
        code: "user-unknown",
        message: `auth.users holds no user with the address ${identity.email}.`,
        state: "Nothing was changed.",
        remedy: "Create the user first, or name another.",
      });
    }
  }
}
