import { type Digest, digestTable, digestText, inParallel } from "../copy/index.js";
import { UnchangedError } from "../operation/index.js";
import type { Client } from "../postgres/index.js";
import type { ArchivedTable } from "./manifest.js";

/**
 * Has the server digest tables and compares with what the archive says.
 * @param clients sessions prepared with `prepareSession`, which work at the same time
 * @returns what differs, in words; empty when every row is what it was
 */
export async function compareRows(
  clients: readonly Client[],
  tables: readonly ArchivedTable[],
  onDone: (tables: number) => void = () => {},
): Promise<string[]> {
  const differences: string[] = [];
  let done = 0;
  const largestFirst = [...tables].sort((left, right) => right.bytes - left.bytes);
  await inParallel(
    clients,
    largestFirst,
    async (client, table) => {
      const difference = describeDifference(table, await digestTable(client, table));
      if (difference !== undefined) differences.push(difference);
      done += 1;
      onDone(done);
    },
    (client) => client.end().catch(() => {}),
  );
  return differences.sort();
}

function describeDifference(table: ArchivedTable, found: Digest): string | undefined {
  if (digestText(found) === table.digest) return undefined;
  const name = `${table.schema}.${table.name}`;
  if (Number(found.rows) !== table.rows) return `${name} has ${found.rows} rows instead of ${table.rows}`;
  return `${name} has ${table.rows} rows, but not the same ones`;
}

/** The error for rows that did not come back as they were. */
export function rowsDiffer(differences: readonly string[]): UnchangedError {
  return new UnchangedError({
    code: "rows-differ",
    message: `After the restore ${differences.length === 1 ? "a table is" : `${differences.length} tables are`} not as in the backup.`,
    detail: differences.join("\n"),
    state: "The restore was undone; everything is as it was before.",
    remedy: "Verify the backup (pantler backup verify), and look for what changes rows as they are written.",
  });
}
