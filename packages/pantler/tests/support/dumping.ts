import { withClient } from "../../src/postgres/index.js";
import { DatabaseUrl } from "../../src/project/index.js";
import { type DumpEntry, type DumpRequest, dumpSchema, type SchemaDump } from "../../src/schema/index.js";

/** Dumps the schema of a database. */
export async function dumpOf(url: string, request: DumpRequest = {}): Promise<SchemaDump> {
  return await dumpSchema(DatabaseUrl.parse(url, "the test"), request);
}

/** Runs entries one by one, as a restore does, in a session that is set up as pg_dump's own preamble does it. */
export async function applyEntries(url: string, entries: readonly DumpEntry[]): Promise<void> {
  await withClient(DatabaseUrl.parse(url, "the test"), async (client) => {
    await client.query(
      "set search_path = ''; set check_function_bodies = off; set client_min_messages = warning",
    );
    for (const { type, name, sql } of entries) {
      await client.query(sql).catch((error: Error) => {
        throw new Error(`${type} ${name}: ${error.message}\n${sql}`, { cause: error });
      });
    }
  });
}
