import type { KnownTable } from "./known-tables.js";
import type { LockMode } from "./rehearsal.js";

/** Rows that a statement wrote. */
export interface WrittenRows {
  readonly table: KnownTable;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

/** What one statement did to the tables that were there before. */
export interface Effects {
  readonly milliseconds: number;
  /** The strongest lock on each table that is stronger than what the transaction held already. */
  readonly locks: readonly { readonly table: KnownTable; readonly mode: LockMode }[];
  /** The strongest lock that its transaction held on any of them when it was done. */
  readonly strongest: LockMode | undefined;
  readonly rewritten: readonly KnownTable[];
  /** Given a new file because they were truncated. */
  readonly emptied: readonly KnownTable[];
  readonly scanned: readonly KnownTable[];
  readonly written: readonly WrittenRows[];
  /** With how many rows each was. */
  readonly dropped: readonly { readonly table: KnownTable; readonly rows: number }[];
}

/** A lock from its taking to its end. */
export interface Hold {
  readonly table: KnownTable;
  readonly mode: LockMode;
  readonly milliseconds: number;
  /** Which of the statements took it, by its place among those measured. */
  readonly statement: number;
}

/** The counters of a table's files and rows at one moment. */
export interface Counters {
  /** Null once the table is gone, and for what has no file. */
  readonly file: number | null;
  readonly scans: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

const nothing: Counters = { file: null, scans: 0, inserted: 0, updated: 0, deleted: 0 };

/**
 * Tells from the counters before and after what became of a table, and keeps its number of rows.
 * @param isTruncation whether a new file means that the table was emptied, not that it was written anew
 */
export function compareCounters(
  table: KnownTable,
  before: Counters = nothing,
  after: Counters = nothing,
  isTruncation = false,
): {
  readonly rewritten: boolean;
  readonly emptied: boolean;
  readonly scanned: boolean;
  readonly written: WrittenRows | undefined;
} {
  const isNewFile = before.file !== null && after.file !== null && before.file !== after.file;
  const inserted = after.inserted - before.inserted;
  const updated = after.updated - before.updated;
  const deleted = isNewFile && isTruncation ? table.rows : after.deleted - before.deleted;
  table.rows = Math.max(0, table.rows + inserted - deleted);
  return {
    rewritten: isNewFile && !isTruncation,
    emptied: isNewFile && isTruncation,
    scanned: after.scans > before.scans,
    written: inserted + updated + deleted > 0 ? { table, inserted, updated, deleted } : undefined,
  };
}

/** What became of a table. */
export type Change = { readonly table: KnownTable } & ReturnType<typeof compareCounters>;

/** Sorts changes by their kind. */
export function effectsOf(
  changes: readonly Change[],
): Pick<Effects, "rewritten" | "emptied" | "scanned" | "written"> {
  const tables = (kind: "rewritten" | "emptied" | "scanned") =>
    changes.filter((change) => change[kind]).map(({ table }) => table);
  return {
    rewritten: tables("rewritten"),
    emptied: tables("emptied"),
    scanned: tables("scanned"),
    written: changes.flatMap(({ written }) => written ?? []),
  };
}
