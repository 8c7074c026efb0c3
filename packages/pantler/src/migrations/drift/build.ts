import { randomBytes } from "node:crypto";
import { type ScratchServer, withdrawDefaultGrants } from "../../engine/index.js";
import { stopWhenAborted } from "../../operation/index.js";
import { type Client, cancelOnAbort, loadParser, quoteIdentifier, withClient } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import { readSchema, renderRoles, type SchemaObject } from "../../schema/index.js";
import { buildMigration, type Obstacle } from "./build-migration.js";
import type { LiveDatabase } from "./live.js";

/** A database on a scratch server that migrations are built in. */
export interface Build {
  readonly client: Client;
  readonly url: DatabaseUrl;
  /** Runs the statements of a migration; see `buildMigration`. */
  readonly apply: (statements: readonly string[]) => Promise<Obstacle[]>;
  /** What it is made of by now. */
  readonly read: () => Promise<SchemaObject[]>;
}

/** What an interrupted comparison leaves. */
export const untouched = "The environment was only read.";

/**
 * Makes the deployer known on a scratch server, with the powers it has in the environment.
 * @returns the server's address as that role
 */
export async function prepareServer(
  { url, superuserUrl }: ScratchServer,
  { deployer: { name, superuser }, roles }: LiveDatabase,
): Promise<DatabaseUrl> {
  if (name === url.user && !superuser) return url;
  if (name === superuserUrl.user) return superuserUrl;
  return await withClient(superuserUrl.with({ database: "template1" }), async (admin) => {
    const role = quoteIdentifier(name);
    const password = randomBytes(12).toString("hex");
    if (name !== url.user) {
      await admin.query(renderRoles(roles));
      const { rows } = await admin.query("select from pg_roles where rolname = $1", [name]);
      if (rows.length === 0) await admin.query(`create role ${role}`);
      await admin.query(`alter role ${role} login password '${password}'`);
    }
    if (superuser) await admin.query(`alter role ${role} superuser`);
    return name === url.user ? url : url.with({ user: name, password });
  });
}

/**
 * Runs work with a new database like the environment's when it was empty: as Supabase prepares it, or plain.
 * @param deployerUrl what `prepareServer` returned
 */
export async function withBuild<Result>(
  { url, superuserUrl }: ScratchServer,
  deployerUrl: DatabaseUrl,
  live: LiveDatabase,
  signal: AbortSignal | undefined,
  work: (build: Build) => Promise<Result>,
): Promise<Result> {
  const database = `build_${randomBytes(6).toString("hex")}`;
  await loadParser();
  return await withClient(superuserUrl.with({ database: "template1" }), async (admin) => {
    const template = live.supabase ? url.database : "template0";
    await admin.query(
      `create database ${quoteIdentifier(database)} template ${quoteIdentifier(template)} owner ${quoteIdentifier(deployerUrl.user)}`,
    );
    if (live.supabase && withdrewDefaultGrants(live)) {
      await withdrawDefaultGrants(superuserUrl.with({ database }));
    }
    const buildUrl = deployerUrl.with({ database });
    return await withClient(buildUrl, async (client) => {
      const stopListening = await cancelOnAbort(client, buildUrl, signal);
      const { name: role, superuser, searchPath } = live.deployer;
      const builder = { client, admin, role, superuser, roles: live.roles, signal };
      try {
        return await work({
          client,
          url: buildUrl,
          apply: async (statements) => {
            stopWhenAborted(signal, untouched);
            await resetSession(client, searchPath);
            return await buildMigration(builder, statements);
          },
          read: async () => {
            await client.query("reset role; reset all");
            return await readSchema(client);
          },
        });
      } catch (error) {
        stopWhenAborted(signal, untouched, error);
        throw error;
      } finally {
        stopListening();
      }
    });
  });
}

/** A project may have been made without the rights that Supabase gives by itself, or its migrations may take them back. */
function withdrewDefaultGrants({ exposesNewTables, ledger }: LiveDatabase): boolean {
  if (exposesNewTables) return false;
  return !ledger.some(({ statements }) =>
    statements?.some((text) => text.toLowerCase().includes("default privileges")),
  );
}

async function resetSession(client: Client, searchPath: string | undefined): Promise<void> {
  await client.query("reset role; reset all");
  if (searchPath !== undefined)
    await client.query("select set_config('search_path', $1, false)", [searchPath]);
}
