import type { Client } from "../../postgres/index.js";
import { type Counters, compareCounters, type Effects, effectsOf, type Hold } from "./effects.js";
import type { KnownTable, KnownTables } from "./known-tables.js";
import { strengthOf, strongestOf } from "./lock-modes.js";
import type { LockMode } from "./rehearsal.js";

/**
 * What the session's transaction holds and has counted. A table that it did anything to is locked until its end, so
 * that no other has to be asked about (https://www.postgresql.org/docs/17/view-pg-locks.html). The counters are those
 * behind pg_stat_xact_all_tables, which the session keeps to itself until it is outside of a transaction; a
 * validation of constraints and the building of an index count as a sequential scan.
 */
const held = `
select
  relation,
  modes,
  pg_catalog.pg_relation_filenode(relation) as file,
  pg_catalog.pg_stat_get_xact_numscans(relation)::float8 as scans,
  pg_catalog.pg_stat_get_xact_tuples_inserted(relation)::float8 as inserted,
  pg_catalog.pg_stat_get_xact_tuples_updated(relation)::float8 as updated,
  pg_catalog.pg_stat_get_xact_tuples_deleted(relation)::float8 as deleted,
  exists (select from pg_catalog.pg_class where pg_class.oid = relation) as there
from (
  select relation, pg_catalog.array_agg(mode) as modes
  from pg_catalog.pg_locks
  where pid = pg_catalog.pg_backend_pid()
    and locktype = 'relation'
    and granted
    and relation >= 16384
    and database = (
      select pg_database.oid from pg_catalog.pg_database where datname = pg_catalog.current_database()
    )
  group by relation
) as locks
`;

/** The files that tables have before anything is done to them. */
const files = `
select oid as relation, pg_catalog.pg_relation_filenode(oid) as file
from unnest($1::oid[]) as known (oid)
`;

interface Seen extends Counters {
  readonly mode: LockMode;
  readonly there: boolean;
}

interface Taken {
  readonly table: KnownTable;
  readonly mode: LockMode;
  readonly at: number;
  readonly statement: number;
}

/** Measures the statements of a transaction, each by what is different after it. Its own questions take no time. */
export class TransactionWatch {
  readonly #client: Client;
  readonly #known: KnownTables;
  #seen = new Map<KnownTable, Seen>();
  readonly #files: Map<number, number | null>;
  #taken: Taken[] = [];
  readonly #ended: Hold[] = [];
  #asked = 0;
  #checked = 0;

  private constructor(
    client: Client,
    known: KnownTables,
    rows: readonly { relation: number; file: number }[],
  ) {
    this.#client = client;
    this.#known = known;
    this.#files = new Map(rows.map(({ relation, file }) => [relation, file]));
  }

  /** Prepares to measure a transaction that is about to begin. */
  static async prepare(client: Client, known: KnownTables): Promise<TransactionWatch> {
    // What was counted before is handed over now, so that the transaction's own counters begin with nothing.
    await client.query("select pg_catalog.pg_stat_force_next_flush()");
    const { rows } = await client.query<{ relation: number; file: number }>(files, [
      known.tables.map(({ oid }) => oid),
    ]);
    return new TransactionWatch(client, known, rows);
  }

  /** Leaves out what was done since the last statement. */
  async rebase(): Promise<void> {
    this.#seen = await this.#look();
  }

  /**
   * Measures one statement.
   * @param statement its place among those measured
   * @param isTruncation whether it empties tables
   */
  async measure(statement: number, isTruncation: boolean, run: () => Promise<void>): Promise<Effects> {
    const started = this.#now();
    await run();
    const milliseconds = this.#now() - started;
    const before = this.#seen;
    const after = await this.#look();
    this.#seen = after;
    const tables = [...after.keys()];
    const locks = tables.flatMap((table) => {
      const mode = after.get(table)?.mode;
      if (mode === undefined || strengthOf(mode) <= strengthOf(before.get(table)?.mode ?? "")) return [];
      return [{ table, mode }];
    });
    this.#letGo(after);
    this.#taken.push(...locks.map(({ table, mode }) => ({ table, mode, at: started, statement })));
    const dropped = tables
      .filter((table) => after.get(table)?.there === false && before.get(table)?.there !== false)
      .map((table) => ({ table, rows: table.rows }));
    const changes = tables.map((table) => ({
      table,
      ...compareCounters(table, before.get(table) ?? this.#untouched(table), after.get(table), isTruncation),
    }));
    return {
      milliseconds,
      locks,
      strongest: strongestOf([...after.values()].map(({ mode }) => mode)),
      ...effectsOf(changes),
      dropped,
    };
  }

  /** How much of the transaction's time checks took, in milliseconds. */
  get checkMilliseconds(): number {
    return this.#checked;
  }

  /** Runs checks, whose time is the transaction's but no statement's. */
  async check<Result>(run: () => Promise<Result>): Promise<Result> {
    const started = performance.now();
    const result = await run();
    this.#checked += performance.now() - started;
    return result;
  }

  /** The locks of the transaction, which has just ended. */
  end(): Hold[] {
    this.#letGo(new Map());
    return this.#ended;
  }

  /** Ends what is no longer held, as after a rollback to a savepoint. */
  #letGo(held: ReadonlyMap<KnownTable, Seen>): void {
    const isHeld = ({ table, mode }: Taken) => strengthOf(held.get(table)?.mode ?? "") >= strengthOf(mode);
    const now = this.#now();
    for (const taken of this.#taken) {
      const { table, mode, at, statement } = taken;
      if (!isHeld(taken)) this.#ended.push({ table, mode, statement, milliseconds: now - at });
    }
    this.#taken = this.#taken.filter(isHeld);
  }

  #untouched({ oid }: KnownTable): Counters {
    return { file: this.#files.get(oid) ?? null, scans: 0, inserted: 0, updated: 0, deleted: 0 };
  }

  #now(): number {
    return performance.now() - this.#asked;
  }

  async #look(): Promise<Map<KnownTable, Seen>> {
    const started = performance.now();
    const { rows } = await this.#client.query<
      Counters & { relation: number; modes: string[]; there: boolean }
    >(held);
    const found = new Map<KnownTable, Seen>();
    for (const { relation, modes, ...counters } of rows) {
      const table = this.#known.of(relation);
      const mode = strongestOf(modes);
      if (!table || !mode) continue;
      const other = found.get(table);
      // An index brings its lock only: what it counts are its own scans.
      const own = relation === table.oid ? counters : (other ?? { ...this.#untouched(table), there: true });
      found.set(table, { ...own, mode: strongestOf([mode, other?.mode ?? ""]) ?? mode });
    }
    this.#asked += performance.now() - started;
    return found;
  }
}
