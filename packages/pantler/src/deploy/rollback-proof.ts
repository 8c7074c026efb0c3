import type { Rehearsal } from "../migrations/index.js";
import { type Operation, RefusedError } from "../operation/index.js";

/**
 * Refuses rollback scripts that do not do what they are there for; says what the way back is where there are none, or
 * where they cannot bring back rows.
 * @throws RefusedError `rollback-wrong`
 */
export function judgeRollback({ rollback }: Rehearsal, operation: Operation): void {
  const { status, details } = rollback;
  const detail = details.join("\n");
  switch (status) {
    case "proven":
      return;
    case "missing":
      operation.finding(
        "warning",
        `there is no rollback script, so that the way back is the backup alone: ${detail}`,
      );
      return;
    case "rows-differ":
      operation.finding(
        "warning",
        `the rollback scripts bring back the schema and not every row, so that the way back is the backup: ${detail}`,
      );
      return;
    case "failed":
    case "schema-differs":
      throw new RefusedError({
        code: "rollback-wrong",
        message:
          status === "failed"
            ? "The rollback scripts of the pending migrations fail."
            : "The rollback scripts of the pending migrations leave another schema than there was.",
        detail,
        state: "Nothing was deployed; this was the rehearsal, and the backup it was made on stays listed.",
        remedy: "Mend the rollback scripts, or remove those that are not meant to be used.",
      });
  }
}
