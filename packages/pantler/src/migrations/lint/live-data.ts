import pg from "pg";
import {
  type Client,
  isConnectionLoss,
  quoteIdentifier,
  quoteQualified,
  sqlstates,
} from "../../postgres/index.js";
import type { LiveTable } from "./catalog.js";

/** How long one question to the data may take, and wait for a lock, in milliseconds. */
const patience = { statement: 30_000, lock: 2_000 };

/** A table of fewer rows is counted, as counting is quick and an estimate of it says little. */
const smallEstimate = 100_000;

/** How many keys of offending rows are shown. */
const sampleSize = 5;

/** Rows that something is true of. */
export interface FoundRows {
  readonly count: number;
  /** Keys of at most five of them, as text. */
  readonly keys: readonly string[];
}

/** Why a question has no answer: the role may not ask it, it took too long, or the question itself fails. */
export interface Unanswered {
  readonly because: string;
  /** Set when a value made it fail, as by a cast: the migration would fail on it too. */
  readonly fails: boolean;
}

export type Answer<Found> = Found | Unanswered;

export function isUnanswered(answer: object): answer is Unanswered {
  return "because" in answer;
}

/** The rows of an environment, inside a transaction that reads only. */
export class LiveData {
  readonly #client: Client;
  readonly #counts = new Map<LiveTable, Promise<Answer<{ readonly rows: number }>>>();

  /** @param client connected, and inside the transaction that `begin` opened */
  private constructor(client: Client) {
    this.#client = client;
  }

  /** Opens the transaction; whoever does has to roll it back. */
  static async begin(client: Client): Promise<LiveData> {
    // Off makes a policy that would hide rows an error: a count that leaves some out would be a wrong answer.
    await client.query(
      `begin read only; set local row_security = off; set local lock_timeout = ${patience.lock}; set local statement_timeout = ${patience.statement}`,
    );
    return new LiveData(client);
  }

  /** The server's major version. */
  async serverMajor(): Promise<number> {
    const { rows } = await this.#client.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    return Math.floor(Number(rows[0]?.version) / 10_000);
  }

  /** How many rows a table has: exactly when it is small, else as the planner estimates. */
  async rowsOf(table: LiveTable): Promise<Answer<{ readonly rows: number }>> {
    if (table.estimate >= smallEstimate) return { rows: Math.round(table.estimate) };
    const known = this.#counts.get(table) ?? this.#count(table);
    this.#counts.set(table, known);
    return await known;
  }

  async #count(table: LiveTable): Promise<Answer<{ readonly rows: number }>> {
    const answer = await this.#ask<{ rows: string }>(`select count(*) as rows from ${nameOf(table)}`);
    return isUnanswered(answer) ? answer : { rows: Number(answer[0]?.rows) };
  }

  /**
   * Finds the rows that fulfil a condition.
   * @param condition SQL over the table's columns
   */
  async rowsWhere(table: LiveTable, condition: string): Promise<Answer<FoundRows>> {
    const from = `from ${nameOf(table)} where ${condition}`;
    const counted = await this.#ask<{ count: string }>(`select count(*) as count ${from}`);
    if (isUnanswered(counted)) return counted;
    const count = Number(counted[0]?.count);
    if (count === 0) return { count, keys: [] };
    const sample = await this.#ask<{ key: string }>(
      `select ${keyOf(table)} as key ${from} order by ${orderOf(table)} limit ${sampleSize}`,
    );
    return isUnanswered(sample) ? sample : { count, keys: sample.map(({ key }) => key) };
  }

  /**
   * Finds the rows that share their values with another.
   * @param expressions SQL over the table's columns
   * @param condition which rows are asked of
   */
  async duplicates(
    table: LiveTable,
    expressions: readonly string[],
    condition: string,
  ): Promise<Answer<FoundRows>> {
    const values = expressions.join(", ");
    const rows = await this.#ask<{ key: string; count: string }>(
      `with pantler_counted as (
         select
           ${keyOf(table)} as key,
           row_number() over (order by ${orderOf(table)}) as place,
           count(*) over (partition by ${values}) as times
         from ${nameOf(table)} where ${condition}
       )
       select key, count(*) over () as count from pantler_counted where times > 1 order by place limit ${sampleSize}`,
    );
    if (isUnanswered(rows)) return rows;
    return { count: Number(rows[0]?.count ?? 0), keys: rows.map(({ key }) => key) };
  }

  /** A column's type as SQL writes it. */
  async typeOf({ schema, name }: LiveTable, column: string): Promise<string | undefined> {
    const rows = await this.#ask<{ type: string }>(
      `select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = $1::regclass and attname = $2`,
      [quoteQualified(schema, name), column],
    );
    return isUnanswered(rows) ? undefined : rows[0]?.type;
  }

  async #ask<Row extends object>(query: string, values: readonly string[] = []): Promise<Answer<Row[]>> {
    await this.#client.query("savepoint pantler_lint");
    try {
      return (await this.#client.query<Row>(query, [...values])).rows;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || isConnectionLoss(error)) throw error;
      return { because: reasonOf(error), fails: dataErrors.test(error.code ?? "") };
    } finally {
      // Also after an answer: it gives the lock on the table back.
      await this.#client.query("rollback to savepoint pantler_lint; release savepoint pantler_lint");
    }
  }
}

/** Class 22, "Data Exception": a value was at fault, not the question. */
const dataErrors = /^22/;

function reasonOf(error: pg.DatabaseError): string {
  if (error.code === sqlstates.queryCanceled) return `it took longer than ${patience.statement / 1000} s`;
  if (error.code === sqlstates.lockNotAvailable) return "somebody has locked the table";
  return error.message;
}

function nameOf({ schema, name }: LiveTable): string {
  return quoteQualified(schema, name);
}

/** What tells a row from others: its primary key, else its place. */
function keyOf({ key }: LiveTable): string {
  const [only, ...more] = key.map(quoteIdentifier);
  if (only === undefined) return "ctid::text";
  return more.length === 0 ? `${only}::text` : `row(${[only, ...more].join(", ")})::text`;
}

function orderOf({ key }: LiveTable): string {
  return key.length === 0 ? "ctid" : key.map(quoteIdentifier).join(", ");
}
