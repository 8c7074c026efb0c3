import pg from "pg";
import { DatabaseUrl } from "../../src/index.js";
import { actAs, type Client, connect } from "../../src/postgres/index.js";

/** Who sends a request. */
export interface Sender {
  readonly name: string;
  readonly role: "anon" | "authenticated" | "service_role";
  /** What the token says; empty for a request without one. */
  readonly claims: string;
}

/** Asks something within a request; a value that a request returned is no secret of another one's. */
export type Ask = (text: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>;

/** A way in which requests come to the database. */
export interface Way {
  /** Runs a request in a transaction of its own, as its sender; an error undoes it. */
  readonly request: <Result>(sender: Sender, work: (ask: Ask) => Promise<Result>) => Promise<Result>;
  readonly end: () => Promise<void>;
}

export const anon: Sender = { name: "anon", role: "anon", claims: "" };

/** A signed-in user, with the claims that Supabase's auth server issues. */
export function signedIn(name: string, id: string, metadata: Record<string, unknown> = {}): Sender {
  const claims = { sub: id, role: "authenticated", aud: "authenticated", app_metadata: metadata };
  return { name, role: "authenticated", claims: JSON.stringify(claims) };
}

/** Each sender has a connection of its own. */
export function directly(url: string): Way {
  const clients = new Map<string, Promise<Client>>();
  const clientOf = (name: string) => {
    const client = clients.get(name) ?? connect(DatabaseUrl.parse(url, "the test setup"));
    clients.set(name, client);
    return client;
  };
  return {
    request: async ({ name, role, claims }, work) => {
      const client = await clientOf(name);
      return await inTransaction(client, async () => {
        await actAs(client, { kind: "claims", role, claims });
        return await work(askOf(client));
      });
    },
    end: async () => {
      for (const client of clients.values()) await (await client).end();
    },
  };
}

/** All senders share a few connections of the role that PostgREST signs in as, which take role and claims by `set local`. */
export function pooled(url: string, size = 2): Way & { readonly pool: pg.Pool } {
  const authenticator = new URL(url);
  authenticator.username = "authenticator";
  authenticator.password = "postgres";
  const pool = new pg.Pool({ connectionString: authenticator.href, max: size });
  return {
    pool,
    request: async ({ role, claims }, work) => {
      const client = await pool.connect();
      try {
        return await inTransaction(client, async () => {
          await client.query(
            "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), set_config('search_path', 'public, extensions', true)",
            [role, claims],
          );
          return await work(askOf(client));
        });
      } finally {
        client.release();
      }
    },
    end: async () => await pool.end(),
  };
}

async function inTransaction<Result>(client: pg.ClientBase, work: () => Promise<Result>): Promise<Result> {
  await client.query("begin");
  try {
    const result = await work();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

function askOf(client: pg.ClientBase): Ask {
  return async (text, values = []) => (await client.query<Record<string, unknown>>(text, [...values])).rows;
}
