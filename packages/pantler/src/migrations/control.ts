import { hostname, userInfo } from "node:os";
import { RefusedError } from "../operation/index.js";
import type { Client } from "../postgres/index.js";

export type PhaseStatus = "running" | "complete" | "failed" | "rolled_back";

/** One row of the control table: how the last run of a phase went. */
export interface PhaseRecord {
  readonly version: string;
  readonly phaseNumber: number;
  readonly name: string;
  readonly status: PhaseStatus;
  readonly startedAt: Date;
  readonly completedAt: Date | null;
  readonly error: string | null;
  /** Null in a row that was not written by a run. */
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
  await client.query(`set client_min_messages = warning; ${controlTable}; reset client_min_messages`);
}

/** Reads the control table in the order of the phases; none when it does not exist yet. */
export async function readControl(client: Client): Promise<PhaseRecord[]> {
  const { rows: present } = await client.query<{ there: boolean }>(
    "select to_regclass('pantler.migration_control') is not null as there",
  );
  if (!present[0]?.there) return [];
  const { rows } = await client.query<PhaseRecord>(`
    select
      version,
      phase_number as "phaseNumber",
      name,
      status,
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

/** Records that phases are about to run. Written outside of their transaction, so that it survives their end. */
export async function markRunning(
  client: Client,
  phases: readonly PhaseEntry[],
  transactional: boolean,
): Promise<void> {
  await client.query(
    `insert into pantler.migration_control (version, phase_number, name, status, transactional, run_by)
    select phase.version, phase."phaseNumber", phase.name, 'running', $2, $3
    from jsonb_to_recordset($1) as phase (version text, "phaseNumber" integer, name text)
    on conflict (version) do update set
      phase_number = excluded.phase_number,
      name = excluded.name,
      status = excluded.status,
      transactional = excluded.transactional,
      statements_done = 0,
      started_at = clock_timestamp(),
      completed_at = null,
      duration = null,
      rows_before = null,
      rows_after = null,
      error = null,
      run_by = excluded.run_by`,
    [JSON.stringify(phases), transactional, whoRuns()],
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

/** Records that a phase failed, and that the others of its transaction went back with it. */
export async function markFailed(
  client: Client,
  failed: string,
  error: string,
  others: readonly string[],
): Promise<void> {
  await client.query(
    `update pantler.migration_control set
      status = case when version = $1 then 'failed' else 'rolled_back' end,
      completed_at = clock_timestamp(),
      error = case when version = $1 then $2 else null end
    where version = $1 or version = any ($3)`,
    [failed, error, others],
  );
}

/** Records that phases are not applied (any more). */
export async function markRolledBack(
  client: Client,
  versions: readonly string[],
  why: string,
): Promise<void> {
  await client.query(
    `update pantler.migration_control set status = 'rolled_back', completed_at = clock_timestamp(), error = $2
    where version = any ($1)`,
    [versions, why],
  );
}

/**
 * The circuit breaker: refuses further work while a phase is left running or failed. Phases of a transaction
 * whose process died were rolled back by the server; the caller holds the deployment lock, so nobody runs them,
 * and they are recorded as rolled back.
 * @param applied the versions that the ledger holds
 * @throws RefusedError `breaker-open` with the way out
 */
export async function passBreaker(client: Client, applied: ReadonlySet<string>): Promise<void> {
  const open = (await readControl(client)).filter(isOpen);
  const died = open.filter(
    (phase) => phase.status === "running" && phase.transactional === true && !applied.has(phase.version),
  );
  if (died.length > 0) {
    const versions = died.map((phase) => phase.version);
    await markRolledBack(client, versions, "the process ended before its transaction did");
  }
  const [phase] = open.filter((each) => !died.includes(each));
  if (phase) throw breakerOpen(phase);
}

/** Whether a phase keeps the breaker open. */
export function isOpen(phase: PhaseRecord): boolean {
  return phase.status === "running" || phase.status === "failed";
}

function breakerOpen(phase: PhaseRecord): RefusedError {
  const title = `${phase.version}_${phase.name}`;
  const half = phase.transactional === false;
  const when = phase.startedAt.toISOString();
  return new RefusedError({
    code: "breaker-open",
    message:
      phase.status === "failed"
        ? `The circuit breaker is open: phase ${phase.phaseNumber}, ${title}, failed on ${when}.`
        : `The circuit breaker is open: phase ${phase.phaseNumber}, ${title}, was left running on ${when}.`,
    ...(phase.error ? { detail: phase.error } : {}),
    state: half
      ? `It ran outside of a transaction; ${phase.statementsDone} of its statements are done.`
      : "Nothing was done here.",
    remedy: half
      ? `Undo it with pantler migration down --count 1; or finish or undo it by hand and say which: pantler migration repair ${phase.version} --status applied|reverted`
      : `Find out why and mend it, then close the breaker: pantler migration repair ${phase.version} --status reverted`,
  });
}

function whoRuns(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
}
