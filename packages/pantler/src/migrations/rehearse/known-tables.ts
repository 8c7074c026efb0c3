import type { Client } from "../../postgres/index.js";

/** A table or a view that was there before the migrations. */
export interface KnownTable {
  readonly oid: number;
  readonly schema: string;
  readonly relname: string;
  /** As SQL writes it. */
  readonly name: string;
  /** The partitioned table that it is the last part of; otherwise its own name. */
  readonly root: string;
  readonly hasRows: boolean;
  /** How many rows it held before the migrations. */
  readonly before: number;
  /** How many rows it holds; grows and shrinks with what is measured. */
  rows: number;
}

/** What records the migrations themselves is locked by Pantler, not by them. */
const recorded = ["pantler", "supabase_migrations"];

/** https://www.postgresql.org/docs/17/catalog-pg-class.html; an index stands for its table, as nobody reads it alone. */
const relations = `
select
  class.oid,
  nspname as schema,
  relname,
  format('%I.%I', nspname, relname) as name,
  (
    select format('%I.%I', root_schema.nspname, root.relname)
    from pg_catalog.pg_class as root
    join pg_catalog.pg_namespace as root_schema on root_schema.oid = root.relnamespace
    where root.oid = pg_catalog.pg_partition_root(class.oid)
  ) as root,
  relkind in ('r', 'p', 'm') as "hasRows",
  greatest(reltuples, 0)::float8 as rows,
  array(select indexrelid from pg_catalog.pg_index where indrelid = class.oid) as indexes
from pg_catalog.pg_class as class
join pg_catalog.pg_namespace as namespace on namespace.oid = relnamespace
where relkind in ('r', 'p', 'm', 'v')
  and relpersistence <> 't'
  and nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
  and nspname <> all ($1)
order by nspname, relname
`;

type Row = Omit<KnownTable, "root" | "before"> & {
  readonly root: string | null;
  readonly indexes: readonly number[];
};

/** The tables that were there before, found by the object ids of themselves and of their indexes. */
export class KnownTables {
  readonly tables: readonly KnownTable[];
  readonly #byRelation = new Map<number, KnownTable>();

  private constructor(rows: readonly Row[]) {
    this.tables = rows.map(({ indexes, ...row }) => {
      const root = row.root ?? row.name;
      // A partitioned table holds what its parts hold.
      const parts = rows.filter((other) => other.root === row.name && other.name !== row.name);
      const count = parts.length > 0 ? parts.reduce((sum, part) => sum + part.rows, 0) : row.rows;
      const table = { ...row, root, rows: count, before: count };
      for (const relation of [table.oid, ...indexes]) this.#byRelation.set(relation, table);
      return table;
    });
  }

  /**
   * Reads which tables and views there are now.
   * @param counted how many rows some of them hold; of the others the planner's estimate is taken
   */
  static async read(
    client: Client,
    counted: readonly { readonly schema: string; readonly name: string; readonly rows: number }[],
  ): Promise<KnownTables> {
    const { rows } = await client.query<Row>(relations, [recorded]);
    const key = (schema: string, name: string) => JSON.stringify([schema, name]);
    const counts = new Map(counted.map(({ schema, name, rows: count }) => [key(schema, name), count]));
    return new KnownTables(
      rows.map((row) => ({ ...row, rows: counts.get(key(row.schema, row.relname)) ?? row.rows })),
    );
  }

  /** The table that a relation is, or is an index of; undefined for one that was not there before. */
  of(relation: number): KnownTable | undefined {
    return this.#byRelation.get(relation);
  }
}
