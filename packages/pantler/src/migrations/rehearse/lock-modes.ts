import { type Blocked, type LockMode, lockModes } from "./rehearsal.js";

/** How strong a mode is, from 0; -1 for what is no lock, such as the marks of serializable transactions. */
export function strengthOf(mode: string): number {
  return lockModes.indexOf(mode as LockMode);
}

/** The strongest of some modes; undefined where none is a lock. */
export function strongestOf(modes: readonly string[]): LockMode | undefined {
  return lockModes[Math.max(-1, ...modes.map(strengthOf))];
}

/** Whether a lock keeps others from more than what reading a table keeps them from. */
export function isBeyondReading(mode: LockMode): boolean {
  return strengthOf(mode) >= strengthOf("RowExclusiveLock");
}

/**
 * What others cannot do while a lock of this mode is held, from the table of conflicts in
 * https://www.postgresql.org/docs/17/explicit-locking.html.
 */
export function blockedBy(mode: LockMode | undefined): Blocked {
  switch (mode) {
    case "AccessExclusiveLock":
      return "everything";
    case "ShareLock":
    case "ShareRowExclusiveLock":
    case "ExclusiveLock":
      return "writes";
    case "ShareUpdateExclusiveLock":
      return "schema changes";
    default:
      return "nothing";
  }
}
