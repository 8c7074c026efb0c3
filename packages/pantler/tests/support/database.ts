import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { DatabaseUrl } from "../../src/index.js";
import { sharedDesk, sharedTemplate } from "./shared-server.js";

/** A database of its own for one test, on the shared server, made from the Supabase-shaped template. */
export interface TestDatabase {
  /** Connected as `postgres`, the role that migrations run as, which is no superuser. */
  readonly client: pg.Client;
  /** Connected as the bootstrap superuser. */
  readonly admin: pg.Client;
  /** The address as `postgres`, with the password. */
  readonly url: string;
}

/** Runs a test with a database of its own, which is dropped afterwards. */
export async function withDatabase(test: (database: TestDatabase) => Promise<void>): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const superuser = DatabaseUrl.parse(inject("superuserUrl"), "the test setup");
    const { database } = DatabaseUrl.parse(url, "the test setup");
    const client = new pg.Client({ connectionString: url });
    const admin = new pg.Client({ connectionString: superuser.with({ database }).withPassword() });
    await client.connect();
    await admin.connect();
    try {
      await test({ client, admin, url });
    } finally {
      await client.end();
      await admin.end();
    }
  });
}

/**
 * The same without connections of the test's own.
 * @param template the database to copy; nobody may be connected to it
 */
export async function withDatabaseUrl(
  test: (url: string) => Promise<void>,
  template = sharedTemplate,
): Promise<void> {
  const superuser = DatabaseUrl.parse(inject("superuserUrl"), "the test setup");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await asSuperuser(superuser, `create database ${name} template ${template} owner postgres`);
  try {
    await test(superuser.with({ database: name, user: "postgres" }).withPassword());
  } finally {
    await asSuperuser(superuser, `drop database ${name} with (force)`);
  }
}

/** Runs a test with a role of its own, which is dropped when the databases are gone that the test makes. */
export async function withRole(
  test: (role: string) => Promise<void>,
  { name = `tester_${randomBytes(6).toString("hex")}`, options = "" } = {},
): Promise<void> {
  const superuser = DatabaseUrl.parse(inject("superuserUrl"), "the test setup");
  await asSuperuser(superuser, `create role ${pg.escapeIdentifier(name)} ${options}`);
  try {
    await test(name);
  } finally {
    await asSuperuser(superuser, `drop role ${pg.escapeIdentifier(name)}`);
  }
}

async function asSuperuser(superuser: DatabaseUrl, statement: string): Promise<void> {
  const client = new pg.Client({
    connectionString: superuser.with({ database: sharedDesk }).withPassword(),
  });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
