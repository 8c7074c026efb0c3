import { leadingWord } from "../../postgres/index.js";
import { type CheckGroup, type CheckResult, summarize } from "../check.js";
import type { PlannedMigration } from "../plan.js";
import { requireChecks, resetSession, runStatement } from "../run.js";
import type { ScriptStatement } from "../script.js";
import type { DeploymentSession } from "../session.js";
import { describeStatement } from "./describe-statement.js";
import type { Effects, Hold } from "./effects.js";
import type { KnownTables } from "./known-tables.js";
import type { RehearsedStatement } from "./rehearsal.js";
import type { TransactionWatch } from "./transaction-watch.js";

/** A statement as it was measured. */
export interface MeasuredStatement extends RehearsedStatement {
  readonly effects: Effects;
  /** The transaction that it shares with others, until whose commit its locks stay. */
  readonly transaction: TransactionWatch | undefined;
}

/** What applying migrations came to. */
export interface Measured {
  readonly statements: MeasuredStatement[];
  readonly holds: Hold[];
  readonly checks: CheckResult[];
}

/** Work that is measured, and where what is found goes. */
export interface Run {
  readonly session: DeploymentSession;
  readonly known: KnownTables;
  readonly measured: Measured;
  readonly smoke: readonly CheckGroup[];
}

/** Measures a statement of a transaction that is open. */
export async function measureInside(
  { session, measured }: Run,
  watch: TransactionWatch,
  migration: PlannedMigration,
  statement: ScriptStatement,
  isShared = true,
): Promise<void> {
  const isTruncation = leadingWord(statement.text) === "truncate";
  const effects = await watch.measure(measured.statements.length, isTruncation, () =>
    runStatement(session, migration, statement),
  );
  measured.statements.push({
    ...describeStatement(migration, statement, effects),
    effects,
    transaction: isShared ? watch : undefined,
  });
}

/** Runs the checks that belong to no migration. */
export async function runSmokeChecks({ session, measured, smoke }: Run): Promise<void> {
  for (const group of smoke.filter(({ checks }) => checks.length > 0)) {
    await session.operation.step(`check ${group.title}`, async (step) => {
      await resetSession(session);
      const results = await requireChecks(session, undefined, group, step);
      measured.checks.push(...results);
      step.note(summarize(results));
    });
  }
}

/** What a step that rehearses a migration is called. */
export function titleOf({ version, name }: PlannedMigration): string {
  return `rehearse ${version}_${name}`;
}
