import { prepareSession, type QualifiedName, sqlName } from "../copy/index.js";
import { NeedsHandsError, PantlerError, UnchangedError } from "../operation/index.js";
import { quoteIdentifier, sqlstateOf, withClient } from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { clearProject, recordsSchema } from "./clear-project.js";
import { isOurs } from "./restore-marker.js";
import { beAlone } from "./restore-sessions.js";

/** What a restore into an empty database has begun. */
export interface Begun {
  /** What tells it from another restore; undefined when it has changed nothing yet. */
  token: string | undefined;
  /** Its sessions, by their processes on the server. */
  sessions: readonly number[];
  /** Tables of Supabase's that it may have put rows into, in the order in which that is done. */
  readonly authTables: readonly QualifiedName[];
}

/**
 * Drops what a failed restore has made, unless another one has begun meanwhile, whose it is now. What says that the
 * database is half restored goes last.
 * @throws NeedsHandsError `half-restored` when that fails too
 */
export async function emptyAgain(url: DatabaseUrl, begun: Begun, cause: unknown): Promise<void> {
  const { token, sessions, authTables } = begun;
  if (token === undefined) return;
  try {
    await withClient(url, async (client) => {
      await prepareSession(client);
      await beAlone(client, sessions);
      if (!(await isOurs(client, token))) return;
      await clearProject(client, [recordsSchema]);
      for (const table of [...authTables].reverse()) await client.query(`delete from ${sqlName(table)}`);
      await client.query(`drop schema ${quoteIdentifier(recordsSchema)} cascade`);
    });
  } catch (error) {
    throw new NeedsHandsError({
      code: "half-restored",
      message: `The restore failed: ${wordsOf(cause)}.`,
      state: `${url} was empty and now holds a part of the backup: ${wordsOf(error)}.`,
      remedy: "Run the same restore again: it starts over.",
      cause,
    });
  }
}

/** The error for a restore into an empty database that failed, in words if it is not in words yet. */
export function fillingFailed(error: unknown): PantlerError {
  if (error instanceof PantlerError) return error;
  const sqlstate = sqlstateOf(error);
  return new UnchangedError({
    code: "restore-failed",
    message: `The restore failed: ${wordsOf(error)}.`,
    state: "The database was emptied again.",
    remedy: "See what the server says above; pantler backup verify tells whether the archive is sound.",
    ...(sqlstate ? { sqlstate } : {}),
    cause: error,
  });
}

/** The error for a database that was filled, but not with the right rows. */
export function filledWrongly(differences: readonly string[]): UnchangedError {
  return new UnchangedError({
    code: "rows-differ",
    message: `After the restore ${differences.length === 1 ? "a table is" : `${differences.length} tables are`} not as in the backup.`,
    detail: differences.join("\n"),
    state: "The database was emptied again.",
    remedy: "Verify the backup: pantler backup verify",
  });
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
