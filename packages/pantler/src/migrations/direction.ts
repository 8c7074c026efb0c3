import type { Client } from "../postgres/index.js";
import type { CheckResult } from "./check.js";
import type { RunDirection } from "./control.js";
import type { PlannedMigration } from "./plan.js";

/** A migration that was applied or rolled back. */
export interface FinishedMigration {
  readonly version: string;
  readonly name: string;
  readonly phase: number;
  readonly milliseconds: number;
  readonly checks: readonly CheckResult[];
}

/** A migration whose statements are done, as the ledger and the control table have to know it. */
export interface DoneMigration {
  readonly migration: PlannedMigration;
  /** When it began and ended by the server's clock, in seconds since 1970. */
  readonly began: number;
  readonly ended: number;
  /** How many rows the project's tables held before and after; null where they were not counted. */
  readonly rowsBefore: number | null;
  readonly rowsAfter: number | null;
}

/** What differs between going up and going down. */
export interface Direction {
  readonly way: RunDirection;
  readonly verb: "apply" | "roll back";
  /** Writes the ledger and the control table, in the transaction of the migrations. */
  readonly record: (client: Client, done: readonly DoneMigration[]) => Promise<void>;
  /** Whether rows are counted. */
  readonly countsRows: boolean;
}

/** What a step that runs a migration is called. */
export function titleOf(direction: Direction, { version, name }: PlannedMigration): string {
  return `${direction.verb} ${version}_${name}`;
}

/** What the control table has to know of a migration before it runs. */
export function entryOf({ version, name, phaseNumber }: PlannedMigration) {
  return { version, name, phaseNumber };
}

export function finishedOf(
  { migration, began, ended }: DoneMigration,
  checks: readonly CheckResult[],
): FinishedMigration {
  const { version, name, phaseNumber: phase } = migration;
  return { version, name, phase, milliseconds: (ended - began) * 1000, checks };
}
