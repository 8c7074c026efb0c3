import type { Target } from "../engine/index.js";
import { InputError, type Operation } from "../operation/index.js";
import type { Client } from "../postgres/index.js";
import { listMigrationFiles, type MigrationFile, type Project, pathInProject } from "../project/index.js";
import { runBatches } from "./apply.js";
import { nothingAtEnd } from "./at-end.js";
import { halfDonePhase, markRolledBack, passBreaker, readControl } from "./control.js";
import type { Direction, FinishedMigration } from "./direction.js";
import { deleteLedgerRows, readLedger } from "./ledger.js";
import { intoBatches, type PlannedMigration, unknownVersion } from "./plan.js";
import { readScript } from "./script.js";
import { type DeploymentSession, withDeploymentSession } from "./session.js";
import { refuseProtected } from "./up.js";

export interface DownRequest {
  /** Roll back everything newer than this version. */
  readonly to?: string | undefined;
  /** Roll back this many of the newest; 1 when neither is given. */
  readonly count?: number | undefined;
}

export interface DownResult {
  readonly rolledBack: readonly FinishedMigration[];
}

/**
 * Runs the rollback scripts of the newest applied migrations, newest first, in one transaction where their
 * statements allow it. Where a migration stopped half-way outside of a transaction it is that one that is rolled back.
 * @param signal interrupts the work, which is then rolled back
 * @throws InputError `rollback-missing`, `version-unknown`, `nothing-to-run`
 * @throws RefusedError `environment-protected`, `breaker-open`, `deployment-running`
 * @throws UnchangedError when a statement failed
 */
export async function migrateDown(
  target: Target,
  request: DownRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<DownResult> {
  refuseProtected(target, wayBack);
  return await withDeploymentSession(target, operation, signal, async (session) => {
    const { client } = session;
    const applied = (await readLedger(client)).map((row) => row.version);
    const half = halfDonePhase(await readControl(client));
    // A phase that stopped half-way up has to go before anything else may.
    const undoesHalf = half?.direction === "up" && request.to === undefined && (request.count ?? 1) === 1;
    if (!undoesHalf) await passBreaker(client, new Set(applied));
    const versions = half && undoesHalf ? [half.version] : chooseVersions(applied, request);
    return { rolledBack: await runRollbacks(session, versions) };
  });
}

const wayBack =
  "Put what takes it back into a new migration and deploy that; or restore a backup: pantler backup list";

/**
 * Runs the rollback scripts of these migrations, whatever the breaker and the protection say: for taking back what a
 * deployment has begun.
 * @param versions in the order in which they are rolled back; one that stopped half-way may be among them
 * @param signal interrupts the work, which is then rolled back
 * @param isWanted says, once no other deployment can change it any more, whether it still has to be done
 * @throws InputError `rollback-missing`
 * @throws RefusedError `deployment-running`
 * @throws UnchangedError when a statement failed
 * @throws NeedsHandsError when a rollback that cannot run in a transaction stopped half-way
 */
export async function rollBackMigrations(
  target: Target,
  versions: readonly string[],
  operation: Operation,
  signal?: AbortSignal,
  isWanted: (client: Client) => Promise<boolean> = async () => true,
): Promise<DownResult> {
  return await withDeploymentSession(target, operation, signal, async (session) => ({
    rolledBack: (await isWanted(session.client)) ? await runRollbacks(session, versions) : [],
  }));
}

/** Runs the rollback scripts of these migrations in an open session. */
export async function runRollbacks(
  session: DeploymentSession,
  versions: readonly string[],
): Promise<FinishedMigration[]> {
  const { project } = session.target;
  const files = listMigrationFiles(project).migrations;
  const planned: PlannedMigration[] = [];
  for (const version of versions)
    planned.push(await planRollback(project, files, version, session.serverMajor));
  const batches = await intoBatches(planned, false, session.serverMajor);
  return await runBatches(session, batches, downwards, nothingAtEnd);
}

function chooseVersions(applied: readonly string[], { to, count }: DownRequest): string[] {
  if (to === undefined) return applied.slice(Math.max(0, applied.length - (count ?? 1))).reverse();
  if (!applied.includes(to)) throw unknownVersion(to);
  return applied.filter((version) => version > to).reverse();
}

async function planRollback(
  project: Project,
  files: readonly MigrationFile[],
  version: string,
  serverMajor: number,
): Promise<PlannedMigration> {
  const phase = files.findIndex((file) => file.version === version);
  const file = files[phase];
  if (!file) {
    throw new InputError({
      code: "rollback-missing",
      message: `${version} is applied but its file is gone, and with it the name of its rollback script.`,
      state: "Nothing was done.",
      remedy: `Bring the file back; or take the migration back by hand and run: pantler migration repair ${version} --status reverted`,
    });
  }
  if (!file.rollback.exists) {
    throw new InputError({
      code: "rollback-missing",
      message: `${version}_${file.name} has no rollback script.`,
      state: "Nothing was done.",
      remedy: `Write ${pathInProject(project, file.rollback.file)}.`,
    });
  }
  const title = `${version}_${file.name}`;
  return {
    version,
    name: file.name,
    phaseNumber: phase + 1,
    script: await readScript(project, file.rollback.file, serverMajor),
    checks: { title, checks: [] },
  };
}

const downwards: Direction = {
  way: "down",
  verb: "roll back",
  countsRows: false,
  record: async (client, done) => {
    const versions = done.map(({ migration: { version } }) => version);
    await deleteLedgerRows(client, versions);
    await markRolledBack(client, versions, "rolled back by its script");
  },
};
