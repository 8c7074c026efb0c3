import { type QualifiedName, sqlColumns, sqlName } from "../../copy/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import type { TablePair } from "./compare-tables.js";

/** A row that is not the same on both sides, by its primary key. */
export interface RowDifference {
  /** The values of the key's columns, as text. */
  readonly key: Readonly<Record<string, string>>;
  readonly where: "left" | "right" | "both";
  /** The columns that differ, where they were asked for and both sides have the row. */
  readonly columns?: readonly string[] | undefined;
}

export interface DifferingRows {
  /** The first ones by key; undefined for a table without a primary key, whose rows cannot be told apart. */
  readonly rows: readonly RowDifference[] | undefined;
  /** Whether there are more. */
  readonly more: boolean;
}

const keyOf = `
select attname as name
from pg_index
cross join unnest(indkey::int2[]) with ordinality as key (number, place)
join pg_attribute on attrelid = indrelid and attnum = number
where indrelid = to_regclass($1) and indisprimary and place <= indnkeyatts
order by place
`;

/** About so many rows share a bucket, and so many buckets are read at once. */
const rowsOfBucket = 64;
const mostBuckets = 65_536;
const bucketsAtOnce = 64;

/**
 * Finds rows that differ without reading all of them: rows are dealt out to buckets by the hash of their key, buckets
 * are digested, and only those that differ are looked into.
 * @param left a session in the snapshot of the one side, prepared with `prepareSession`
 * @param limit how many to find
 * @param withColumns whether to say which columns differ
 */
export async function findDifferingRows(
  left: Client,
  right: Client,
  pair: TablePair,
  { limit, withColumns }: { readonly limit: number; readonly withColumns: boolean },
): Promise<DifferingRows> {
  const [key, theirs] = await Promise.all([readKey(left, pair), readKey(right, pair)]);
  if (key.length === 0 || key.join() !== theirs.join()) return { rows: undefined, more: false };
  const hashed = hashedRows(pair, key);
  const rows = (pair.left?.bytes ?? 0) / 64;
  const buckets = Math.min(2 ** Math.ceil(Math.log2(Math.max(rows / rowsOfBucket, 1))), mostBuckets);
  const [ours, others] = await Promise.all([
    digestBuckets(left, hashed, buckets),
    digestBuckets(right, hashed, buckets),
  ]);
  const differing = [...new Set([...ours.keys(), ...others.keys()])].filter(
    (bucket) => ours.get(bucket) !== others.get(bucket),
  );
  const found: RowDifference[] = [];
  for (let start = 0; start < differing.length && found.length <= limit; start += bucketsAtOnce) {
    const some = differing.slice(start, start + bucketsAtOnce);
    const [ourRows, theirRows] = await Promise.all([
      readBuckets(left, hashed, buckets, some),
      readBuckets(right, hashed, buckets, some),
    ]);
    found.push(...compareKeys(key, ourRows, theirRows));
  }
  const named = found.slice(0, limit);
  return {
    rows: withColumns
      ? await Promise.all(named.map((row) => withDifferingColumns(left, right, pair, row)))
      : named,
    more: found.length > limit,
  };
}

async function readKey(client: Client, table: QualifiedName): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(keyOf, [sqlName(table)]);
  return rows.map(({ name }) => name);
}

/** The key of every row as texts, the hash of it, and the hash of the row. */
function hashedRows({ schema, name, columns, rows }: TablePair, key: readonly string[]): string {
  const texts = key.map((column) => `${quoteIdentifier(column)}::text`).join(", ");
  return `
    select
      array[${texts}] as key,
      hashtextextended(row(${texts})::text collate "C", 0) as place,
      hashtextextended(row(${sqlColumns(columns)})::text collate "C", 0) as hash
    from only ${sqlName({ schema, name })}
    ${rows === undefined ? "" : `where ${rows}`}`;
}

async function digestBuckets(client: Client, hashed: string, buckets: number): Promise<Map<number, string>> {
  const { rows } = await client.query<{ bucket: number; digest: string }>(
    `select (place & $1)::int as bucket, concat_ws(':', count(*), sum(hash), bit_xor(hash)) as digest
     from (${hashed}) as hashed
     group by 1`,
    [buckets - 1],
  );
  return new Map(rows.map(({ bucket, digest }) => [bucket, digest]));
}

/** The hashes of the rows in some buckets, by their keys. */
async function readBuckets(
  client: Client,
  hashed: string,
  buckets: number,
  some: readonly number[],
): Promise<Map<string, string>> {
  const { rows } = await client.query<{ key: string[]; hash: string }>(
    `select key, hash::text as hash from (${hashed}) as hashed where (place & $1)::int = any ($2)`,
    [buckets - 1, some],
  );
  return new Map(rows.map(({ key, hash }) => [JSON.stringify(key), hash]));
}

function compareKeys(
  key: readonly string[],
  ours: ReadonlyMap<string, string>,
  theirs: ReadonlyMap<string, string>,
): RowDifference[] {
  const differing = [...new Set([...ours.keys(), ...theirs.keys()])].filter(
    (each) => ours.get(each) !== theirs.get(each),
  );
  return differing
    .sort((one, other) => one.localeCompare(other, "en", { numeric: true }))
    .map((each) => {
      const values = JSON.parse(each) as string[];
      return {
        key: Object.fromEntries(key.map((column, place) => [column, values[place] ?? ""])),
        where: !theirs.has(each) ? "left" : ours.has(each) ? "both" : "right",
      };
    });
}

async function withDifferingColumns(
  left: Client,
  right: Client,
  pair: TablePair,
  difference: RowDifference,
): Promise<RowDifference> {
  if (difference.where !== "both") return difference;
  const [ours, theirs] = await Promise.all(
    [left, right].map(async (client) => await readRow(client, pair, difference.key)),
  );
  return { ...difference, columns: pair.columns.filter((_, place) => ours?.[place] !== theirs?.[place]) };
}

async function readRow(
  client: Client,
  { schema, name, columns }: TablePair,
  key: Readonly<Record<string, string>>,
): Promise<readonly (string | null)[]> {
  const texts = columns.map((column) => `${quoteIdentifier(column)}::text`).join(", ");
  const conditions = Object.keys(key).map(
    (column, place) => `${quoteIdentifier(column)}::text = $${place + 1}`,
  );
  const { rows } = await client.query<{ row: (string | null)[] }>(
    `select array[${texts}] as row from only ${sqlName({ schema, name })} where ${conditions.join(" and ")}`,
    Object.values(key),
  );
  return rows[0]?.row ?? [];
}
