import type { Keys } from "../../backup/index.js";
import type { WhichUsers } from "../parity/which-users.js";

/** A table, and what becomes of its rows. */
export interface PlannedTable {
  readonly schema: string;
  readonly name: string;
  /** How many rows the target has now. */
  readonly now: number;
  /** How many the source has. */
  readonly after: number;
}

/** A user of Supabase's. */
export interface SyncedUser {
  readonly id: string;
  /** Null for one without an address. */
  readonly email: string | null;
}

/** What becomes of users. */
export interface PlannedUsers {
  readonly which: WhichUsers;
  /** Those that only the source has. */
  readonly added: readonly SyncedUser[];
  /** Those that both have: they become what they are in the source, with passwords and ways to sign in. */
  readonly replaced: readonly SyncedUser[];
  /** Those of the same kind that only the target has: they stay. */
  readonly kept: readonly SyncedUser[];
}

/** What a sync would do, before anything is done. */
export interface SyncPlan {
  readonly from: string;
  readonly to: string;
  readonly tables: readonly PlannedTable[];
  /** Undefined where one of the two is no Supabase database. */
  readonly users: PlannedUsers | undefined;
  /** What somebody should know first, in words: tables that become empty, users that stay. */
  readonly warnings: readonly string[];
  /** What has to be typed, where the target is protected. */
  readonly phrase: string | undefined;
}

export interface SyncRequest {
  /** `test` by default: those who belong to nobody. */
  readonly users?: WhichUsers | undefined;
  /** Stop after the plan. */
  readonly dryRun?: boolean | undefined;
  /** For the backup of the target: what it is encrypted with, and opened for its drill. */
  readonly keys: Keys;
  /** Shows the plan, and returns what somebody typed. It throws where the answer is no. */
  readonly confirm: (plan: SyncPlan) => Promise<string | undefined>;
}

export interface SyncResult extends SyncPlan {
  readonly outcome: "planned" | "synced";
  /** The proven backup of what the target held; undefined for a plan. */
  readonly backup: string | undefined;
  /** The command that brings that back. */
  readonly undo: string | undefined;
  readonly milliseconds: number;
}

/** What has to be typed before a protected environment is overwritten. */
export function overwritePhrase(environment: string): string {
  return `OVERWRITE ${environment}`;
}
