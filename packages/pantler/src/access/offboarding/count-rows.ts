import { type Client, quoteIdentifier } from "../../postgres/index.js";
import type { NamedColumn, Names } from "./named-columns.js";

/** A column, and how many rows name somebody by it. */
export interface CountedColumn {
  readonly column: NamedColumn;
  readonly rows: number;
}

/** The condition, for SQL, that a column names somebody; the parameter holds what the user is called by it. */
export function namesBy({ column, type }: NamedColumn, parameter: number): string {
  return `${quoteIdentifier(column)} = $${parameter}::${type}`;
}

/**
 * Counts the rows of a table that name somebody, each column for itself, in one scan.
 * @param columns those of one table
 */
export async function countNaming(
  client: Client,
  columns: readonly NamedColumn[],
  names: Names,
): Promise<CountedColumn[]> {
  const known = columns.flatMap((column) => {
    const name = names.of(column);
    return name === undefined ? [] : [{ column, name }];
  });
  const [first] = known;
  if (!first) return columns.map((column) => ({ column, rows: 0 }));
  const conditions = known.map(({ column }, place) => namesBy(column, place + 1));
  const { rows } = await client.query<{ counts: string[] }>(
    `select array[${conditions.map((condition) => `count(*) filter (where ${condition})`).join(", ")}]::text[] as counts
    from ${first.column.relation} where ${conditions.join(" or ")}`,
    known.map(({ name }) => name),
  );
  const counts = rows[0]?.counts ?? [];
  return columns.map((column) => {
    const place = known.findIndex((each) => each.column === column);
    return { column, rows: Number(counts[place] ?? 0) };
  });
}

/**
 * Counts the rows of a table that name somebody by any of some columns.
 * @param columns those of one table
 */
export async function countRowsNaming(
  client: Client,
  columns: readonly NamedColumn[],
  names: Names,
): Promise<number> {
  const conditions = columns.map((column, place) => namesBy(column, place + 1));
  const { rows } = await client.query<{ count: string }>(
    `select count(*)::text as count from ${columns[0]?.relation} where ${conditions.join(" or ")}`,
    columns.map((column) => names.of(column)),
  );
  return Number(rows[0]?.count);
}
