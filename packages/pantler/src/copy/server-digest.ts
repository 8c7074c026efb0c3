import type { Client } from "../postgres/index.js";
import type { Digest } from "./digest.js";
import { type Part, rowsOfPart } from "./parts.js";
import { sqlColumns, sqlName, type Table } from "./tables.js";

/**
 * Has the server digest the rows of a part in one scan.
 * @param client a session prepared with `prepareSession`
 */
export async function digestPart(client: Client, part: Part): Promise<Digest> {
  return await readDigest(client, digestStatement(part.table, rowsOfPart(part)));
}

/**
 * The same for a whole table.
 * @param scope `partitions` digests the rows of a partitioned table, which are its partitions'
 */
export async function digestTable(
  client: Client,
  table: Pick<Table, "schema" | "name" | "columns">,
  scope: "only" | "partitions" = "only",
): Promise<Digest> {
  return await readDigest(client, digestStatement(table, undefined, scope));
}

async function readDigest(client: Client, statement: string): Promise<Digest> {
  const { rows } = await client.query<{ rows: string; sum: string | null; xor: string | null }>(statement);
  const [found] = rows;
  return {
    rows: BigInt(found?.rows ?? 0),
    sum: BigInt(found?.sum ?? 0),
    xor: BigInt(found?.xor ?? 0),
  };
}

/**
 * The query that has the server digest a table, as `rows`, `sum` and `xor`; the last two are null for no rows. It has to
 * run under the settings of `prepareSession`.
 */
export function digestStatement(
  { columns, ...table }: Pick<Table, "schema" | "name" | "columns">,
  rows: string | undefined,
  scope: "only" | "partitions" = "only",
): string {
  return `
    select count(*) as rows, sum(hash) as sum, bit_xor(hash) as xor
    from (
      select hashtextextended(row(${sqlColumns(columns)})::text collate "C", 0) as hash
      from ${scope === "only" ? "only " : ""}${sqlName(table)}
      ${rows === undefined ? "" : `where ${rows}`}
    ) as hashed`;
}
