import { type QualifiedName, sqlColumns, sqlName } from "../../copy/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import type { Catalog, TableFacts } from "./catalog.js";
import type { Row } from "./definition.js";

/** The rows of a table that others may refer to, those that are there and those that are made. */
export class Pool {
  readonly rows: Row[] = [];
  readonly #byOwner = new Map<string, Row[]>();
  readonly #chosen = new Map<string, { upTo: number; readonly rows: Row[] }>();
  readonly #found = new Map<string, { upTo: number; readonly rows: Map<unknown, Row> }>();

  add(row: Row, owner: string | undefined): void {
    this.rows.push(row);
    if (owner === undefined) return;
    const own = this.#byOwner.get(owner);
    if (own) own.push(row);
    else this.#byOwner.set(owner, [row]);
  }

  /** The rows of an owner. */
  of(owner: string): readonly Row[] {
    return this.#byOwner.get(owner) ?? [];
  }

  /** The rows with these values, of an owner where one is given. */
  where(values: Row | undefined, owner: string | undefined): readonly Row[] {
    const among = owner === undefined ? this.rows : this.of(owner);
    if (!values) return among;
    const key = `${owner ?? ""}\n${JSON.stringify(values)}`;
    const chosen = this.#chosen.get(key) ?? { upTo: 0, rows: [] };
    this.#chosen.set(key, chosen);
    const wanted = Object.entries(values);
    for (; chosen.upTo < among.length; chosen.upTo += 1) {
      const row = among[chosen.upTo];
      if (row && wanted.every(([column, value]) => row[column] === value)) chosen.rows.push(row);
    }
    return chosen.rows;
  }

  /** The row with this value in a column that has no two alike. */
  find(column: string, value: unknown): Row | undefined {
    const found = this.#found.get(column) ?? { upTo: 0, rows: new Map<unknown, Row>() };
    this.#found.set(column, found);
    for (; found.upTo < this.rows.length; found.upTo += 1) {
      const row = this.rows[found.upTo];
      if (row) found.rows.set(row[column], row);
    }
    return found.rows.get(value);
  }
}

/** So many rows of a table are enough to be referred to, where the definition does not speak of it. */
const enough = 5000;

/** Reads the rows of a table. Numbers too large for JavaScript stay texts. */
export async function readRows(
  client: Client,
  facts: TableFacts,
  { types }: Pick<Catalog, "types">,
): Promise<Row[]> {
  const large = facts.columns.filter(({ type }) => types.get(type)?.name === "int8").map(({ name }) => name);
  const list = facts.columns.map(({ name }) =>
    large.includes(name) ? `${quoteIdentifier(name)}::text` : quoteIdentifier(name),
  );
  return await readAsJson(client, `select ${list.join(", ")} from ${sqlName(facts)}`, large);
}

/** Reads the columns that a foreign key refers to, of a table that the definition does not speak of. */
export async function readReferenced(
  client: Client,
  table: QualifiedName,
  columns: readonly string[],
): Promise<Row[]> {
  const list = columns.map((column) => `${quoteIdentifier(column)}::text as ${quoteIdentifier(column)}`);
  return await readAsJson(
    client,
    `select ${list.join(", ")} from ${sqlName(table)} order by ${sqlColumns(columns)} limit ${enough}`,
    columns,
  );
}

async function readAsJson(
  client: Client,
  statement: string,
  maybeNumbers: readonly string[],
): Promise<Row[]> {
  const { rows } = await client.query<{ row: string }>(
    `select row_to_json(read)::text as row from (${statement}) as read`,
  );
  return rows.map(({ row: text }) => {
    const row = JSON.parse(text) as Row;
    for (const column of maybeNumbers) {
      const value = row[column];
      if (typeof value !== "string" || !/^-?\d{1,16}$/.test(value)) continue;
      if (Number.isSafeInteger(Number(value))) row[column] = Number(value);
    }
    return row;
  });
}
