import { type QualifiedName, sqlName } from "../../copy/index.js";
import { type Client, quoteIdentifier, quoteLiteral } from "../../postgres/index.js";
import { changedTypes, freshValue, numberTypes } from "./fresh-value.js";
import type { KeyColumn } from "./key-columns.js";

/** A column that names a user, and what it says of the identity; undefined where it never names it. */
export interface OwnerMark {
  readonly table: QualifiedName;
  readonly column: string;
  readonly value: string | undefined;
}

export interface Multiplication {
  /** The table that gets as many rows as asked for, and those that are multiplied along with it. */
  readonly tables: readonly [QualifiedName, ...QualifiedName[]];
  readonly rows: number;
  readonly owners: readonly OwnerMark[];
  readonly keys: readonly KeyColumn[];
  /** Which part of the rows the identity sees now, between 0 and 1. */
  readonly share: number;
}

/** Nobody of a thousand users has more than about this part of the rows. */
const largestShare = 0.01;

/** How long filling one table may take, in milliseconds. */
const fillingTimeout = 180_000;

const columnsOf = `
select
  attname as name,
  typname as type,
  format_type(atttypid, atttypmod) as full_type,
  attgenerated <> '' as generated
from pg_attribute
join pg_type on pg_type.oid = atttypid
where attrelid = $1::regclass and attnum > 0 and not attisdropped
order by attnum
`;

const uniqueIndexes = `
select
  indexrelid::regclass::text as index,
  array(
    select attname::text from unnest(indkey::int2[]) with ordinality as keys (key, place)
    join pg_attribute on attrelid = indrelid and attnum = key
    where place <= indnkeyatts order by place
  ) as columns,
  indisprimary as primary,
  exists (select from pg_constraint where conindid = indexrelid and conrelid = indrelid) as constraint
from pg_index
where indrelid = $1::regclass and indisunique
order by indisprimary desc
`;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly full_type: string;
  readonly generated: boolean;
}

/**
 * Copies the rows of tables until the first of them has as many as are asked for. Every copy is a world of its own, with
 * keys and users of its own; in some of them the identity stays who it is, so that it keeps its share of the rows, or
 * one in a hundred where it has more than that.
 * @param client a superuser's session on a scratch server, where triggers and foreign keys are off
 * @returns how many rows the first table has then
 */
export async function multiplyRows(client: Client, request: Multiplication): Promise<number> {
  const [first] = request.tables;
  const there = await countRows(client, first);
  const copies = there === 0 ? 0 : Math.ceil((request.rows - there) / there);
  if (copies > 0) {
    await client.query(`set statement_timeout = ${fillingTimeout}`);
    const multiplier = await Multiplier.prepare(client, request);
    for (const table of request.tables) await multiplier.fill(table, copies);
    await client.query("set statement_timeout = 0");
  }
  for (const table of request.tables) await client.query(`vacuum (analyze) ${sqlName(table)}`);
  return copies > 0 ? await countRows(client, first) : there;
}

class Multiplier {
  readonly #client: Client;
  readonly #request: Multiplication;
  readonly #columns = new Map<string, readonly Column[]>();
  /** How a column's value becomes another one in a copy: by the copy alone, or by whose it is. */
  readonly #changed = new Map<string, "key" | "owner">();
  /** More than any number among the keys, so that copies cannot meet. */
  #stride = 1n;

  constructor(client: Client, request: Multiplication) {
    this.#client = client;
    this.#request = request;
  }

  static async prepare(client: Client, request: Multiplication): Promise<Multiplier> {
    const multiplier = new Multiplier(client, request);
    for (const table of request.tables) await multiplier.#freeTable(table);
    for (const { table, column } of request.owners) {
      if (multiplier.#columnOf(table, column)) multiplier.#changed.set(keyOf(table, column), "owner");
    }
    for (const table of request.tables) await multiplier.#chooseKeys(table);
    multiplier.#followKeys();
    await multiplier.#measureStride();
    return multiplier;
  }

  async fill(table: QualifiedName, copies: number): Promise<void> {
    const missing = this.#request.rows - (await countRows(this.#client, table));
    if (missing <= 0) return;
    const columns = (this.#columns.get(sqlName(table)) ?? []).filter(({ generated }) => !generated);
    const names = columns.map(({ name }) => quoteIdentifier(name)).join(", ");
    const values = columns.map((column) => this.#valueOf(table, column)).join(", ");
    await this.#client.query(
      `insert into ${sqlName(table)} (${names}) overriding system value
      select ${values} from generate_series(1, ${copies}) as copy cross join ${sqlName(table)} as source
      order by copy limit ${missing} on conflict do nothing`,
    );
  }

  /** Lets go of what made-up rows cannot keep to. */
  async #freeTable(table: QualifiedName): Promise<void> {
    const name = sqlName(table);
    const { rows } = await this.#client.query<Column>(columnsOf, [name]);
    this.#columns.set(name, rows);
    const { rows: checks } = await this.#client.query<{ name: string }>(
      "select conname as name from pg_constraint where conrelid = $1::regclass and contype in ('c', 'x') and coninhcount = 0",
      [name],
    );
    for (const check of checks) {
      await this.#client.query(`alter table ${name} drop constraint ${quoteIdentifier(check.name)}`);
    }
  }

