import {
  addDigests,
  copyConnections,
  type Digest,
  digestPart,
  digestText,
  emptyDigest,
  inParallel,
  listTables,
  type Part,
  partsOf,
  prepareSession,
  type QualifiedName,
  type Table,
} from "../../copy/index.js";
import { type Operation, withReleases } from "../../operation/index.js";
import { type Client, cancelOnAbort, connect } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import { readSchemas } from "../../schema/index.js";

/** The digest of a table's rows that is known already, as the manifest of a backup holds it. */
export interface KnownDigest {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
  /** See `digestText` of the room copy. */
  readonly digest: string;
  /** The columns it was made of, in their order; those of the table without it. */
  readonly columns?: readonly string[] | undefined;
}

/** What a table holds. */
export interface TableContent {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: number;
  /** Undefined where the role cannot read all of its rows. */
  readonly digest: string | undefined;
}

/** Which tables' rows are compared. */
interface Scope {
  /** Digests that need not be made again. */
  readonly known?: readonly KnownDigest[];
  /** The columns to make digests of, instead of those a table has. */
  readonly columnsOf?: readonly TableContent[];
}

/** What records the migrations themselves differs before and after, whatever they do. */
const recorded = new Set(["pantler", "supabase_migrations"]);

/**
 * Counts and digests the rows of the project's tables, and of those others whose digests are known.
 * @param name what the step is called
 * @throws what reading throws; the signal cancels it
 */
export async function readContent(
  url: DatabaseUrl,
  name: string,
  { known = [], columnsOf = [] }: Scope,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<TableContent[]> {
  return await operation.step(name, async (step) => {
    return await withReleases(async (onRelease) => {
      const clients: Client[] = [];
      while (clients.length < copyConnections()) {
        const client = await connect(url);
        onRelease(() => client.end().catch(() => {}));
        onRelease(await cancelOnAbort(client, url, signal));
        await prepareSession(client);
        clients.push(client);
      }
      const [first] = clients;
      const tables = first ? await projectTables(first, [...known, ...columnsOf]) : [];
      const isSame = (left: QualifiedName) => (right: QualifiedName) =>
        left.schema === right.schema && left.name === right.name;
      const contents = tables.map(
        (table) =>
          knownContent(table, known.find(isSame(table))) ??
          unreadContent(table, columnsOf.find(isSame(table))?.columns),
      );
      const digests = await digestAll(
        clients,
        contents.flatMap((content) => ("unread" in content ? content.unread : [])),
        (done, total) => step.progress(done, total, "parts of tables"),
        signal,
      );
      step.note(`${contents.length} ${contents.length === 1 ? "table" : "tables"}`);
      return contents.map((content) => {
        if (!("unread" in content)) return content;
        const { unread, ...rest } = content;
        const digest = digests.get(unread) ?? emptyDigest;
        return { ...rest, rows: Number(digest.rows), digest: digestText(digest) };
      });
    });
  });
}

/** Digests tables over several connections, the large ones in parts. */
async function digestAll(
  clients: readonly Client[],
  tables: readonly Table[],
  onPart: (done: number, total: number) => void,
  signal: AbortSignal | undefined,
): Promise<Map<Table, Digest>> {
  const digests = new Map(tables.map((table) => [table, emptyDigest]));
  const parts = tables.flatMap(partsOf).sort((left, right) => right.bytes - left.bytes);
  let done = 0;
  const digest = async (client: Client, part: Part) => {
    signal?.throwIfAborted();
    const found = await digestPart(client, part);
    digests.set(part.table, addDigests(digests.get(part.table) ?? emptyDigest, found));
    done += 1;
    onPart(done, parts.length);
  };
  await inParallel(clients, parts, digest, (client) => client.end().catch(() => {}));
  return digests;
}

async function projectTables(
  client: Client,
  named: readonly { readonly schema: string; readonly name: string }[],
): Promise<Table[]> {
  const { own } = await readSchemas(client);
  const further = named.filter(({ schema }) => !own.includes(schema) && !recorded.has(schema));
  return await listTables(client, own, further);
}

function knownContent(table: Table, known: KnownDigest | undefined): TableContent | undefined {
  if (!known) return undefined;
  const columns = known.columns ?? table.columns;
  const isSame = JSON.stringify([...columns].sort()) === JSON.stringify([...table.columns].sort());
  if (!isSame) return undefined;
  const { schema, name } = table;
  return { schema, name, columns, rows: known.rows, digest: known.digest };
}

/** What is known of a table before its rows are read: with the columns to read, where the role can. */
function unreadContent(
  table: Table,
  wanted: readonly string[] | undefined,
): TableContent | (Omit<TableContent, "rows" | "digest"> & { readonly unread: Table }) {
  const { schema, name } = table;
  const columns = wanted?.every((column) => table.columns.includes(column)) ? wanted : table.columns;
  if (table.unreadable) return { schema, name, columns, rows: 0, digest: undefined };
  return { schema, name, columns, unread: { ...table, columns } };
}
