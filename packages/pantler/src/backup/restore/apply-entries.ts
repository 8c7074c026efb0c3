import { EnvironmentError, messageOf } from "../../operation/index.js";
import { type Client, isConnectionLoss, sqlstateOf, sqlstates } from "../../postgres/index.js";
import type { DumpEntry } from "../../schema/index.js";

/** So many entries are sent at once: a server far away takes longer to be asked than to answer. */
const sentAtOnce = 25;

/**
 * Runs the statements of a schema's text in their order.
 * @param client a session prepared with `prepareSession`; a transaction may be open or not
 * @param onDone told how many entries are done
 * @throws EnvironmentError `schema-not-restored` naming the entry that failed, with the server's own words
 */
export async function applyEntries(
  client: Client,
  entries: readonly DumpEntry[],
  inTransaction: boolean,
  onDone: (entries: number) => void = () => {},
): Promise<void> {
  for (let from = 0; from < entries.length; from += sentAtOnce) {
    const batch = entries.slice(from, from + sentAtOnce);
    const begin = inTransaction ? "savepoint pantler_entries;\n" : "";
    const end = inTransaction ? "release savepoint pantler_entries;" : "";
    try {
      await client.query(`${begin}${batch.map(({ sql }) => sql).join("\n")}\n${end}`);
    } catch (error) {
      if (isNotItsFault(error)) throw error;
      // Statements sent together fail together; one by one they tell which it was.
      if (inTransaction) await client.query(undoBatch);
      await applyOneByOne(client, batch, inTransaction);
    }
    onDone(from + batch.length);
  }
}

/** Whether an error would have met any other statement too. */
function isNotItsFault(error: unknown): boolean {
  return isConnectionLoss(error) || interruptions.has(sqlstateOf(error));
}

const interruptions = new Set<string | undefined>([
  sqlstates.queryCanceled,
  sqlstates.lockNotAvailable,
  sqlstates.deadlockDetected,
]);

const undoBatch = "rollback to savepoint pantler_entries; release savepoint pantler_entries";

/** What the server says where a name cannot be found. */
const notFound = new Set<string | undefined>([
  sqlstates.undefinedTable,
  sqlstates.undefinedFunction,
  sqlstates.undefinedObject,
]);

/**
 * Runs one entry. The names in it are qualified, but functions of the project that the server evaluates already now may
 * hold others: where something cannot be found the entry is tried once more as in an ordinary session.
 */
export async function applyEntry(client: Client, entry: DumpEntry, inTransaction: boolean): Promise<void> {
  const [begin, undo, end] = inTransaction
    ? [
        "savepoint pantler_entry;\n",
        "rollback to savepoint pantler_entry; release savepoint pantler_entry",
        "release savepoint pantler_entry",
      ]
    : ["", "", ""];
  const run = async (before: string, after: string) =>
    await client.query(`${begin}${before}${entry.sql}\n${after}${end}`);
  try {
    try {
      await run("", "");
    } catch (error) {
      if (!notFound.has(sqlstateOf(error))) throw error;
      await client.query(undo);
      await run("set local search_path to default;\n", "set local search_path to '';\n");
    }
  } catch (error) {
    throw isNotItsFault(error) ? error : notRestored(entry, error);
  }
}

async function applyOneByOne(
  client: Client,
  entries: readonly DumpEntry[],
  inTransaction: boolean,
): Promise<void> {
  for (const entry of entries) await applyEntry(client, entry, inTransaction);
}

/** Entries that may hold passwords. */
const withSecrets = new Set(["SERVER", "USER MAPPING"]);

/** The longest statement that is shown, in characters. */
const longestShown = 2000;

function shortened(sql: string): string {
  return sql.length > longestShown ? `${sql.slice(0, longestShown)} …` : sql;
}

function notRestored(entry: DumpEntry, error: unknown): EnvironmentError {
  const what = `${entry.type.toLowerCase()} ${entry.schema === undefined ? "" : `${entry.schema}.`}${entry.name}`;
  const sqlstate = sqlstateOf(error);
  return new EnvironmentError({
    code: "schema-not-restored",
    message: `The ${what} could not be restored: ${messageOf(error)}.`,
    ...(withSecrets.has(entry.type) ? {} : { detail: shortened(entry.sql) }),
    state: "Everything is as it was before.",
    remedy:
      sqlstate === sqlstates.invalidSchemaName
        ? "That schema is in no backup, as those of Supabase's are not: restore into the database of a Supabase project, or of pantler start."
        : "See what the statement needs of the database; a role or a right may be missing there.",
    ...(sqlstate ? { sqlstate } : {}),
    cause: error,
  });
}