  async #chooseKeys(table: QualifiedName): Promise<void> {
    const { rows } = await this.#client.query<{
      index: string;
      columns: string[];
      constraint: boolean;
    }>(uniqueIndexes, [sqlName(table)]);
    for (const { index, columns, constraint } of rows) {
      const isFresh = (name: string) =>
        this.#changed.get(keyOf(table, name)) === "key" || this.#isInside(table, name);
      if (columns.some(isFresh)) continue;
      const free = columns.find((name) => this.#canChange(table, name));
      if (free !== undefined) this.#changed.set(keyOf(table, free), "key");
      // Rows that meet in it are left out; one on an expression may lie.
      else if (columns.length === 0 && !constraint) await this.#client.query(`drop index ${index}`);
    }
  }

  /** Whether a column refers to a table that is multiplied too. */
  #isInside(table: QualifiedName, column: string): boolean {
    const key = this.#keyOf(table, column);
    return key !== undefined && this.#request.tables.some((each) => sqlName(each) === sqlName(key.toTable));
  }

  #canChange(table: QualifiedName, name: string): boolean {
    const column = this.#columnOf(table, name);
    if (!column || column.generated || this.#keyOf(table, name)) return false;
    return this.#changed.get(keyOf(table, name)) === undefined && changedTypes.has(column.type);
  }

  /** A column that refers to another one changes as that does; again and again, since that may refer to a third. */
  #followKeys(): void {
    for (let turn = 0; turn < this.#request.tables.length + 1; turn += 1) {
      for (const { table, column, toTable, toColumn } of this.#request.keys) {
        const change = this.#changed.get(keyOf(toTable, toColumn));
        const key = keyOf(table, column);
        if (change !== undefined && !this.#changed.has(key)) this.#changed.set(key, change);
      }
    }
  }

  async #measureStride(): Promise<void> {
    for (const table of this.#request.tables) {
      for (const column of this.#columns.get(sqlName(table)) ?? []) {
        if (!numberTypes.has(column.type) || !this.#changed.has(keyOf(table, column.name))) continue;
        const { rows } = await this.#client.query<{ most: string }>(
          `select coalesce(ceil(max(abs(${quoteIdentifier(column.name)}))), 0)::bigint as most from ${sqlName(table)}`,
        );
        const most = BigInt(rows[0]?.most ?? 0) + 1n;
        if (most > this.#stride) this.#stride = most;
      }
    }
  }

  #valueOf(table: QualifiedName, { name, type, full_type }: Column): string {
    const source = `source.${quoteIdentifier(name)}`;
    const change = this.#changed.get(keyOf(table, name));
    if (change === undefined) return source;
    const fresh = freshValue(source, type, full_type, this.#stride);
    if (change === "key" || fresh === source) return fresh;
    const value = this.#ownValue(table, name);
    if (value === undefined) return fresh;
    const every = Math.max(1, Math.round(this.#request.share / largestShare));
    return `case when copy % ${every} = 0 and ${source}::text = ${quoteLiteral(value)} then ${source} else ${fresh} end`;
  }

  /** What the identity is called in a column, which may refer to one that names users. */
  #ownValue(table: QualifiedName, column: string): string | undefined {
    let at = { table, column };
    for (let step = 0; step <= this.#request.tables.length; step += 1) {
      const key = keyOf(at.table, at.column);
      const mark = this.#request.owners.find((owner) => keyOf(owner.table, owner.column) === key);
      if (mark) return mark.value;
      const next = this.#keyOf(at.table, at.column);
      if (!next) return undefined;
      at = { table: next.toTable, column: next.toColumn };
    }
    return undefined;
  }

  #keyOf(table: QualifiedName, column: string): KeyColumn | undefined {
    const key = keyOf(table, column);
    return this.#request.keys.find((each) => keyOf(each.table, each.column) === key);
  }

  #columnOf(table: QualifiedName, name: string): Column | undefined {
    return this.#columns.get(sqlName(table))?.find((column) => column.name === name);
  }
}

function keyOf(table: QualifiedName, column: string): string {
  return `${sqlName(table)}.${quoteIdentifier(column)}`;
}

async function countRows(client: Client, table: QualifiedName): Promise<number> {
  const { rows } = await client.query<{ rows: string }>(`select count(*) as rows from ${sqlName(table)}`);
  return Number(rows[0]?.rows);
}
