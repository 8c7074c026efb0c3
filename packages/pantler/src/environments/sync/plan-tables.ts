import { type QualifiedName, sqlName } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";
import type { PlannedTable } from "./request.js";

/** So many tables are counted by one statement. */
const countedAtOnce = 100;

/** Counts the rows of tables on both sides, which have the same ones. */
export async function planTables(
  from: Client,
  to: Client,
  tables: readonly QualifiedName[],
): Promise<PlannedTable[]> {
  const [after, now] = await Promise.all([countRows(from, tables), countRows(to, tables)]);
  return tables.map(({ schema, name }, place) => ({
    schema,
    name,
    now: now[place] ?? 0,
    after: after[place] ?? 0,
  }));
}

async function countRows(client: Client, tables: readonly QualifiedName[]): Promise<number[]> {
  const counts: number[] = [];
  for (let start = 0; start < tables.length; start += countedAtOnce) {
    const selects = tables
      .slice(start, start + countedAtOnce)
      .map((table, place) => `select ${place} as place, count(*)::text as rows from only ${sqlName(table)}`);
    const { rows } = await client.query<{ rows: string }>(`${selects.join(" union all ")} order by place`);
    counts.push(...rows.map(({ rows: count }) => Number(count)));
  }
  return counts;
}
