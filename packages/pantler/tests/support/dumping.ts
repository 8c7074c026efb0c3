import { withClient } from "../../src/postgres/index.js";
import { DatabaseUrl } from "../../src/project/index.js";
import {
  compareSchemas,
  type DumpEntry,
  type DumpRequest,
  dumpSchema,
  fingerprintOf,
  type SchemaDifference,
  type SchemaDump,
} from "../../src/schema/index.js";
import { withDatabaseUrl } from "./database.js";
import { schemaOf } from "./inspect.js";
import { sharedTemplate } from "./shared-server.js";

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

/**
 * Makes a database again from its dump, in a new database.
 * @param template what the new one is a copy of: a Supabase-shaped database, or `template0` for a plain one
 * @param look what else to do with the copy
 * @returns what is not the same in both
 */
export async function differencesOfCopy(
  source: string,
  template: "postgres" | "template0",
  look: (copy: string) => Promise<void> = async () => {},
): Promise<SchemaDifference[]> {
  const { entries } = await dumpOf(source);
  const before = await schemaOf(source);
  let differences: SchemaDifference[] = [];
  await withDatabaseUrl(
    async (copy) => {
      await applyEntries(copy, entries);
      const after = await schemaOf(copy);
      differences = compareSchemas(before, after);
      if ((fingerprintOf(before) === fingerprintOf(after)) !== (differences.length === 0)) {
        throw new Error("the fingerprint and the comparison do not agree");
      }
      await look(copy);
    },
    template === "postgres" ? sharedTemplate : template,
  );
  return differences;
}
