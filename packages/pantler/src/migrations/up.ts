import type { Target } from "../engine/index.js";
import { type Operation, RefusedError, UnchangedError } from "../operation/index.js";
import type { Client } from "../postgres/index.js";
import { listMigrationFiles } from "../project/index.js";
import { runBatches } from "./apply.js";
import type { Objection } from "./at-end.js";
import { readSmokeChecks } from "./check.js";
import { markComplete, passBreaker } from "./control.js";
import type { Direction, FinishedMigration } from "./direction.js";
import { isLockProblem } from "./failure.js";
import { readLedger, writeLedgerRows } from "./ledger.js";
import { readMigrationList } from "./list.js";
import { untilGranted } from "./lock-patience.js";
import { type Batch, planUp, type UpRequest } from "./plan.js";
import { type DeploymentSession, withDeploymentSession } from "./session.js";

export interface UpResult {
  readonly applied: readonly FinishedMigration[];
}

/**
 * Applies the pending migrations of an unprotected environment: all of them, their ledger rows and their checks in
 * one transaction, save those whose statements do not allow it.
 * @param signal interrupts the work, which is then rolled back
 * @throws RefusedError `environment-protected`, `breaker-open`, `deployment-running`, and for drift
 * @throws UnchangedError when a statement or a check failed
 * @throws NeedsHandsError when a migration that cannot run in a transaction stopped half-way
 */
export async function migrateUp(
  target: Target,
  request: UpRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<UpResult> {
  refuseProtected(
    target,
    `Deploy to it, which takes a proven backup first: pantler deploy ${target.environment.name}`,
  );
  return await applyMigrations(target, request, operation, signal);
}

/** What a deployment adds to the applying of migrations. */
export interface Safeguards {
  /** The id of the backup that was taken and proven for it, for the record. */
  readonly backup: string;
  /** Looks at the plan, and at the database under the deployment lock, before anything is done; what it throws ends the work. */
  readonly before: (client: Client, batches: readonly Batch[]) => Promise<void>;
  /** Looks at the result inside the last transaction. */
  readonly inspect: (client: Client) => Promise<Objection | undefined>;
}

/**
 * The same for any environment: who may change a protected one, and after what, is the caller's to decide.
 * @throws what `migrateUp` throws, save `environment-protected`
 */
export async function applyMigrations(
  target: Target,
  request: UpRequest,
  operation: Operation,
  signal?: AbortSignal,
  safeguards?: Safeguards,
): Promise<UpResult> {
  const folder = listMigrationFiles(target.project);
  const work = async (session: DeploymentSession) => {
    const { client } = session;
    await passBreaker(client, new Set((await readLedger(client)).map((row) => row.version)));
    const list = await readMigrationList(client, target.project, folder);
    const batches = await planUp(target, folder.migrations, list, request, session.serverMajor);
    if (safeguards) await pass(session, () => safeguards.before(client, batches));
    const smoke = batches.length === 0 ? [] : readSmokeChecks(target.project);
    for (const batch of batches.slice(0, -1)) {
      if (batch.because) {
        const [last] = batch.migrations.slice(-1);
        operation.finding("info", `the transaction ends with ${last?.version}: ${batch.because}`);
      }
    }
    const atEnd = { smoke, inspect: safeguards?.inspect };
    return { applied: await runBatches(session, batches, upwards, atEnd) };
  };
  return await withDeploymentSession(target, operation, signal, work, safeguards?.backup);
}

/** Looks before anything is done; what is looked at may be locked by others. */
async function pass(session: DeploymentSession, look: () => Promise<void>): Promise<void> {
  const attempt = await untilGranted(session, look, async () => {});
  if ("result" in attempt) return;
  const { error, blockers } = attempt;
  if (!isLockProblem(error)) throw error;
  throw new UnchangedError({
    code: "lock-not-granted",
    message: "The schema could not be looked at: other sessions hold its tables.",
    ...(blockers ? { detail: blockers } : {}),
    state: "Nothing was done.",
    remedy: "Try again when they are done.",
    cause: error,
  });
}

/** Refuses to change a protected environment by any way but a deployment. */
export function refuseProtected({ environment }: Target, remedy: string): void {
  if (!environment.protected) return;
  throw new RefusedError({
    code: "environment-protected",
    message: `${environment.name} is protected.`,
    state: "Nothing was done.",
    remedy,
  });
}

/** How migrations are applied. */
export const upwards: Direction = {
  way: "up",
  verb: "apply",
  countsRows: true,
  record: async (client, done) => {
    const rows = done.map(({ migration: { version, name, script } }) => ({
      version,
      name,
      statements: script.statements.map(({ text }) => text),
    }));
    await writeLedgerRows(client, rows);
    await markComplete(
      client,
      done.map(({ migration: { version }, ...facts }) => ({ version, ...facts })),
    );
  },
};
