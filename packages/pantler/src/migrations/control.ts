import { hostname, userInfo } from "node:os";
import { RefusedError } from "../operation/index.js";
import type { Client } from "../postgres/index.js";

export type PhaseStatus = "running" | "complete" | "failed" | "rolled_back";

/** Whether a run applies a phase or rolls it back. */
export type RunDirection = "up" | "down";

/** One row of the control table: how the last run of a phase went. */
export interface PhaseRecord {
  readonly version: string;
  readonly phaseNumber: number;
  readonly name: string;
  readonly status: PhaseStatus;
  readonly direction: RunDirection;
  readonly startedAt: Date;
  readonly completedAt: Date | null;
  readonly error: string | null;
  /** Null in a row that was written by hand. */
  readonly transactional: boolean | null;
  readonly statementsDone: number;
}

/** What a run needs to know of a phase to record it. */
export interface PhaseEntry {
  readonly version: string;
  readonly phaseNumber: number;
  readonly name: string;
}

const controlTable = `
create schema if not exists pantler;
create table if not exists pantler.migration_control (
  version text primary key,
  phase_number integer not null check (phase_number > 0),
  name text not null,
  status text not null check (status in ('running', 'complete', 'failed', 'rolled_back')),
  direction text not null default 'up' check (direction in ('up', 'down')),
  transactional boolean,
  statements_done integer not null default 0,
  started_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz check (completed_at >= started_at),
  duration interval,
  rows_before bigint,
  rows_after bigint,
  backup_id text,
  error text,
  run_by text
);
comment on schema pantler is 'What Pantler records about its work on this database';
comment on table pantler.migration_control is
  'The circuit breaker: how the last run of each phase went; a row that is running or failed stops the next one';
`;

/** Makes the control table if it is missing. */
export async function prepareControl(client: Client): Promise<void> {
  if (await isControlThere(client)) return;
  await client.query(`set client_min_messages = warning; ${controlTable}; reset client_min_messages`);
}

async function isControlThere(client: Client): Promise<boolean> {
  // The catalogs can be read without a right to the schema, which to_regclass would ask for.
  const { rows } = await client.query(
    `select from pg_catalog.pg_class
    join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
    where nspname = 'pantler' and relname = 'migration_control'`,
  );
  return rows.length > 0;
}

/** Reads the control table in the order of the phases; none when it does not exist yet. */
export async function readControl(client: Client): Promise<PhaseRecord[]> {
  if (!(await isControlThere(client))) return [];
  const { rows } = await client.query<PhaseRecord>(`
    select
      version,
      phase_number as "phaseNumber",
      name,
      status,
      direction,
      started_at as "startedAt",
      completed_at as "completedAt",
      error,
      transactional,
      statements_done as "statementsDone"
    from pantler.migration_control
    order by version collate "C"
  `);
  return rows;
}

/**
 * Records that phases are about to run. Written outside of their transaction, so that it survives their end. Of one that
 * stopped half-way and is about to be rolled back the record stays as it is: half-way is where it is until that is done.
 * @param backup the id of the backup that was taken and proven for it, where there is one
 */
export async function markRunning(
  client: Client,
  phases: readonly PhaseEntry[],
  direction: RunDirection,
  transactional: boolean,
  backup: string | undefined,
): Promise<void> {
  await client.query(
    `insert into pantler.migration_control as control
      (version, phase_number, name, status, direction, transactional, run_by, backup_id)
    select phase.version, phase."phaseNumber", phase.name, 'running', $2, $3, $4, $5
    from jsonb_to_recordset($1) as phase (version text, "phaseNumber" integer, name text)
    on conflict (version) do update set
      phase_number = excluded.phase_number,
      name = excluded.name,
      status = excluded.status,
      direction = excluded.direction,
      transactional = excluded.transactional,
      statements_done = 0,
      started_at = clock_timestamp(),
      completed_at = null,
      duration = null,
      rows_before = null,
      rows_after = null,
      error = null,
      backup_id = excluded.backup_id,
      run_by = excluded.run_by
    where excluded.direction = 'up'
      or control.transactional is distinct from false
      or control.status not in ('running', 'failed')`,
    [JSON.stringify(phases), direction, transactional, whoRuns(), backup ?? null],
  );
}

/** A phase that is done: when it began and ended, in seconds since 1970, and the rows around it. */
export interface CompletedPhase {
  readonly version: string;
  readonly began: number;
  readonly ended: number;
  readonly rowsBefore: number | null;
  readonly rowsAfter: number | null;
}

/**
 * Records, inside their transaction, that phases are complete; it becomes true when that commits. A clock that was
 * put back meanwhile makes a phase take no time, not a negative one.
 */
export async function markComplete(client: Client, phases: readonly CompletedPhase[]): Promise<void> {
  await client.query(
    `update pantler.migration_control as control set
      status = 'complete',
      started_at = to_timestamp(phase.began),
      completed_at = to_timestamp(greatest(phase.began, phase.ended)),
      duration = to_timestamp(greatest(phase.began, phase.ended)) - to_timestamp(phase.began),
      rows_before = phase."rowsBefore",
      rows_after = phase."rowsAfter"
    from json_to_recordset($1) as phase (
      version text, began double precision, ended double precision, "rowsBefore" bigint, "rowsAfter" bigint
    )
    where control.version = phase.version`,
    [JSON.stringify(phases)],
  );
}

