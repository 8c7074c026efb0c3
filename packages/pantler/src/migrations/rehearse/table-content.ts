import {
  digestTable,
  digestText,
  listTables,
  prepareSession,
  sqlName,
  type Table,
} from "../../copy/index.js";
import type { Operation } from "../../operation/index.js";
import { type Client, cancelOnAbort, withClient } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import { readSchemas } from "../../schema/index.js";
import type { RehearsedRows } from "./rehearsal.js";

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
    return await withClient(url, async (client) => {
      const stopListening = await cancelOnAbort(client, url, signal);
      try {
        await prepareSession(client);
        const tables = await projectTables(client, [...known, ...columnsOf]);
        const contents: TableContent[] = [];
        for (const table of tables) {
          signal?.throwIfAborted();
          const isTable = (other: { readonly schema: string; readonly name: string }) =>
            other.schema === table.schema && other.name === table.name;
          contents.push(
            knownContent(table, known.find(isTable)) ??
              (await contentOf(client, table, columnsOf.find(isTable)?.columns)),
          );
          step.progress(contents.length, tables.length, `tables, ${sqlName(table)}`);
        }
        step.note(`${contents.length} ${contents.length === 1 ? "table" : "tables"}`);
        return contents;
      } finally {
        stopListening();
      }
    });
  });
}

async function projectTables(
  client: Client,
  named: readonly { readonly schema: string; readonly name: string }[],
): Promise<Table[]> {
  const { managed, dumped } = await readSchemas(client);
  const own = dumped.filter((schema) => !managed.includes(schema));
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

async function contentOf(
  client: Client,
  { schema, name, columns: own, unreadable }: Table,
  wanted: readonly string[] | undefined,
): Promise<TableContent> {
  const columns = wanted?.every((column) => own.includes(column)) ? wanted : own;
  if (unreadable) return { schema, name, columns, rows: 0, digest: undefined };
  const digest = await digestTable(client, { schema, name, columns });
  return { schema, name, columns, rows: Number(digest.rows), digest: digestText(digest) };
}

/**
 * Puts what tables held before and after beside each other.
 * @param after read with the columns of before
 */
export function compareContent(
  before: readonly TableContent[],
  after: readonly TableContent[],
): RehearsedRows[] {
  const key = ({ schema, name }: TableContent) => JSON.stringify([schema, name]);
  const [left, right] = [before, after].map((side) => new Map(side.map((table) => [key(table), table])));
  const keys = [...new Set([...before, ...after].map(key))].sort();
  return keys.flatMap((each) => {
    const was = left?.get(each);
    const is = right?.get(each);
    const table = was ?? is;
    if (!table) return [];
    const changed =
      was === undefined ||
      is === undefined ||
      was.digest !== is.digest ||
      JSON.stringify(was.columns) !== JSON.stringify(is.columns);
    const { schema, name } = table;
    return [{ schema, name, before: was?.rows ?? null, after: is?.rows ?? null, changed }];
  });
}
