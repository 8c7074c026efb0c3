import { copyIn, type QualifiedName } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";
import type { ArchivedTable } from "../archive/manifest.js";
import { authTables, isSame } from "../contents.js";
import type { SourceTable } from "./row-source.js";

/**
 * Puts tables in an order in which their rows can be loaded: users before their identities, which refer to them, and
 * what calls functions after what those may look up. Nothing else has constraints yet.
 */
export function loadingOrder<Table extends QualifiedName & Pick<SourceTable, "callsFunctions">>(
  tables: readonly Table[],
): Table[] {
  const rank = (table: Table) => {
    const place = authTables.findIndex((auth) => isSame(auth, table));
    return place < 0 ? authTables.length + Number(table.callsFunctions ?? false) : place;
  };
  return [...tables].sort((left, right) => rank(left) - rank(right));
}

/** Rows of a table and the table that takes them: the one of its name, or one that deals them out. */
export interface Load<Table extends SourceTable = ArchivedTable> {
  readonly table: Table;
  readonly into: QualifiedName;
}

/**
 * Says where the rows of tables are to be loaded. A partitioned table can only deal them out anew when all that were
 * in it are.
 * @param tables those that get rows
 * @param known all that the source of the rows has
 */
export function planLoads<Table extends SourceTable>(
  tables: readonly Table[],
  known: readonly SourceTable[],
): Load<Table>[] {
  const isWhole = (entrance: QualifiedName) =>
    known.every(
      (table) =>
        table.entrance === undefined ||
        !isSame(table.entrance, entrance) ||
        tables.some((each) => isSame(each, table)),
    );
  return tables.map((table) => ({
    table,
    into: table.entrance && isWhole(table.entrance) ? table.entrance : table,
  }));
}

/** Whether the rows go into the table that they are from. */
export function isDirect({ table, into }: Load<SourceTable>): boolean {
  return isSame(table, into);
}

/**
 * Loads rows into a table that was made or emptied in the transaction that is open. What functions of the project do
 * then, they do as in an ordinary session.
 * @returns how many there were
 */
export async function loadRows(
  client: Client,
  load: Load<SourceTable>,
  rows: AsyncIterable<Uint8Array>,
  { freeze }: { readonly freeze: boolean },
): Promise<number> {
  const { callsFunctions, columns } = load.table;
  if (callsFunctions) await client.query("set local search_path to default");
  // Only the table that holds the rows can take them as old ones.
  const loaded = await copyIn(client, load.into, columns, rows, { freeze: freeze && isDirect(load) });
  if (callsFunctions) await client.query("set local search_path to ''");
  return loaded;
}