/** Records how many statements of a phase that runs outside of a transaction are done. */
export async function markProgress(client: Client, version: string, statementsDone: number): Promise<void> {
  await client.query("update pantler.migration_control set statements_done = $2 where version = $1", [
    version,
    statementsDone,
  ]);
}

/**
 * Records that a phase failed, which opens the breaker.
 * @param whole nothing of it is left, as if it had run in a transaction: nobody has to undo it
 */
export async function markFailed(
  client: Client,
  version: string,
  error: string,
  whole: boolean,
): Promise<void> {
  await client.query(
    `update pantler.migration_control set
      status = 'failed',
      completed_at = greatest(started_at, clock_timestamp()),
      transactional = transactional or $3,
      error = $2
    where version = $1`,
    [version, error, whole],
  );
}

/** Records that phases are not applied (any more). */
export async function markRolledBack(
  client: Client,
  versions: readonly string[],
  why: string,
): Promise<void> {
  await settle(client, versions, ["up", "down"], "rolled_back", why);
}

/**
 * Records that the run of phases came to nothing: what was to be applied is not, and what was to be rolled back is
 * applied as before, or half-way as before.
 */
export async function markUndone(
  client: Client,
  versions: readonly string[],
  direction: RunDirection,
  why: string,
): Promise<void> {
  await settle(client, versions, [direction], direction === "up" ? "rolled_back" : "complete", why);
}

async function settle(
  client: Client,
  versions: readonly string[],
  directions: readonly RunDirection[],
  status: PhaseStatus,
  why: string,
): Promise<void> {
  await client.query(
    `update pantler.migration_control set
      status = $3,
      completed_at = greatest(started_at, clock_timestamp()),
      error = $4
    where version = any ($1)
      and direction = any ($2)`,
    [versions, directions, status, why],
  );
}

/**
 * The circuit breaker: refuses further work while a phase is left running or failed. Phases of a transaction
 * whose process died are as they were before: the caller holds the deployment lock, which the dead session would
 * still hold, and the ledger does not show their transaction. That is recorded, and they do not open the breaker.
 * @param applied the versions that the ledger holds
 * @throws RefusedError `breaker-open` with the way out
 */
export async function passBreaker(client: Client, applied: ReadonlySet<string>): Promise<void> {
  const { died, open } = sortOpen(await readControl(client), applied);
  for (const direction of ["up", "down"] as const) {
    const versions = died.filter((phase) => phase.direction === direction).map(({ version }) => version);
    if (versions.length > 0) {
      await markUndone(client, versions, direction, "the process ended before its transaction did");
    }
  }
  if (open) throw breakerOpen(open, applied.has(open.version));
}

/**
 * The same, without recording anything.
 * @throws RefusedError `breaker-open`
 */
export async function lookAtBreaker(client: Client, applied: ReadonlySet<string>): Promise<void> {
  const { open } = sortOpen(await readControl(client), applied);
  if (open) throw breakerOpen(open, applied.has(open.version));
}

function sortOpen(
  control: readonly PhaseRecord[],
  applied: ReadonlySet<string>,
): { readonly died: readonly PhaseRecord[]; readonly open: PhaseRecord | undefined } {
  const open = control.filter(isOpen);
  const died = open.filter(
    ({ status, transactional, direction, version }) =>
      status === "running" && transactional === true && applied.has(version) === (direction === "down"),
  );
  return { died, open: open.find((each) => !died.includes(each)) };
}

/** Whether a phase keeps the breaker open. */
export function isOpen(phase: PhaseRecord): boolean {
  return phase.status === "running" || phase.status === "failed";
}

/** The phase that stopped half-way outside of a transaction, if there is one. */
export function halfDonePhase(control: readonly PhaseRecord[]): PhaseRecord | undefined {
  return control.find((phase) => isOpen(phase) && phase.transactional === false);
}

function breakerOpen(phase: PhaseRecord, applied: boolean): RefusedError {
  const { version } = phase;
  const what = phase.direction === "up" ? "" : "the rollback of ";
  const how = phase.status === "failed" ? "failed" : "was left running";
  const when = phase.startedAt.toISOString();
  const half = phase.transactional === false;
  return new RefusedError({
    code: "breaker-open",
    message: `The circuit breaker is open: ${what}phase ${phase.phaseNumber}, ${version}_${phase.name}, ${how} on ${when}.`,
    ...(phase.error ? { detail: phase.error } : {}),
    state: half
      ? `It ran outside of a transaction; ${phase.statementsDone} of its statements are done.`
      : "Nothing was done here.",
    remedy: half
      ? wayOutOfHalf(phase)
      : `Find out why and mend it, then close the breaker: ${repair(version, applied ? "applied" : "reverted")}`,
  });
}

/** What to do about a phase that is neither applied nor not. */
export function wayOutOfHalf({ version, direction }: Pick<PhaseRecord, "version" | "direction">): string {
  return direction === "up"
    ? `Undo it with pantler migration down; or finish it by hand and run: ${repair(version, "applied")}`
    : `Finish it by hand and run: ${repair(version, "reverted")}`;
}

/** The command that closes the breaker. */
export function repair(version: string, status: "applied" | "reverted"): string {
  return `pantler migration repair ${version} --status ${status}`;
}

/** The account and the machine that work is done from. */
export function whoRuns(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
}
