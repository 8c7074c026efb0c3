import {
  copyIn,
  digestTable,
  digestText,
  type QualifiedName,
  sqlColumns,
  sqlName,
} from "../../copy/index.js";
import { InputError } from "../../operation/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import { isDirect, type Load } from "./load-rows.js";
import { undone } from "./one-transaction.js";
import { rowsDiffer } from "./restore-verify.js";
import type { RowSource, SourceTable } from "./row-source.js";
import { asOrigin } from "./triggers.js";

export type MergeMode = "skip" | "update";

/** What became of the rows of one table. */
export interface Merged {
  readonly inserted: number;
  readonly updated: number;
}

/** A column by which rows are told apart. */
interface KeyColumn {
  readonly name: string;
  /** What tells that two values are the same, as the key's index does, for SQL. */
  readonly operator: string;
}

/** Where the rows of the source wait, in a schema that only this session sees. */
const staging: QualifiedName = { schema: "pg_temp", name: "pantler_rows" };

/**
 * The columns of a primary key and their operators: number 3 of a B-tree
 * (https://www.postgresql.org/docs/17/xindex.html). Columns that are only included come after those of the key.
 */
const primaryKey = `
select attname as name, format('operator(%I.%s)', nspname, oprname) as operator
from pg_index
cross join unnest(indkey::int2[], indclass::oid[]) with ordinality as key (number, class, place)
join pg_attribute on attrelid = indrelid and attnum = number
join pg_opclass on pg_opclass.oid = class
join pg_am on pg_am.oid = opcmethod and amname = 'btree'
join pg_amop
  on amopfamily = opcfamily and amoplefttype = opcintype and amoprighttype = opcintype and amopstrategy = 3
join pg_operator on pg_operator.oid = amopopr
join pg_namespace on pg_namespace.oid = oprnamespace
where indrelid = $1::regclass and indisprimary and place <= indnkeyatts
order by place
`;

const identitiesOf = `
select attname as name
from pg_attribute
where attrelid = $1::regclass and attidentity = 'a' and attname = any ($2)
`;

/**
 * Brings back rows by their primary key, inside the transaction that is open: those that are missing and, with
 * `update`, those that are different now. Others are not touched. A rule of the table would be followed.
 * @param source what the rows come from: its name and what they digest to, which is asked for once they were read
 * @param removed the condition, on `present`, under which rows are removed that the source does not have
 * @throws InputError `key-missing-for-merge` for a table without a primary key
 * @throws UnchangedError `rows-differ` when they did not come back as they were
 */
export async function mergeRows<Table extends SourceTable>(
  client: Client,
  load: Load<Table>,
  rows: AsyncIterable<Uint8Array>,
  source: Pick<RowSource<Table>, "name" | "digestOf">,
  mode: MergeMode,
  removed?: string,
): Promise<Merged> {
  const { table } = load;
  const merge = new Merge(load, (await client.query<KeyColumn>(primaryKey, [sqlName(load.into)])).rows);
  await stage(client, table, rows, source);
  if (removed) await asOrigin(client, async () => await client.query(merge.removal(removed)));
  const { updated, replaced } =
    mode === "update" ? await update(client, load, merge) : { updated: 0, replaced: 0 };
  const inserted = ((await client.query(merge.insertion())).rowCount ?? 0) - replaced;
  const { rows: lost } = await client.query<{ count: string }>(merge.lost(mode));
  if (Number(lost[0]?.count) > 0) {
    throw rowsDiffer(
      [`${table.schema}.${table.name}: ${lost[0]?.count} rows did not come back as they were`],
      undone,
      source.name,
    );
  }
  await client.query(`drop table ${sqlName(staging)}`);
  return { inserted, updated: updated + replaced };
}

async function stage<Table extends SourceTable>(
  client: Client,
  table: Table,
  rows: AsyncIterable<Uint8Array>,
  source: Pick<RowSource<Table>, "name" | "digestOf">,
): Promise<void> {
  const { schema, name, columns } = table;
  await client.query(
    `create temporary table pantler_rows as select ${sqlColumns(columns)} from ${sqlName(table)} with no data`,
  );
  await copyIn(client, staging, columns, rows);
  await client.query(`analyze ${sqlName(staging)}`);
  const found = digestText(await digestTable(client, { ...staging, columns }));
  if (found !== source.digestOf(table)) {
    const difference = `${schema}.${name}: the rows that came are not those of ${source.name}`;
    throw rowsDiffer([difference], undone, source.name);
  }
}

