import type { Target } from "../engine/index.js";
import { type Operation, RefusedError } from "../operation/index.js";
import { listMigrationFiles } from "../project/index.js";
import { runBatches } from "./apply.js";
import { readSmokeChecks } from "./check.js";
import { markComplete, passBreaker } from "./control.js";
import type { Direction, FinishedMigration } from "./direction.js";
import { readLedger, writeLedgerRows } from "./ledger.js";
import { readMigrationList } from "./list.js";
import { planUp, type UpRequest } from "./plan.js";
import { withDeploymentSession } from "./session.js";

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
  refuseProtected(target);
  const folder = listMigrationFiles(target.project);
  return await withDeploymentSession(target, operation, signal, async (session) => {
    const { client } = session;
    await passBreaker(client, new Set((await readLedger(client)).map((row) => row.version)));
    const list = await readMigrationList(client, target.project, folder);
    const batches = await planUp(target, folder.migrations, list, request, session.serverMajor);
    const smoke = batches.length === 0 ? [] : readSmokeChecks(target.project);
    for (const batch of batches.slice(0, -1)) {
      if (batch.because) {
        const [last] = batch.migrations.slice(-1);
        operation.finding("info", `the transaction ends with ${last?.version}: ${batch.because}`);
      }
    }
    return { applied: await runBatches(session, batches, upwards, smoke) };
  });
}

/** Refuses to change a protected environment by any way but a deployment. */
export function refuseProtected({ environment }: Target): void {
  if (!environment.protected) return;
  throw new RefusedError({
    code: "environment-protected",
    message: `${environment.name} is protected.`,
    state: "Nothing was done.",
    remedy: `Take a proven backup first: pantler backup create --drill --env ${environment.name}; then, for as long as it may be changed, say so in the config: environments.${environment.name}.protected = false`,
  });
}

const upwards: Direction = {
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
