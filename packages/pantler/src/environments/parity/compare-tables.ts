import {
  type Digest,
  digestPart,
  digestText,
  inParallel,
  type Part,
  type Snapshot,
  type Table,
} from "../../copy/index.js";

/** A table on either side, and which of its rows are compared. */
export interface TablePair {
  readonly schema: string;
  readonly name: string;
  readonly left: Table | undefined;
  readonly right: Table | undefined;
  /** The columns that are compared; those of both. */
  readonly columns: readonly string[];
  /** Whether a column that is not on both sides makes the tables differ. */
  readonly strict: boolean;
  /** A condition, for SQL, that holds for the rows that are compared; undefined for all. */
  readonly rows: string | undefined;
}

/** How the rows of a table compare. */
export interface TableParity {
  readonly schema: string;
  readonly name: string;
  /** How many rows either side has; null where the table is not there. */
  readonly left: number | null;
  readonly right: number | null;
  /** Whether they are the same rows. */
  readonly equal: boolean;
}

/**
 * Compares tables by digests that the servers compute; no rows are moved.
 * @param onDone told how many tables are done
 */
export async function compareTables(
  left: Snapshot,
  right: Snapshot,
  pairs: readonly TablePair[],
  onDone: (tables: number) => void,
): Promise<TableParity[]> {
  let done = 0;
  const onDigest = () => {
    done += 0.5;
    onDone(Math.floor(done));
  };
  const [ours, theirs] = await Promise.all([
    digestAll(left, pairs, "left", onDigest),
    digestAll(right, pairs, "right", onDigest),
  ]);
  return pairs.map((pair) => {
    const [our, their] = [ours.get(pair), theirs.get(pair)];
    const isStrictlyEqual = !pair.strict || sameColumns(pair);
    return {
      schema: pair.schema,
      name: pair.name,
      left: our ? Number(our.rows) : null,
      right: their ? Number(their.rows) : null,
      equal:
        our !== undefined && their !== undefined && isStrictlyEqual && digestText(our) === digestText(their),
    };
  });
}

function sameColumns({ left, right, columns }: TablePair): boolean {
  return left?.columns.length === columns.length && right?.columns.length === columns.length;
}

async function digestAll(
  { readers }: Snapshot,
  pairs: readonly TablePair[],
  side: "left" | "right",
  onDigest: () => void,
): Promise<Map<TablePair, Digest>> {
  const digests = new Map<TablePair, Digest>();
  const largestFirst = [...pairs].sort((one, other) => (other[side]?.bytes ?? 0) - (one[side]?.bytes ?? 0));
  await inParallel(
    readers,
    largestFirst,
    async (reader, pair) => {
      const table = pair[side];
      if (table) digests.set(pair, await digestPart(reader, wholeOf(table, pair)));
      onDigest();
    },
    (reader) => reader.end().catch(() => {}),
  );
  return digests;
}

function wholeOf(table: Table, { columns, rows }: TablePair): Part {
  return { table: { ...table, columns }, index: 0, of: 1, from: undefined, to: undefined, bytes: 0, rows };
}
