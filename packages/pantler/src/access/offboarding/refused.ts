import pg from "pg";
import { messageOf, PantlerError, UnchangedError } from "../../operation/index.js";
import { isConnectionLoss, sqlstateOf, sqlstates } from "../../postgres/index.js";

/** These tell of the moment, not of the rows: whoever runs the transaction says what they mean. */
const passing: readonly string[] = [
  sqlstates.lockNotAvailable,
  sqlstates.deadlockDetected,
  sqlstates.queryCanceled,
];

/** The server's routine that raises what a function in PL/pgSQL says by itself. */
const raisedByFunction = "exec_stmt_raise";

/**
 * Runs a statement of a handover, and says what it was about when the database refuses it: a constraint, a trigger.
 * @param what a sentence's beginning, such as `The rows of public.notes cannot move`
 * @throws UnchangedError `refused-by-database`; and every error that is about something else, as it is
 */
export async function orRefused<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const sqlstate = sqlstateOf(error);
    if (error instanceof PantlerError || sqlstate === undefined || isConnectionLoss(error)) throw error;
    const raised = error instanceof pg.DatabaseError ? error : undefined;
    const lacksRight = sqlstate === sqlstates.insufficientPrivilege && raised?.routine !== raisedByFunction;
    if (passing.includes(sqlstate) || lacksRight) throw error;
    const detail = [raised?.detail, raised?.hint, raised?.where].filter(Boolean).join("\n");
    throw new UnchangedError({
      code: "refused-by-database",
      message: `${what}: ${messageOf(error)} (${sqlstate}).`,
      ...(detail === "" ? {} : { detail }),
      state: "The transaction was undone; everything is as it was before.",
      remedy: raised?.where
        ? "A trigger or a constraint of the project refuses it: see above which, and mend the rows or the rule."
        : "Mend the rows that this is about, or name another successor.",
      sqlstate,
      cause: error,
    });
  }
}
