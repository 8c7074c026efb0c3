import type { Faker } from "@faker-js/faker";

/** A row by its columns. */
export type Row = Record<string, unknown>;

/** The user whose rows are made. */
export interface SeedUser {
  readonly id: string;
  readonly role: string;
  readonly name: string;
  readonly email: string;
}

/** What the value of a column can be made of. */
export interface RowContext {
  /** Draws its values for this row alone, so that the same row comes out whenever it is made. */
  readonly faker: Faker;
  /** The row's place among those of its table and user, from 0. */
  readonly index: number;
  /** The user whose row it is; undefined for a table without an owner. */
  readonly user: SeedUser | undefined;
  /** What the row has so far: keys, columns nothing is said of, then those declared before this one. */
  readonly row: Row;
  /** The moment that dates are relative to. */
  readonly now: Date;
  /** So many days after that moment, or before it. */
  days(count: number): Date;
  /** Some row of a table, whoever owns it; with these values, where some are given. */
  any(table: string, where?: Row): Row | undefined;
  /** The same among the rows of this user. */
  own(table: string, where?: Row): Row | undefined;
  /** The row that a foreign key column of this row refers to. */
  parent(column: string): Row | undefined;
  /** How many rows of a table this user is to have. */
  count(table: string): number;
}

/** A value, or how to make one for each row. */
export type ColumnValue =
  | string
  | number
  | boolean
  | null
  | Date
  | readonly unknown[]
  | { readonly [key: string]: unknown }
  | ((context: RowContext) => unknown);

/** What a table is to hold. */
export interface TableSeed {
  /** How many rows: in all, or for each role of the test users. A list is a row for each of its elements. */
  readonly rows: number | Readonly<Record<string, number>> | readonly Row[];
  /**
   * How fast the table grows with `--scale`: by 1 unless said otherwise, so that 100 makes a hundred times as many rows; 8
   * makes eight times as many as that; 0 keeps the number. Rows that are listed or have a key stay what they are.
   */
  readonly growth?: number;
  /** The column that says whose a row is: it refers to `auth.users`, or to a table with an owner. */
  readonly owner?: string;
  /**
   * Columns by which a row is found that is there already. Such a row is given the declared values where they differ, and no
   * second one is made. Without it rows are added until there are enough.
   */
  readonly key?: readonly string[];
  /** What the catalog cannot know. Functions are called in this order, after all other columns have values. */
  readonly columns?: Readonly<Record<string, ColumnValue>>;
}

/** Which rows a project wants in its development databases. */
export interface SeedDefinition {
  /** The moment that dates are relative to, in ISO 8601; by default the beginning of 2026. */
  readonly now?: string;
  /** Another number gives other rows. */
  readonly seed?: number;
  /** SQL that runs once the users are there, in the same transaction. It has to change nothing when it runs again. */
  readonly before?: string;
  /** By name: `contacts`, or with a schema `sales.orders`. */
  readonly tables: Readonly<Record<string, TableSeed>>;
}

/** The moment that dates are relative to unless the definition names one. */
export const usualNow = "2026-01-01T12:00:00Z";

/**
 * Says which rows to generate. What is not said about a column comes from the catalog: its type and length, foreign keys,
 * checks, unique keys, enums, domains. The same definition gives the same rows in the same database.
 */
export function defineSeed(definition: SeedDefinition): SeedDefinition {
  return definition;
}
