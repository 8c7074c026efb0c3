import pg from "pg";
import { listMigrations, readSchema, type SchemaObject } from "../../src/index.js";
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
