import type { Table } from "./tables.js";

/** A table, or the rows of a range of its pages. */
export interface Part {
  readonly table: Table;
  /** Which one of the table's parts it is, from 0, and how many there are. */
  readonly index: number;
  readonly of: number;
  /** The first page, and the one after the last; both undefined for a whole table. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** How much of the table's size is in it, in bytes; an estimate. */
  readonly bytes: number;
  /** A condition, for SQL, that holds for the rows that are meant; all of them without it. */
  readonly rows?: string | undefined;
}

/** Tables are cut into parts of about this size, in bytes, so that several connections can work on one. */
const partSize = 48 * 1024 * 1024;

/** And into no more than so many parts. */
const mostParts = 64;

/** Cuts a table into parts by ranges of pages; a small one is a single part. */
export function partsOf(table: Table): Part[] {
  const of = Math.max(1, Math.min(Math.round(table.bytes / partSize), mostParts, table.pages));
  if (of === 1) return [{ table, index: 0, of, from: undefined, to: undefined, bytes: table.bytes }];
  const page = (index: number) => Math.floor((table.pages * index) / of);
  return Array.from({ length: of }, (_, index) => ({
    table,
    index,
    of,
    from: page(index),
    // The last part is open: pages that were added meanwhile belong to somebody.
    to: index === of - 1 ? undefined : page(index + 1),
    bytes: table.bytes / of,
  }));
}

/**
 * The condition that holds for the rows of a part; undefined for a whole table. One on the table's `ctid` is answered by
 * reading just these pages (TID range scan, PostgreSQL 14).
 */
export function rowsOfPart({ from, to, rows }: Part): string | undefined {
  const conditions = [
    ...(from === undefined ? [] : [`ctid >= '(${from},0)'::tid`]),
    ...(to === undefined ? [] : [`ctid < '(${to},0)'::tid`]),
    ...(rows === undefined ? [] : [`(${rows})`]),
  ];
  return conditions.length === 0 ? undefined : conditions.join(" and ");
}
