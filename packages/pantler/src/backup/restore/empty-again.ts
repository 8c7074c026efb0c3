import { prepareSession, type QualifiedName, sqlName } from "../../copy/index.js";
import { messageOf, NeedsHandsError, PantlerError, UnchangedError } from "../../operation/index.js";
import { type Client, quoteIdentifier, sqlstateOf, sqlstates, withClient } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import { parseEntries } from "../../schema/index.js";
import { applyEntries } from "./apply-entries.js";
import { clearProject, recordsSchema } from "./clear-project.js";
import { type Before, dropMarker, setMarker, whoFills } from "./restore-marker.js";
import { beAlone } from "./restore-sessions.js";
import { hasSchema } from "./restore-whole.js";

/** What a restore into an empty database has begun. */
export interface Begun {
  /** The backup. */
  readonly id: string;
  /** What was there. */
  readonly before: Before;
  /** What tells it from another restore; undefined when it has changed nothing yet. */
  token: string | undefined;
  /** Whether its last transaction was to be committed: until then a marker that is gone is another's doing. */
  filled: boolean;
  /** Its sessions, by their processes on the server. */
  readonly sessions: number[];
  /** Tables of Supabase's that it may have put rows into, in the order in which that is done. */
  readonly authTables: readonly QualifiedName[];
}

/** What is true after a restore into an empty database that came to nothing. */
export const emptied = "The database was emptied again and is as it was before.";

/**
 * Drops what a failed restore has made, unless another one has begun meanwhile, whose it is now. What says that the
 * database is half restored goes last.
 * @returns whether it failed at all: where only the answer to its last commit was lost, everything is there
 * @throws NeedsHandsError `half-restored` when that fails too, `restored-by-another`
 */
export async function emptyAgain(url: DatabaseUrl, begun: Begun, cause: unknown): Promise<boolean> {
  const { id, before, token, filled, sessions, authTables } = begun;
  if (token === undefined) return true;
  try {
    return await withClient(url, async (client) => {
      await prepareSession(client);
      await beAlone(client, sessions);
      const who = await whoFills(client, token);
      if (who === "none" && filled) return false;
      if (who !== "this") throw takenOver(url, cause);
      // The marker's schema may hold a part of the backup too.
      await setMarker(client, id, before);
      await clearProject(client, [recordsSchema]);
      await dropExtensions(client, before.extensions);
      // Schemas that extensions were in.
      await clearProject(client, [recordsSchema]);
      for (const table of [...authTables].reverse()) await deleteAll(client, table);
      const entries = parseEntries(before.schema, "pre");
      await applyEntries(client, entries, false);
      await dropRoles(client, before.missingRoles);
      await dropMarker(client, hasSchema(entries, recordsSchema));
      return true;
    });
  } catch (error) {
    if (error instanceof NeedsHandsError) throw error;
    throw new NeedsHandsError({
      code: "half-restored",
      message: `The restore failed: ${messageOf(cause)}`,
      state: `${url} was empty and now holds a part of the backup, since it could not be emptied again: ${messageOf(error)}`,
      remedy: "Run the same restore again: it starts over.",
      cause,
    });
  }
}

/** Not every database has Supabase's tables, or still has them. */
async function deleteAll(client: Client, table: QualifiedName): Promise<void> {
  const { rows } = await client.query("select where to_regclass($1) is not null", [sqlName(table)]);
  if (rows.length > 0) await client.query(`delete from ${sqlName(table)}`);
}

function takenOver(url: DatabaseUrl, cause: unknown): NeedsHandsError {
  return new NeedsHandsError({
    code: "restored-by-another",
    message: `The restore failed: ${messageOf(cause)}`,
    state: `Another restore into ${url} has begun meanwhile; what is there is its doing.`,
    remedy: "Wait for it to end, and look what is there.",
    cause,
  });
}

async function dropExtensions(client: Client, kept: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    "select extname as name from pg_extension where extname <> all ($1)",
    [kept],
  );
  for (const { name } of rows)
    await client.query(`drop extension if exists ${quoteIdentifier(name)} cascade`);
}

/** Roles are the server's: one that was given something elsewhere meanwhile stays. */
async function dropRoles(client: Client, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await client.query(`drop role ${quoteIdentifier(name)}`);
    } catch (error) {
      if (!mayStay.has(sqlstateOf(error))) throw error;
    }
  }
}

/** What a role is kept for: something depends on it, it is gone, or it is somebody else's. */
const mayStay = new Set<string | undefined>([
  sqlstates.dependentObjectsStillExist,
  sqlstates.undefinedObject,
  sqlstates.insufficientPrivilege,
]);

/** The error for a restore into an empty database that failed, in words if it is not in words yet. */
export function fillingFailed(error: unknown): PantlerError {
  if (error instanceof PantlerError) return error;
  const sqlstate = sqlstateOf(error);
  return new UnchangedError({
    code: "restore-failed",
    message: `The restore failed: ${messageOf(error)}.`,
    state: emptied,
    remedy: "See what the server says above; pantler backup verify tells whether the archive is sound.",
    ...(sqlstate ? { sqlstate } : {}),
    cause: error,
  });
}
