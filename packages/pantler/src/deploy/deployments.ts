import { whoRuns } from "../migrations/index.js";
import type { Client } from "../postgres/index.js";
import type { RecordedOutcome, Stage } from "./request.js";

/** What is known of a deployment when it begins to change its environment. */
export interface BegunDeployment {
  readonly id: string;
  readonly environment: string;
  readonly commit: string | undefined;
  readonly migrations: readonly string[];
  readonly backup: string;
  /** Fingerprints of the schema before it, and as it was rehearsed where the server is of the same major version. */
  readonly schemaBefore: string;
  readonly schemaAfter: string | undefined;
}

/** A deployment that is recorded as running. */
export interface RunningDeployment {
  readonly id: string;
  readonly migrations: readonly string[];
  readonly backup: string;
  readonly startedAt: Date;
}

const deploymentsTable = `
create schema if not exists pantler;
create table if not exists pantler.deployments (
  id text primary key,
  environment text not null,
  git_commit text,
  run_by text,
  migrations text[] not null,
  backup_id text not null,
  schema_before text not null,
  schema_after text,
  started_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz check (completed_at >= started_at),
  stages jsonb not null default '[]',
  outcome text not null
    check (outcome in ('running', 'applied', 'unchanged', 'undone', 'interrupted', 'needs hands')),
  error text
);
comment on table pantler.deployments is
  'Who deployed what, when, after which backup, and how it ended; a row that is running belongs to nobody when the deployment lock is free';
`;

const isThere = `
select from pg_catalog.pg_class
join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
where nspname = 'pantler' and relname = 'deployments'
`;

/** Records that a deployment begins; until its end is recorded, whoever holds the lock next has to settle it. */
export async function recordBegun(
  client: Client,
  deployment: BegunDeployment,
  stages: readonly Stage[],
): Promise<void> {
  if ((await client.query(isThere)).rowCount === 0) {
    await client.query(`set client_min_messages = warning; ${deploymentsTable}; reset client_min_messages`);
  }
  await client.query(
    `insert into pantler.deployments
      (id, environment, git_commit, run_by, migrations, backup_id, schema_before, schema_after, stages, outcome)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running')
    on conflict (id) do nothing`,
    [
      deployment.id,
      deployment.environment,
      deployment.commit ?? null,
      whoRuns(),
      deployment.migrations,
      deployment.backup,
      deployment.schemaBefore,
      deployment.schemaAfter ?? null,
      JSON.stringify(stages),
    ],
  );
}

/** Records how a deployment ended; inside the last transaction of its migrations it becomes true with them. */
export async function recordEnded(
  client: Client,
  id: string,
  outcome: Exclude<RecordedOutcome, "running">,
  error?: string,
): Promise<void> {
  await client.query(
    `update pantler.deployments set
      outcome = $2,
      error = $3,
      completed_at = greatest(started_at, clock_timestamp())
    where id = $1`,
    [id, outcome, error ?? null],
  );
}

/** Adds to the record what became known after the last transaction. */
export async function recordStages(client: Client, id: string, stages: readonly Stage[]): Promise<void> {
  await client.query("update pantler.deployments set stages = $2 where id = $1", [
    id,
    JSON.stringify(stages),
  ]);
}

/** What is on record of a deployment; nothing where it never began. */
export async function readOutcome(client: Client, id: string): Promise<RecordedOutcome | undefined> {
  if ((await client.query(isThere)).rowCount === 0) return undefined;
  const { rows } = await client.query<{ outcome: RecordedOutcome }>(
    "select outcome from pantler.deployments where id = $1",
    [id],
  );
  return rows[0]?.outcome;
}

/** The deployments that are recorded as running, the oldest first. */
export async function readRunning(client: Client): Promise<RunningDeployment[]> {
  if ((await client.query(isThere)).rowCount === 0) return [];
  const { rows } = await client.query<RunningDeployment>(
    `select
      id,
      migrations,
      backup_id as backup,
      started_at as "startedAt"
    from pantler.deployments
    where outcome = 'running'
    order by started_at`,
  );
  return rows;
}
