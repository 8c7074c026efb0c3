import type { QualifiedName, SequenceState } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";

/** A table whose rows are loaded into the table of the same name of another database. */
export interface SourceTable extends QualifiedName {
  /** Those that its rows have, in their order. */
  readonly columns: readonly string[];
  /** About how much there is of its rows, in bytes. */
  readonly bytes: number;
  /** The partitioned tables that it is a part of, the nearest first. */
  readonly partOf?: readonly QualifiedName[] | undefined;
  /** The one of them that the rows have to be loaded into: see `Table` of the room copy. */
  readonly entrance?: QualifiedName | undefined;
  /** Whether writing a row calls functions of the project's: see `Table` of the room copy. */
  readonly callsFunctions?: boolean | undefined;
}

/** Tables that were made because the database lacked them, still without what is better made once they have rows. */
export interface MadeTables {
  readonly tables: readonly QualifiedName[];
  /**
   * Makes the rest: indexes, constraints, foreign keys of others that refer to them, rights.
   * @returns the views that went with the tables and that nobody has made again
   */
  readonly finish: () => Promise<readonly string[]>;
}

/** Where rows come from: an archive, or one moment of another database. */
export interface RowSource<Table extends SourceTable = SourceTable> {
  /** What it is called, such as `the backup`. */
  readonly name: string;
  /** The tables that get rows, in an order in which they can be loaded: see `loadingOrder`. */
  readonly tables: readonly Table[];
  /** All that it has. */
  readonly known: readonly SourceTable[];
  readonly sequences: readonly SequenceState[];
  /** Materialised views that are filled there, each after those it reads. */
  readonly views: readonly QualifiedName[];
  /** A table's rows, as COPY text. Tables are asked for once each, in their order. */
  readonly rows: (table: Table) => AsyncIterable<Buffer>;
  /** What the rows of a table digest to (`digestText` of the room copy); known when they were read to their end. */
  readonly digestOf: (table: Table) => string;
  /** Makes the tables that a database lacks, inside the transaction that is open, where the source knows how. */
  readonly makeMissing?: ((client: Client) => Promise<MadeTables>) | undefined;
}
