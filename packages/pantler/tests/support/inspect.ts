import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { listMigrations, readSchema, type SchemaObject } from "../../src/index.js";
import { compareSchemas, type SchemaDifference } from "../../src/schema/index.js";
import type { TestProject } from "./project.js";

/** Runs one statement on a connection of its own and returns its rows. */
export async function query(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** How each version stands. */
export async function states(project: Pick<TestProject, "target">): Promise<Record<string, string>> {
  const { migrations } = await listMigrations(project.target);
  return Object.fromEntries(migrations.map(({ version, state }) => [version, state]));
}

/** What the project's part of a database is made of. */
export async function schemaOf(url: string): Promise<SchemaObject[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await readSchema(client);
  } finally {
    await client.end();
  }
}

/** What has become different of the project's part of a database. */
export async function schemaChanges(
  before: readonly SchemaObject[],
  url: string,
): Promise<SchemaDifference[]> {
  return compareSchemas(before, await schemaOf(url));
}

/**
 * Waits until some session of the database runs a statement like this.
 * @param patience for how many looks, of which each takes some 25 milliseconds
 */
export async function waitForStatement(url: string, like: string, patience = 200): Promise<number> {
  for (let attempt = 0; attempt < patience; attempt += 1) {
    const [row] = await query(
      url,
      `select pid from pg_stat_activity
       where datname = current_database() and query like $1 and pid <> pg_backend_pid() and state = 'active'`,
      [like],
    );
    if (row) return Number(row.pid);
    await sleep(25);
  }
  throw new Error(`no session runs ${like}`);
}
