import {
  addDigests,
  copyOut,
  type Digest,
  digestPart,
  digestText,
  emptyDigest,
  inParallel,
  type Part,
  partsOf,
  type Snapshot,
  sqlName,
  type Table,
} from "../copy/index.js";
import { type Step, stopWhenAborted } from "../operation/index.js";
import type { Client } from "../postgres/index.js";
import { FileNames } from "./archive/archive-names.js";
import type { ArchiveWriter } from "./archive/archive-writer.js";
import type { ArchivedFile, ArchivedTable } from "./archive/manifest.js";
import type { Backup } from "./catalog.js";
import { counterpart, sharedFiles } from "./parent.js";

interface PartResult {
  readonly part: Part;
  readonly digest: Digest;
  readonly bytes: number;
  readonly file: ArchivedFile;
}

/**
 * Copies the rows of tables into an archive, several at once and the largest first.
 * @param parent where a table's rows are the same in this backup, its files are referred to instead
 * @returns the tables in the order given
 */
export async function copyTables(
  snapshot: Snapshot,
  tables: readonly Table[],
  writer: ArchiveWriter,
  parent: Backup | undefined,
  step: Step,
  signal: AbortSignal | undefined,
): Promise<ArchivedTable[]> {
  const shared = parent ? await findShared(snapshot, tables, parent, step, signal) : new Map();
  const names = new FileNames();
  const slugs = new Map(tables.map((table) => [table, names.of(table.schema, table.name)]));
  const parts = largestFirst(tables.filter((table) => !shared.has(table)));
  const progress = new Progress(parts, step);
  const results: PartResult[] = [];
  await workThrough(snapshot, parts, signal, async (reader, part) => {
    const suffix = part.of === 1 ? "" : `.${part.index + 1}`;
    const name = `${slugs.get(part.table)}${suffix}`;
    const count = progress.begin(part);
    const copied = await copyOut(reader, part, (rows) => writer.rows(name, rows), count);
    progress.end(part, copied.digest);
    results.push({ part, digest: copied.digest, bytes: copied.bytes, file: copied.written });
  });
  return tables.map((table) => shared.get(table) ?? archivedTable(table, results));
}

function archivedTable(table: Table, results: readonly PartResult[]): ArchivedTable {
  const own = results.filter(({ part }) => part.table === table);
  own.sort((left, right) => left.part.index - right.part.index);
  const digest = own.reduce((sum, part) => addDigests(sum, part.digest), emptyDigest);
  return {
    schema: table.schema,
    name: table.name,
    columns: table.columns,
    rows: Number(digest.rows),
    digest: digestText(digest),
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
    files: own.map(({ file }) => file),
    ...loadingFacts(table),
  };
}

type LoadingFacts = Pick<ArchivedTable, "partOf" | "entrance" | "callsFunctions">;

/** What has to be known of a table when its rows are loaded; nothing of most. */
function loadingFacts({ partOf, entrance, callsFunctions }: Table): LoadingFacts {
  return {
    ...(partOf.length > 0 ? { partOf } : {}),
    ...(entrance ? { entrance } : {}),
    ...(callsFunctions ? { callsFunctions } : {}),
  };
}

/** Finds the tables whose rows are what they were in another backup; the server digests them, nothing is copied. */
async function findShared(
  snapshot: Snapshot,
  tables: readonly Table[],
  parent: Backup,
  step: Step,
  signal: AbortSignal | undefined,
): Promise<Map<Table, ArchivedTable>> {
  const candidates = tables.filter((table) => counterpart(parent.manifest, table));
  const digests = new Map<Table, Digest>();
  const parts = largestFirst(candidates);
  const progress = new Progress(parts, step);
  await workThrough(snapshot, parts, signal, async (reader, part) => {
    const digest = await digestPart(reader, part);
    progress.end(part, digest);
    digests.set(part.table, addDigests(digests.get(part.table) ?? emptyDigest, digest));
  });
  const shared = new Map<Table, ArchivedTable>();
  for (const [table, digest] of digests) {
    const archived = counterpart(parent.manifest, table);
    const files = archived && sharedFiles(parent, archived, digest);
    if (!archived || !files) continue;
    const { schema, name, columns, rows, bytes } = archived;
    shared.set(table, {
      schema,
      name,
      columns,
      rows,
      digest: archived.digest,
      bytes,
      files,
      ...loadingFacts(table),
    });
  }
  return shared;
}

function largestFirst(tables: readonly Table[]): Part[] {
  return tables.flatMap(partsOf).sort((left, right) => right.bytes - left.bytes);
}

async function workThrough(
  { readers }: Snapshot,
  parts: readonly Part[],
  signal: AbortSignal | undefined,
  work: (reader: Client, part: Part) => Promise<void>,
): Promise<void> {
  const stop = (reader: Client) => reader.end().catch(() => {});
  const stopAll = () => void Promise.all(readers.map(stop));
  signal?.addEventListener("abort", stopAll, { once: true });
  try {
    await inParallel(
      readers,
      parts,
      async (reader, part) => {
        stopWhenAborted(signal, nothingListed);
        await work(reader, part);
      },
      stop,
    );
  } catch (error) {
    stopWhenAborted(signal, nothingListed, error);
    throw error;
  } finally {
    signal?.removeEventListener("abort", stopAll);
  }
}

/** What is true after a creation that was broken off. */
export const nothingListed = "The database was only read; no backup was listed.";

/** Tells how far the copying is, in bytes and rows. */
class Progress {
  readonly #step: Step;
  readonly #total: number;
  /** How much of each part was counted while it was copied. */
  readonly #begun = new Map<Part, number>();
  #done = 0;
  #rows = 0n;

  constructor(parts: readonly Part[], step: Step) {
    this.#step = step;
    this.#total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** @returns to be told of every chunk's size; what is copied and what lies on disk differ, so it is an estimate */
  begin(part: Part): (bytes: number) => void {
    let copied = 0;
    return (bytes) => {
      copied += bytes;
      const counted = Math.min(copied, part.bytes);
      this.#done += counted - (this.#begun.get(part) ?? 0);
      this.#begun.set(part, counted);
      this.#show(part);
    };
  }

  end(part: Part, digest: Digest): void {
    this.#done += part.bytes - (this.#begun.get(part) ?? 0);
    this.#rows += digest.rows;
    this.#show(part);
  }

  #show({ table }: Part): void {
    this.#step.progress(this.#done, this.#total, `bytes, ${this.#rows} rows, ${sqlName(table)}`);
  }
}
