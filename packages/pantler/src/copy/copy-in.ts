import { pipeline } from "node:stream/promises";
import { from as copyFrom } from "pg-copy-streams";
import type { Client } from "../postgres/index.js";
import { type QualifiedName, sqlColumns, sqlName } from "./tables.js";

/**
 * Streams rows in COPY's text format into a table.
 * @param columns those that the rows have, in their order
 * @param freeze marks the rows as old, which spares the server a later pass over them; the table has to be made or
 * emptied in the same transaction (https://www.postgresql.org/docs/17/sql-copy.html)
 * @returns how many rows the server took
 * @throws the server's errors and those of the source
 */
export async function copyIn(
  client: Client,
  table: QualifiedName,
  columns: readonly string[],
  rows: AsyncIterable<Uint8Array>,
  { freeze = false } = {},
): Promise<number> {
  const list = sqlColumns(columns);
  const stream = client.query(
    copyFrom(`copy ${sqlName(table)} ${list && `(${list})`} from stdin ${freeze ? "with (freeze)" : ""}`),
  );
  await pipeline(rows, stream);
  return stream.rowCount;
}
