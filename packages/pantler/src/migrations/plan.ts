import type { Target } from "../engine/index.js";
import { InputError, RefusedError } from "../operation/index.js";
import type { MigrationFile } from "../project/index.js";
import { type CheckGroup, readCheckGroup } from "./check.js";
import type { MigrationList } from "./list.js";
import { readScript, requireSyntax, type Script } from "./script.js";

/** A migration that is about to run, up or down. */
export interface PlannedMigration {
  readonly version: string;
  readonly name: string;
  /** Its place among the project's files, from 1. */
  readonly phaseNumber: number;
  /** What runs: the migration's file, or its rollback. */
  readonly script: Script;
  readonly checks: CheckGroup;
}

/** Migrations that stand or fall together. */
export interface Batch {
  /** False for a single migration that cannot run inside a transaction. */
  readonly transactional: boolean;
  readonly migrations: readonly PlannedMigration[];
  /** Why the batch ends where it ends, unless it is the last. */
  readonly because: string | undefined;
}

export interface UpRequest {
  /** Apply up to this version and no further. */
  readonly to?: string | undefined;
  /** Commit after each migration instead of once. */
  readonly oneByOne?: boolean | undefined;
  /** Also apply pending migrations that are older than an applied one. */
  readonly includeAll?: boolean | undefined;
}

/**
 * Decides which pending migrations run, and in which transactions.
 * @param serverMajor the target's major version
 * @throws RefusedError `migration-missing`, `migration-changed`, `migration-out-of-order`
 * @throws InputError `version-unknown`, and what reading the files throws
 */
export async function planUp(
  target: Target,
  files: readonly MigrationFile[],
  list: MigrationList,
  request: UpRequest,
  serverMajor: number,
): Promise<Batch[]> {
  refuseDrift(list);
  const { to } = request;
  if (to !== undefined && !files.some((file) => file.version === to)) throw unknownVersion(to);
  const pending = list.migrations.filter(
    ({ state, version }) =>
      (state === "pending" || state === "out-of-order") && (to === undefined || version <= to),
  );
  const late = pending.find(({ state }) => state === "out-of-order");
  if (late && !request.includeAll) {
    throw new RefusedError({
      code: "migration-out-of-order",
      message: `${late.version}_${late.name} is pending but older than the newest applied migration.`,
      state: "Nothing was done.",
      remedy:
        "Give the file a newer version; or, if it is independent of those applied after it, run it with --include-all.",
    });
  }
  const planned: PlannedMigration[] = [];
  for (const { version } of pending) {
    const phase = files.findIndex((file) => file.version === version);
    const file = files[phase];
    if (!file) throw unknownVersion(version);
    planned.push({
      version,
      name: file.name,
      phaseNumber: phase + 1,
      script: await readScript(target.project, file.file, serverMajor),
      checks: readCheckGroup(target.project, file),
    });
  }
  return await intoBatches(planned, request.oneByOne ?? false, serverMajor);
}

/**
 * Puts migrations into as few transactions as their statements allow.
 * @param serverMajor the target's major version
 * @throws UnchangedError `sql-syntax`: where one transaction is not enough, all of them are parsed first
 */
export async function intoBatches(
  planned: readonly PlannedMigration[],
  oneByOne: boolean,
  serverMajor: number,
): Promise<Batch[]> {
  const batches: Batch[] = [];
  let open: PlannedMigration[] = [];
  const close = (because: string | undefined) => {
    if (open.length > 0) batches.push({ transactional: true, migrations: open, because });
    open = [];
  };
  for (const migration of planned) {
    const { mode, because } = migration.script;
    if (mode === "statements") {
      close(because);
      batches.push({ transactional: false, migrations: [migration], because });
      continue;
    }
    open.push(migration);
    if (mode === "commit-after") close(because);
    else if (oneByOne) close(undefined);
  }
  close(undefined);
  const [only] = batches;
  if (batches.length > 1 || only?.transactional === false) {
    for (const { script } of planned) await requireSyntax(script, serverMajor);
  }
  return batches;
}

export function unknownVersion(version: string): InputError {
  return new InputError({
    code: "version-unknown",
    message: `There is no migration with version ${version}.`,
    state: "Nothing was done.",
    remedy: "See the versions with pantler migration list; write leading zeros as the file does.",
  });
}

function refuseDrift(list: MigrationList): void {
  const missing = list.migrations.find(({ state }) => state === "missing");
  if (missing) {
    throw new RefusedError({
      code: "migration-missing",
      message: `${missing.version}${missing.name ? `_${missing.name}` : ""} is applied but its file is gone.`,
      state: "Nothing was done.",
      remedy: `Bring the file back; or, if the migration was taken back by hand, run: pantler migration repair ${missing.version} --status reverted`,
    });
  }
  const changed = list.migrations.find(({ state }) => state === "changed");
  if (changed) {
    throw new RefusedError({
      code: "migration-changed",
      message: `${changed.version}_${changed.name} was edited after it was applied.`,
      state: "Nothing was done.",
      remedy: `Bring back the applied text and put the change into a new migration; or, if the database already agrees with the edited file, run: pantler migration repair ${changed.version} --status applied`,
    });
  }
}
