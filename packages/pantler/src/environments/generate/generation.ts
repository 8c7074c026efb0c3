import type { SeedDefinition, SeedUser } from "./definition.js";

/** What to generate. */
export interface GenerateRequest {
  readonly definition: SeedDefinition;
  readonly users: readonly SeedUser[];
  /** How many times as many rows as the definition says; 1 unless said otherwise. */
  readonly scale?: number;
}

/** What became of a table. */
export interface GeneratedTable {
  /** As the definition writes it. */
  readonly table: string;
  readonly added: number;
  /** Rows that were there and were given declared values. */
  readonly changed: number;
  /** The rows of the definition's users, or all where the table has no owner. */
  readonly rows: number;
}
