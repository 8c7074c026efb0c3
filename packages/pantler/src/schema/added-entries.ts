import type { Client } from "../postgres/index.js";
import { readAddedFunctions } from "./added-functions.js";
import { readAddedOnTables } from "./added-on-tables.js";
import type { DumpEntry } from "./dump-entry.js";

/** What projects put into schemas of Supabase's, which are left to Supabase otherwise. */
export interface AddedEntries {
  /** Functions that need nothing of the project's tables, which may need them. */
  readonly beforeTables: readonly DumpEntry[];
  readonly afterTables: readonly DumpEntry[];
  readonly afterRows: readonly DumpEntry[];
}

/**
 * Reads what a project put into schemas that pg_dump is told to leave out, in the transaction that is open, under
 * `settingsForDefinitions`.
 * @param schemas the schemas
 */
export async function readAddedEntries(client: Client, schemas: readonly string[]): Promise<AddedEntries> {
  const functions = await readAddedFunctions(client, schemas);
  const which = (needsTables: boolean) =>
    functions.filter((added) => added.needsTables === needsTables).map(({ entry }) => entry);
  return {
    beforeTables: which(false),
    afterTables: which(true),
    afterRows: await readAddedOnTables(client, schemas),
  };
}
