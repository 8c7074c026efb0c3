import type { Step } from "../operation/index.js";
import { describeSqlProblem, isConnectionLoss } from "../postgres/index.js";
import type { AtEnd } from "./at-end.js";
import { type CheckGroup, type CheckResult, runChecks, summarize } from "./check.js";
import { remedyFor, StepFailure } from "./failure.js";
import type { PlannedMigration } from "./plan.js";
import type { ScriptStatement } from "./script.js";
import type { DeploymentSession } from "./session.js";

/** The statements that are more than comments. */
export function workOf({ script }: PlannedMigration): ScriptStatement[] {
  return script.statements.filter(({ class: { node } }) => node !== "EmptyQuery");
}

/**
 * Runs one statement of a migration.
 * @throws StepFailure which points at it in its file
 * @throws the driver's error when the connection is lost, and the signal's when that is aborted
 */
export async function runStatement(
  session: DeploymentSession,
  migration: PlannedMigration,
  statement: ScriptStatement,
): Promise<void> {
  session.signal?.throwIfAborted();
  try {
    await session.client.query(statement.text);
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    const { shown: file, text, statements } = migration.script;
    const { message, detail, sqlstate } = describeSqlProblem(error, { file, text, offset: statement.offset });
    throw new StepFailure(
      migration,
      {
        code: "statement-failed",
        message,
        detail: `statement ${statements.indexOf(statement) + 1} of ${statements.length}\n${detail}`,
        remedy: remedyFor(sqlstate),
        ...(sqlstate === undefined ? {} : { sqlstate }),
      },
      error,
    );
  }
}

/**
 * Brings the session back to what it was, whatever a file has set.
 * @returns the server's clock, in seconds since 1970
 */
export async function resetSession({ client, reset }: DeploymentSession): Promise<number> {
  const clock = "extract(epoch from pg_catalog.clock_timestamp())::double precision as now";
  // Several statements in one message give several results, which the driver's types do not know.
  const results = (await client.query<{ now: number }>(`${reset}, ${clock}`)) as unknown as {
    readonly rows: readonly { readonly now: number }[];
  }[];
  return results.at(-1)?.rows[0]?.now ?? 0;
}

/**
 * Runs the checks of a migration, or smoke checks, inside the transaction that is open.
 * @throws StepFailure `check-failed`
 */
export async function requireChecks(
  session: DeploymentSession,
  migration: PlannedMigration | undefined,
  { checks }: CheckGroup,
  step: Step,
): Promise<CheckResult[]> {
  if (checks.length === 0) return [];
  const results = await runChecks(session.client, checks, session.operation, (done) =>
    step.progress(done, checks.length, "checks"),
  );
  step.note(summarize(results));
  const failed = results.filter(({ outcome }) => outcome === "failed");
  const [first] = failed;
  if (!first) return results;
  throw new StepFailure(migration, {
    code: "check-failed",
    message: `${summarize(results)}: ${first.title} (${first.file}:${first.line})`,
    detail: failed.map(({ title, found }) => `${title}\n${found}`).join("\n"),
    remedy: "Mend the migration, or the check if it asks for the wrong thing.",
  });
}

/** Runs the checks that belong to no migration, a step for each file. */
export async function requireSmokeChecks(
  session: DeploymentSession,
  smoke: readonly CheckGroup[],
): Promise<void> {
  for (const group of smoke) {
    if (group.checks.length === 0) continue;
    await session.operation.step(`check ${group.title}`, async (step) => {
      await resetSession(session);
      await requireChecks(session, undefined, group, step);
    });
  }
}

/**
 * Has the result looked at inside the transaction that is open.
 * @throws StepFailure with the objection
 */
export async function requireInspection(
  session: DeploymentSession,
  inspect: AtEnd["inspect"],
): Promise<void> {
  if (!inspect) return;
  await resetSession(session);
  const objection = await inspect(session.client);
  if (objection) throw new StepFailure(undefined, objection);
}