/** @returns how many rows were changed, and how many were removed, to be inserted as they were */
async function update(
  client: Client,
  { into, table }: Load<SourceTable>,
  merge: Merge,
): Promise<{ readonly updated: number; readonly replaced: number }> {
  const { rows } = await client.query<{ name: string }>(identitiesOf, [sqlName(into), table.columns]);
  const identities = rows.map(({ name }) => name);
  // The server lets nobody write to such a column of a row that is there. One that identifies the row is the same anyway.
  if (!identities.every((name) => merge.isKey(name))) {
    return { updated: 0, replaced: (await client.query(merge.removalOfChanged())).rowCount ?? 0 };
  }
  const statement = merge.update(identities);
  return {
    updated: statement === undefined ? 0 : ((await client.query(statement)).rowCount ?? 0),
    replaced: 0,
  };
}

/** The statements of a merge. */
class Merge {
  readonly #target: string;
  readonly #table: string;
  readonly #columns: readonly string[];
  readonly #key: readonly KeyColumn[];

  constructor(load: Load<SourceTable>, key: readonly KeyColumn[]) {
    if (key.length === 0) throw noKey(load.table);
    this.#table = sqlName(load.into);
    this.#target = `${isDirect(load) ? "only " : ""}${this.#table}`;
    this.#columns = load.table.columns;
    this.#key = key;
  }

  isKey(column: string): boolean {
    return this.#key.some(({ name }) => name === column);
  }

  removal(condition: string): string {
    return `delete from ${this.#target} as present where ${condition} and not exists (select from ${sqlName(staging)} as kept where ${this.#isSame})`;
  }

  removalOfChanged(): string {
    return `delete from ${this.#target} as present using ${sqlName(staging)} as kept where ${this.#isSame} and not ${this.#isEqual}`;
  }

  /** @param fixed columns that cannot be written to */
  update(fixed: readonly string[]): string | undefined {
    const written = this.#columns.filter((column) => !fixed.includes(column));
    if (written.length === 0) return undefined;
    const set = written.map((column) => `${quoteIdentifier(column)} = kept.${quoteIdentifier(column)}`);
    return `update ${this.#target} as present set ${set.join(", ")} from ${sqlName(staging)} as kept where ${this.#isSame} and not ${this.#isEqual}`;
  }

  insertion(): string {
    const columns = sqlColumns(this.#columns);
    return `insert into ${this.#table} (${columns}) overriding system value select ${columns} from ${sqlName(staging)} as kept where not exists (select from ${this.#target} as present where ${this.#isSame})`;
  }

  /** Counts the rows of the source that are not there, or with `update` not exactly. */
  lost(mode: MergeMode): string {
    const isBack = mode === "update" ? `${this.#isSame} and ${this.#isEqual}` : this.#isSame;
    return `select count(*) from ${sqlName(staging)} as kept where not exists (select from ${this.#target} as present where ${isBack})`;
  }

  get #isSame(): string {
    return this.#key
      .map(
        ({ name, operator }) => `present.${quoteIdentifier(name)} ${operator} kept.${quoteIdentifier(name)}`,
      )
      .join(" and ");
  }

  /** Rows are compared as text, as their digests are: not every type knows what equal means. */
  get #isEqual(): string {
    const row = (of: string) =>
      `row(${this.#columns.map((column) => `${of}.${quoteIdentifier(column)}`).join(", ")})::text collate "C"`;
    return `${row("present")} = ${row("kept")}`;
  }
}

function noKey({ schema, name }: SourceTable): InputError {
  return new InputError({
    code: "key-missing-for-merge",
    message: `${schema}.${name} has no primary key, so its rows cannot be told apart.`,
    state: "Nothing was changed.",
    remedy: "Restore the whole table instead, without --merge.",
  });
}
