import type { Keys } from "../../backup/index.js";
import type { QualifiedName } from "../../copy/index.js";

/** Somebody in `auth.users`. */
export interface KnownUser {
  readonly id: string;
  /** Null for one without an address. */
  readonly email: string | null;
}

/**
 * What becomes of rows that name somebody: they name the successor then, stay as they are, are deleted with the user, name
 * nobody any more, or keep the user from being deleted.
 */
export type Fate = "moves" | "stays" | "deleted" | "emptied" | "blocks";

/** The rows that name somebody by one column, and what becomes of them. */
export interface PlannedRows {
  readonly table: QualifiedName;
  readonly column: string;
  readonly rows: number;
  readonly fate: Fate;
  /** Why, in words. */
  readonly because: string;
}

/** Rows that the two could not both have, by one unique index or exclusion constraint. */
export interface Collision {
  readonly table: QualifiedName;
  readonly index: string;
  /** The first of what would be there twice, such as `quote_number = Q-1`. */
  readonly keys: readonly string[];
  readonly rows: number;
}

/** What handing over the rows of one user to another would do, before anything is done. */
export interface HandoverPlan {
  readonly environment: string;
  readonly from: KnownUser;
  readonly to: KnownUser;
  /** Where the user is named, each column for itself; columns without such rows are left out. */
  readonly rows: readonly PlannedRows[];
  /** How many rows move; one that names the user by two columns counts once. */
  readonly moving: number;
  /** What ends with the user at an off-boarding: sessions, ways to sign in, the user; empty for a reassignment. */
  readonly logins: readonly { readonly table: QualifiedName; readonly rows: number }[];
  /** What somebody should know first, in words. */
  readonly warnings: readonly string[];
  /** What has to be typed, where the environment is protected. */
  readonly phrase: string | undefined;
}

export interface HandoverRequest {
  /** Stop after the plan. */
  readonly dryRun?: boolean | undefined;
  /** For the backup of a protected environment: what it is encrypted with, and opened for its drill. */
  readonly keys: Keys;
  /** Shows the plan, and returns what somebody typed. It throws where the answer is no. */
  readonly confirm: (plan: HandoverPlan) => Promise<string | undefined>;
}

export interface ReassignRequest extends HandoverRequest {
  /** Whose rows: an address, an id of `auth.users`, or the role of a test user. */
  readonly from: string;
  /** Whose they become. */
  readonly to: string;
}

export interface OffboardRequest extends HandoverRequest {
  /** Who goes: an address, an id of `auth.users`, or the role of a test user. */
  readonly user: string;
  /** Whose the rows become. */
  readonly to: string;
}

export interface HandoverResult extends HandoverPlan {
  readonly outcome: "planned" | "nothing to do" | "reassigned" | "offboarded";
  /** The proven backup of a protected environment, taken before. */
  readonly backup: string | undefined;
  /** The command that brings back what that holds. */
  readonly undo: string | undefined;
  readonly milliseconds: number;
}

/** How somebody is called: by the address, else by the id. */
export function nameOf({ id, email }: KnownUser): string {
  return email ?? id;
}
