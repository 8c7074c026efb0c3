import {
  addDigests,
  type Digest,
  digestTable,
  digestText,
  emptyDigest,
  inParallel,
  parseDigest,
  sqlName,
} from "../../copy/index.js";
import { UnchangedError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { isDirect, type Load } from "./load-rows.js";

/** A table, and what its rows have to digest to. */
export interface Expected extends Load {
  readonly digest: Digest;
  readonly bytes: number;
}

/**
 * Has the server digest tables and compares with what the archive says.
 * @param clients sessions prepared with `prepareSession`, which work at the same time
 * @returns what differs, in words; empty when every row is what it was
 */
export async function compareRows(
  clients: readonly Client[],
  loads: readonly Load[],
  onDone: (tables: number) => void = () => {},
): Promise<string[]> {
  const differences: string[] = [];
  let done = 0;
  const largestFirst = expectations(loads).sort((left, right) => right.bytes - left.bytes);
  await inParallel(
    clients,
    largestFirst,
    async (client, expected) => {
      const { into, table } = expected;
      const scope = isDirect(expected) ? "only" : "partitions";
      const found = await digestTable(client, { ...into, columns: table.columns }, scope);
      const difference = describeDifference(expected, found);
      if (difference !== undefined) differences.push(difference);
      done += 1;
      onDone(done);
    },
    (client) => client.end().catch(() => {}),
  );
  return differences.sort();
}

/** What tables have to digest to. Rows that were dealt out anew can only be compared all together. */
export function expectations(loads: readonly Load[]): Expected[] {
  const byTable = new Map<string, Expected>();
  for (const load of loads) {
    const name = sqlName(load.into);
    const { digest, bytes } = byTable.get(name) ?? { digest: emptyDigest, bytes: 0 };
    byTable.set(name, {
      ...load,
      digest: addDigests(digest, parseDigest(load.table.digest)),
      bytes: bytes + load.table.bytes,
    });
  }
  return [...byTable.values()];
}

function describeDifference({ into, digest }: Expected, found: Digest): string | undefined {
  if (digestText(found) === digestText(digest)) return undefined;
  const name = `${into.schema}.${into.name}`;
  if (found.rows !== digest.rows) return `${name} has ${found.rows} rows instead of ${digest.rows}`;
  return `${name} has ${digest.rows} rows, but not the same ones`;
}

/**
 * The error for rows that did not come back as they were.
 * @param state what is true now
 */
export function rowsDiffer(differences: readonly string[], state: string): UnchangedError {
  return new UnchangedError({
    code: "rows-differ",
    message: `After the restore ${differences.length === 1 ? "a table is" : `${differences.length} tables are`} not as in the backup.`,
    detail: differences.join("\n"),
    state,
    remedy: "Verify the backup (pantler backup verify), and look for what changes rows as they are written.",
  });
}
