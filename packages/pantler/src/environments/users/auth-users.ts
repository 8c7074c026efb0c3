import { EnvironmentError } from "../../operation/index.js";
import { type Client, quoteQualified } from "../../postgres/index.js";
import type { TestUser } from "../../project/index.js";
import { uuidOfName } from "./uuid-v5.js";

/** A test user as the database has them. */
export interface CreatedUser extends TestUser {
  readonly id: string;
  /** What this run did. */
  readonly outcome: "created" | "new password" | "there already";
}

/** The functions of the extension pgcrypto, wherever it is installed. */
const cryptoSchema = `
select nspname as schema
from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
where extname = 'pgcrypto'
`;

/**
 * Makes test users that can sign in, as Supabase's auth server does: it reads the tokens as texts and fails on null, and it
 * asks for an identity. A user who is there keeps everything, save that a password which is not this one becomes it.
 * @param client in a transaction
 * @throws EnvironmentError `auth-missing`, `pgcrypto-missing`
 */
export async function createUsers(
  client: Client,
  users: readonly TestUser[],
  password: string,
): Promise<CreatedUser[]> {
  const crypt = await findCrypt(client);
  const created: CreatedUser[] = [];
  for (const user of users) created.push(await createUser(client, user, password, crypt));
  return created;
}

interface Crypt {
  readonly crypt: string;
  readonly salt: string;
}

async function findCrypt(client: Client): Promise<Crypt> {
  const { rows: auth } = await client.query<{ there: boolean }>(
    "select to_regclass('auth.users') is not null and to_regclass('auth.identities') is not null as there",
  );
  if (!auth[0]?.there) {
    throw new EnvironmentError({
      code: "auth-missing",
      message: "This database has no auth.users and auth.identities, so nobody can sign in to it.",
      state: "Nothing was done.",
      remedy: "Use a Supabase database, or the local one that pantler start brings up.",
    });
  }
  const { rows } = await client.query<{ schema: string }>(cryptoSchema);
  const [found] = rows;
  if (found) {
    return {
      crypt: quoteQualified(found.schema, "crypt"),
      salt: quoteQualified(found.schema, "gen_salt"),
    };
  }
  throw new EnvironmentError({
    code: "pgcrypto-missing",
    message: "The extension pgcrypto is not installed, which the passwords are hashed with.",
    state: "Nothing was done.",
    remedy: "create extension pgcrypto with schema extensions",
  });
}

async function createUser(
  client: Client,
  user: TestUser,
  password: string,
  { crypt, salt }: Crypt,
): Promise<CreatedUser> {
  const { rows: there } = await client.query<{ id: string; verifies: boolean | null }>(
    `select id, encrypted_password = ${crypt}($2, encrypted_password) as verifies
    from auth.users where lower(email) = $1 and not is_sso_user and deleted_at is null`,
    [user.email, password],
  );
  const [found] = there;
  const id = found?.id ?? uuidOfName(user.email);
  if (!found) {
    await client.query(
      `insert into auth.users (
        instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
        raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
        confirmation_token, recovery_token, email_change, email_change_token_new, email_change_token_current,
        phone_change, phone_change_token, reauthentication_token
      )
      values (
        '00000000-0000-0000-0000-000000000000', $1, 'authenticated', 'authenticated', $2,
        ${crypt}($3, ${salt}('bf')), now(), $4, $5, now(), now(), '', '', '', '', '', '', '', ''
      )`,
      [
        id,
        user.email,
        password,
        { provider: "email", providers: ["email"], ...user.appMetadata },
        { full_name: user.name, ...user.metadata },
      ],
    );
  } else if (!found.verifies) {
    await client.query(
      `update auth.users set encrypted_password = ${crypt}($2, ${salt}('bf')), updated_at = now() where id = $1`,
      [id, password],
    );
  }
  await client.query(
    `insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
    values (
      $1::uuid::text, $1::uuid,
      jsonb_build_object('sub', $1::text, 'email', $2::text, 'email_verified', true, 'phone_verified', false),
      'email', now(), now(), now()
    )
    on conflict do nothing`,
    [id, user.email],
  );
  return { ...user, id, outcome: !found ? "created" : found.verifies ? "there already" : "new password" };
}
