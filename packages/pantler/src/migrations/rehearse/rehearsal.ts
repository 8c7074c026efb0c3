import type { SchemaObject } from "../../schema/index.js";
import type { CheckResult } from "../check.js";

/** The modes of a table's lock, the weakest first (https://www.postgresql.org/docs/17/explicit-locking.html). */
export const lockModes = [
  "AccessShareLock",
  "RowShareLock",
  "RowExclusiveLock",
  "ShareUpdateExclusiveLock",
  "ShareLock",
  "ShareRowExclusiveLock",
  "ExclusiveLock",
  "AccessExclusiveLock",
] as const;

export type LockMode = (typeof lockModes)[number];

/** What pending migrations did to a copy of the environment. */
export interface Rehearsal {
  /** The versions in the order they ran. */
  readonly migrations: readonly string[];
  readonly statements: readonly RehearsedStatement[];
  /** Tables that were there before and were locked beyond reading. */
  readonly tables: readonly LockedTable[];
  /** At most three sentences, the riskiest first. */
  readonly risks: readonly string[];
  /** Those of the migrations and the smoke checks. */
  readonly checks: readonly CheckResult[];
  readonly rollback: RollbackProof;
  /** The major version of the server it ran on. */
  readonly serverMajor: number;
  /** The schema after the migrations: what the environment must have before its commit. */
  readonly schema: readonly SchemaObject[];
  readonly rows: readonly RehearsedRows[];
  /** Why the environment may behave differently. */
  readonly unfaithful: readonly string[];
  readonly milliseconds: number;
}

/** The rows of a table before and after; null where it is not there. */
export interface RehearsedRows {
  readonly schema: string;
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
  /** Whether the digests differ, or the columns they are made of. */
  readonly changed: boolean;
}

/** What others cannot do on some table while a statement runs. */
export type Blocked = "everything" | "writes" | "schema changes" | "nothing";

/** What a statement did; tables are named as SQL writes them. */
export interface RehearsedStatement {
  readonly version: string;
  readonly file: string;
  readonly line: number;
  /** Its first line, at most 120 characters. */
  readonly text: string;
  readonly milliseconds: number;
  /** The strongest lock on each table that was there before, where its transaction held none that is as strong. */
  readonly locks: readonly { readonly table: string; readonly mode: LockMode }[];
  readonly rewritten: readonly string[];
  readonly scanned: readonly string[];
  readonly rows: readonly {
    readonly table: string;
    readonly inserted: number;
    readonly updated: number;
    readonly deleted: number;
  }[];
  /** What waits behind it: for its own locks and for those that its transaction took before it. */
  readonly blocks: Blocked;
}

export interface LockedTable {
  readonly table: string;
  /** How many rows it had before. */
  readonly rows: number;
  readonly mode: LockMode;
  /** From the taking to the end of its transaction. */
  readonly heldMilliseconds: number;
  /** The statement that took it. */
  readonly file: string;
  readonly line: number;
}

/** Whether the rollback scripts bring back what was there before; what is amiss where they do not. */
export interface RollbackProof {
  readonly status: "proven" | "rows-differ" | "schema-differs" | "failed" | "missing";
  readonly details: readonly string[];
}
