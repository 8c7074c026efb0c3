import { sqlstates } from "../../postgres/index.js";
import { type Attempt, conflicts } from "./probe-session.js";

/**
 * Makes of a statement that changes rows one that never ends well: once a row was written, before anything that follows
 * from it (triggers after the row, cascades), or else when no row was met, before triggers after the statement. It reads no
 * column, so no right to read is needed.
 */
export function trialOf(statement: string): string {
  return `with tried as (${statement} returning ln(-1 - random())) select sqrt(-1 - random() - count(*)) from tried`;
}

/** The statement as it runs to its end, with what waits for the commit judged at once. Parameters do not go with it. */
export function completionOf(statement: string): string {
  return `set constraints all immediate; ${statement}`;
}

/** The errors of the two, as `dlog1` and `dsqrt` of PostgreSQL's float.c raise them. */
const written = { code: "2201E", routine: "dlog1" };
const missed = { code: "2201F", routine: "dsqrt" };

/** How one attempt to change a row ended. */
export interface Outcome {
  readonly kind: "allowed" | "refused" | "unclear";
  /** In words, where it is not simply allowed. */
  readonly why?: string;
  /** Whether it was only that somebody else holds the row. */
  readonly isLocked?: boolean;
  /** Whether the value was none for the column's type. */
  readonly isBadValue?: boolean;
  /** Whether the row was out of reach, whatever the values. */
  readonly isMissed?: boolean;
  /** The column that may not be empty, where that alone stopped it. */
  readonly emptyColumn?: string | undefined;
  /** Whether the row was within reach, and what it would have become was refused. */
  readonly isReached?: boolean;
  /** Whether the row was written, and not stopped by a constraint. */
  readonly isWritten?: boolean;
}

const allowed: Outcome = { kind: "allowed" };

/** Tells what it means where a statement that names a row was refused, and one that names none reaches some. */
export function blindOutcome(named: Outcome, blind: Outcome): Outcome {
  return blind.kind !== "refused" || blind.isReached ? unseenRows : named;
}

/** A constraint that stops a row before the condition of a view is looked at tells nothing of that. */
export function behindConstraint(outcome: Outcome, hasCheckOption: boolean): Outcome {
  if (!hasCheckOption || outcome.kind !== "allowed" || outcome.isWritten) return outcome;
  return { kind: "unclear", why: "a constraint stops it before the view's own condition is looked at" };
}

const unseenRows: Outcome = {
  kind: "unclear",
  why: "rows are within reach that it does not see, and which ones cannot be told",
};

/**
 * Reads how an attempt to change a row ended. The server judges in this order (ExecInsert and ExecUpdate of PostgreSQL's
 * nodeModifyTable.c): rights, row filter, triggers before the row, row security's check, constraints, unique indexes.
 * A constraint's error therefore means that everything before it was allowed.
 */
export function outcomeOf(attempt: Attempt): Outcome {
  if (!attempt.refusal) {
    return attempt.count > 0 ? allowed : { kind: "refused", why: "no row was met", isMissed: true };
  }
  const { code = "", routine, where, message, position } = attempt.refusal;
  // What a trigger or a function raises, or a statement inside of one, says where it happened.
  const isNested = where !== undefined && where !== "";
  if (!isNested && code === written.code && routine === written.routine)
    return { ...allowed, isWritten: true };
  if (!isNested && code === missed.code && routine === missed.routine) {
    return { kind: "refused", why: "no row was met", isMissed: true };
  }
  if (code === sqlstates.insufficientPrivilege) {
    return { kind: "refused", why: message, isReached: !isNested && routine === "ExecWithCheckOptions" };
  }
  if (code === sqlstates.lockNotAvailable || conflicts.includes(code)) {
    return { kind: "unclear", why: "others hold the row, or write it all the time", isLocked: true };
  }
  if (code === sqlstates.queryCanceled) return { kind: "unclear", why: "it took too long" };
  if (isNested) return { kind: "unclear", why: `it is refused on the way (${code}): ${message}` };
  if (routine === "ExecFindPartition") {
    return { kind: "unclear", why: "there is no partition for it" };
  }
  if (code === "23502") return { ...allowed, emptyColumn: attempt.refusal.column };
  if (code.startsWith("23")) return allowed;
  if (code === "428C9") return { kind: "refused", why: "the value is always generated" };
  if (code === "44000") return { kind: "refused", why: message };
  // A literal that is no value of its type is found where it stands in the text.
  const isBadValue = code.startsWith("22") && position !== undefined;
  return { kind: "unclear", why: `error ${code}: ${message}`, isBadValue };
}
