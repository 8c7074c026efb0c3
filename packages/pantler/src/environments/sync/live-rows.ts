import type { RowSource } from "../../backup/index.js";
import {
  addDigests,
  copyOut,
  type Digest,
  digestText,
  emptyDigest,
  inParallel,
  type Part,
  partsOf,
  type QualifiedName,
  type SequenceState,
  type Snapshot,
  type Table,
} from "../../copy/index.js";
import type { Target } from "../../engine/index.js";
import { environmentProblem } from "../../postgres/index.js";
import { ReadAhead } from "./read-ahead.js";

/** What is read of one moment of an environment. */
export interface LiveContent {
  /** In the order in which they are asked for. */
  readonly tables: readonly Table[];
  /** The condition, for SQL, that holds for the rows of a table that are meant; undefined for all of them. */
  readonly rowsOf: (table: Table) => string | undefined;
  readonly sequences: readonly SequenceState[];
  readonly views: readonly QualifiedName[];
}

/**
 * Runs work on the rows of one moment of an environment. They are read ahead over all connections of the snapshot, and
 * digested as they pass.
 * @throws what the work throws; EnvironmentError for a connection that broke
 */
export async function withLiveRows<Result>(
  snapshot: Snapshot,
  { url, environment }: Target,
  { tables, rowsOf, sequences, views }: LiveContent,
  work: (source: RowSource<Table>) => Promise<Result>,
): Promise<Result> {
  const parts = new Map(tables.map((table) => [table, partsWith(table, rowsOf(table))]));
  const digests = new Map<Table, Digest>();
  const ahead = new ReadAhead<Part>();
  const reading = inParallel(
    snapshot.readers,
    [...parts.values()].flat(),
    async (reader, part) => {
      const { digest } = await copyOut(reader, part, async (rows) => {
        for await (const chunk of rows) await ahead.put(part, chunk);
      });
      digests.set(part.table, addDigests(digests.get(part.table) ?? emptyDigest, digest));
      ahead.end(part);
    },
    (reader) => reader.end().catch(() => {}),
  ).catch((error: unknown) => ahead.fail(environmentProblem(url, error) ?? error));
  try {
    return await work({
      name: environment.name,
      tables,
      known: tables,
      sequences,
      views,
      rows: (table) => takeAll(ahead, parts.get(table) ?? []),
      digestOf: (table) => digestText(digests.get(table) ?? emptyDigest),
    });
  } finally {
    ahead.fail(new Error("nobody takes the rows any more"));
    await reading;
  }
}

function partsWith(table: Table, rows: string | undefined): Part[] {
  return partsOf(table).map((part) => ({ ...part, rows }));
}

async function* takeAll(ahead: ReadAhead<Part>, parts: readonly Part[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield* ahead.take(part);
}
