import type { Client } from "../postgres/index.js";
import type { Digest } from "./digest.js";
import { type Part, partsOf, rowsOfPart } from "./parts.js";
import { sqlColumns, sqlName, type Table } from "./tables.js";

/**
 * Has the server digest the rows of a part in one scan.
 * @param client a session prepared with `prepareSession`
 */
export async function digestPart(client: Client, part: Part): Promise<Digest> {
  const { rows } = await client.query<{ rows: string; sum: string | null; xor: string | null }>(
    digestStatement(part.table, rowsOfPart(part)),
  );
  const [found] = rows;
  return {
    rows: BigInt(found?.rows ?? 0),
    sum: BigInt(found?.sum ?? 0),
    xor: BigInt(found?.xor ?? 0),
  };
}

/** The same for a whole table. */
export async function digestTable(
  client: Client,
  table: Pick<Table, "schema" | "name" | "columns">,
): Promise<Digest> {
  const [whole] = partsOf({ ...table, pages: 0, bytes: 0, unreadable: undefined });
  if (!whole) throw new Error("a table has at least one part");
  return await digestPart(client, whole);
}

function digestStatement(
  { columns, ...table }: Pick<Table, "schema" | "name" | "columns">,
  rows: string | undefined,
): string {
  return `
    select count(*) as rows, sum(hash) as sum, bit_xor(hash) as xor
    from (
      select hashtextextended(row(${sqlColumns(columns)})::text collate "C", 0) as hash
      from only ${sqlName(table)}
      ${rows === undefined ? "" : `where ${rows}`}
    ) as hashed`;
}
