import { sqlstates } from "../../postgres/index.js";
import type { Attempt } from "./probe-session.js";

/**
 * Ends a statement that was allowed: it is evaluated once the row was written and before anything that follows from it
 * (triggers after the row, cascades), and it reads no column, so no right to read is needed.
 */
export const marker = "ln(-1 - random())";

/** The error of the marker: invalid_argument_for_logarithm, as `dlog1` of PostgreSQL's float.c raises it. */
const marked = "2201E";

/** How one attempt to change a row ended. */
export interface Outcome {
  readonly kind: "allowed" | "refused" | "unclear";
  /** In words, where it is not simply allowed. */
  readonly why?: string;
  /** Whether it was only that somebody else holds the row. */
  readonly isLocked?: boolean;
  /** Whether the value was none for the column's type. */
  readonly isBadValue?: boolean;
}

const allowed: Outcome = { kind: "allowed" };

/**
 * Reads how an attempt to change a row ended. The server judges in this order (ExecInsert and ExecUpdate of PostgreSQL's
 * nodeModifyTable.c): rights, row filter, triggers before the row, row security's check, constraints, unique indexes.
 * A constraint's error therefore means that everything before it was allowed.
 */
export function outcomeOf(attempt: Attempt): Outcome {
  if (!attempt.refusal) {
    return attempt.count > 0 ? allowed : { kind: "refused", why: "no row was met" };
  }
  const { code = "", routine, where, message } = attempt.refusal;
  // What a trigger or a function raises, or a statement inside of one, says where it happened.
  const isNested = where !== undefined && where !== "";
  if (code === marked && routine === "dlog1" && !isNested) return allowed;
  if (code === sqlstates.insufficientPrivilege) return { kind: "refused", why: message };
  if (isNested) return { kind: "unclear", why: `it is refused on the way (${code}): ${message}` };
  if (routine === "ExecFindPartition") {
    return { kind: "unclear", why: "there is no partition for it" };
  }
  if (code.startsWith("23")) return allowed;
  if (code === "428C9") return { kind: "refused", why: "the value is always generated" };
  if (code === "44000") return { kind: "refused", why: message };
  if (code === sqlstates.lockNotAvailable) {
    return { kind: "unclear", why: "somebody else holds the row", isLocked: true };
  }
  if (code === sqlstates.queryCanceled) return { kind: "unclear", why: "it took too long" };
  return { kind: "unclear", why: `error ${code}: ${message}`, isBadValue: code.startsWith("22") };
}
