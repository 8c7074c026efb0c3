import { EnvironmentError } from "../operation/index.js";
import { type Client, isConnectionLoss, sqlstateOf } from "../postgres/index.js";
import type { DumpEntry } from "../schema/index.js";

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
      if (isConnectionLoss(error)) throw error;
      // Statements sent together fail together; one by one they tell which it was.
      if (inTransaction) await client.query("rollback to savepoint pantler_entries");
      await applyOneByOne(client, batch);
    }
    onDone(from + batch.length);
  }
}

/** Runs one entry. */
export async function applyEntry(client: Client, entry: DumpEntry): Promise<void> {
  try {
    await client.query(entry.sql);
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    throw notRestored(entry, error);
  }
}

async function applyOneByOne(client: Client, entries: readonly DumpEntry[]): Promise<void> {
  for (const entry of entries) await applyEntry(client, entry);
}

function notRestored(entry: DumpEntry, error: unknown): EnvironmentError {
  const what = `${entry.type.toLowerCase()} ${entry.schema === undefined ? "" : `${entry.schema}.`}${entry.name}`;
  const sqlstate = sqlstateOf(error);
  return new EnvironmentError({
    code: "schema-not-restored",
    message: `The ${what} could not be restored: ${error instanceof Error ? error.message : String(error)}.`,
    detail: entry.sql.length > 2000 ? `${entry.sql.slice(0, 2000)} …` : entry.sql,
    state: "Everything is as it was before.",
    remedy: "See what the statement needs of the database; a role or a right may be missing there.",
    ...(sqlstate ? { sqlstate } : {}),
    cause: error,
  });
}
