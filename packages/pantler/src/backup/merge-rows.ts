import { copyIn, type QualifiedName, sqlColumns, sqlName } from "../copy/index.js";
import { InputError } from "../operation/index.js";
import { type Client, quoteIdentifier } from "../postgres/index.js";
import type { ArchivedTable } from "./manifest.js";

export type MergeMode = "skip" | "update";

/** What became of the rows of one table. */
export interface Merged {
  readonly inserted: number;
  readonly updated: number;
}

const staged = "pg_temp.pantler_rows";

const primaryKey = `
select array_agg(attname::text order by place) as columns
from pg_index
cross join unnest(indkey) with ordinality as key (number, place)
join pg_attribute on attrelid = indrelid and attnum = number
where indrelid = $1::regclass and indisprimary
`;

/** The columns of a table's primary key; none when it has no such key. */
export async function keyOf(client: Client, table: QualifiedName): Promise<string[]> {
  const { rows } = await client.query<{ columns: string[] | null }>(primaryKey, [sqlName(table)]);
  return rows[0]?.columns ?? [];
}

/**
 * Brings back rows by their primary key, inside the transaction that is open: those that are missing and, with
 * `update`, those that are different now. Others are not touched.
 * @param removeOthers also removes what the archive does not have
 * @throws InputError `key-missing-for-merge` for a table without a primary key
 */
export async function mergeRows(
  client: Client,
  table: ArchivedTable,
  rows: AsyncIterable<Uint8Array>,
  mode: MergeMode,
  removeOthers = false,
): Promise<Merged> {
  const key = await keyOf(client, table);
  if (key.length === 0) throw noKey(table);
  const name = sqlName(table);
  const columns = sqlColumns(table.columns);
  await client.query(`create temporary table pantler_rows as select ${columns} from ${name} with no data`);
  await copyIn(client, { schema: "pg_temp", name: "pantler_rows" }, table.columns, rows);
  await client.query(`analyze ${staged}`);
  if (removeOthers) {
    const same = key.map((column) => `present.${quoteIdentifier(column)} = kept.${quoteIdentifier(column)}`);
    await client.query(
      `delete from ${name} as present where not exists (select from ${staged} as kept where ${same.join(" and ")})`,
    );
  }
  const { rows: counts } = await client.query<{ inserted: string; updated: string }>(`
    with merged as (
      insert into ${name} as present (${columns}) overriding system value
      select ${columns} from ${staged}
      on conflict (${sqlColumns(key)}) ${mode === "skip" ? "do nothing" : updateAction(table, key)}
      -- A row that was not there before has no older version.
      returning present.xmax = 0 as fresh
    )
    select count(*) filter (where fresh) as inserted, count(*) filter (where not fresh) as updated from merged`);
  await client.query(`drop table ${staged}`);
  return { inserted: Number(counts[0]?.inserted), updated: Number(counts[0]?.updated) };
}

/** Rows are compared as text, as their digests are: not every type knows what equal means. */
function updateAction({ columns }: ArchivedTable, key: readonly string[]): string {
  const others = columns.filter((column) => !key.includes(column));
  if (others.length === 0) return "do nothing";
  const set = others.map((column) => `${quoteIdentifier(column)} = excluded.${quoteIdentifier(column)}`);
  const row = (of: string) =>
    `row(${others.map((column) => `${of}.${quoteIdentifier(column)}`).join(", ")})::text`;
  return `do update set ${set.join(", ")} where ${row("present")} is distinct from ${row("excluded")}`;
}

function noKey({ schema, name }: ArchivedTable): InputError {
  return new InputError({
    code: "key-missing-for-merge",
    message: `${schema}.${name} has no primary key, so its rows cannot be told apart.`,
    state: "Nothing was changed.",
    remedy: "Restore the whole table instead, without --merge.",
  });
}
