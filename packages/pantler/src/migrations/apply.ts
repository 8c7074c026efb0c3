import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import {
  EnvironmentError,
  NeedsHandsError,
  PantlerError,
  type Step,
  UnchangedError,
} from "../operation/index.js";
import {
  type Client,
  describeSqlProblem,
  isConnectionLoss,
  quoteIdentifier,
  quoteQualified,
  sqlstates,
  withClient,
} from "../postgres/index.js";
import { type CheckGroup, type CheckResult, runChecks, summarize } from "./check.js";
import { markFailed, markProgress, markRolledBack, markRunning } from "./control.js";
import { readLedger } from "./ledger.js";
import { findBlockers } from "./lock-watch.js";
import type { Batch, PlannedMigration } from "./plan.js";
import type { ScriptStatement } from "./script.js";
import type { DeploymentSession } from "./session.js";

/** A migration that was applied or rolled back. */
export interface FinishedMigration {
  readonly version: string;
  readonly name: string;
  readonly phase: number;
  readonly milliseconds: number;
  readonly checks: readonly CheckResult[];
}

/** What differs between going up and going down. */
export interface Direction {
  readonly verb: "apply" | "roll back";
  /** Writes the ledger and the control table once a migration's statements are done, in their transaction. */
  readonly record: (
    session: DeploymentSession,
    migration: PlannedMigration,
    milliseconds: number,
  ) => Promise<void>;
  /** Whether the ledger shows that a batch is done; asked when the connection broke during its commit. */
  readonly isDone: (applied: ReadonlySet<string>, migration: PlannedMigration) => boolean;
  /** Called before a migration's first statement. */
  readonly begin: (session: DeploymentSession, migration: PlannedMigration) => Promise<void>;
}

/** How often a transaction that could not get a lock is tried again, and how long to wait before, in milliseconds. */
const retryDelays = [500, 1000, 2000, 4000];

/** A failed statement or check, before it is known what state that leaves. */
class StepFailure extends Error {
  constructor(
    readonly migration: PlannedMigration | undefined,
    readonly parts: { code: string; message: string; detail: string; remedy: string; sqlstate?: string },
    override readonly cause: unknown,
  ) {
    super(parts.message);
  }
}

/**
 * Runs batches one after the other.
 * @param smoke checks that run before the last batch commits
 * @returns the migrations in the order they ran
 * @throws UnchangedError when a batch failed and nothing of it is left; `state` names the batches before it
 * @throws NeedsHandsError when something was left that only a person can judge
 */
export async function runBatches(
  session: DeploymentSession,
  batches: readonly Batch[],
  direction: Direction,
  smoke: readonly CheckGroup[],
): Promise<FinishedMigration[]> {
  const finished: FinishedMigration[] = [];
  for (const [index, batch] of batches.entries()) {
    const last = index === batches.length - 1;
    const run = batch.transactional ? runInTransaction : runStatementByStatement;
    finished.push(...(await run(session, batch, direction, last ? smoke : [], finished)));
  }
  return finished;
}

async function runInTransaction(
  session: DeploymentSession,
  batch: Batch,
  direction: Direction,
  smoke: readonly CheckGroup[],
  before: readonly FinishedMigration[],
): Promise<FinishedMigration[]> {
  const { client, operation } = session;
  await markRunning(client, batch.migrations.map(entryOf), true);
  for (let attempt = 0; ; attempt += 1) {
    const watch = attempt > 0 ? findBlockers(session) : undefined;
    try {
      const finished: FinishedMigration[] = [];
      await client.query("begin");
      for (const migration of batch.migrations)
        finished.push(await runMigration(session, migration, direction));
      await runSmokeChecks(session, smoke);
      await commit(session, batch, direction);
      return finished;
    } catch (error) {
      await client.query(`rollback; ${session.resetStatements}`).catch(() => {});
      const blockers = await watch?.stop();
      const delay = retryDelays[attempt];
      if (isLockProblem(error) && delay !== undefined && !session.signal?.aborted) {
        const wait = delay * (0.75 + Math.random() / 2);
        operation.finding("warning", `a lock was not granted; trying again in ${(wait / 1000).toFixed(1)} s`);
        await sleep(wait);
        continue;
      }
      throw await afterRollback(session, batch, direction, before, error, blockers ?? "");
    }
  }
}

async function runMigration(
  session: DeploymentSession,
  migration: PlannedMigration,
  direction: Direction,
): Promise<FinishedMigration> {
  const { client, operation } = session;
  const { version, name, phaseNumber: phase, script } = migration;
  return await operation.step(`${direction.verb} ${version}_${name}`, async (step) => {
    const started = performance.now();
    await client.query(session.resetStatements);
    await direction.begin(session, migration);
    const work = script.statements.filter(({ class: { node, transaction } }) => {
      // Its own begin and commit are folded into ours.
      return node !== "EmptyQuery" && transaction !== "begin" && transaction !== "commit";
    });
    for (const [index, statement] of work.entries()) {
      await runStatement(session, migration, statement);
      step.progress(index + 1, work.length, "statements");
    }
    await client.query(session.resetStatements);
    const milliseconds = performance.now() - started;
    await direction.record(session, migration, milliseconds);
    const checks = await runMigrationChecks(session, migration, migration.checks, step);
    return { version, name, phase, milliseconds, checks };
  });
}

async function runStatement(
  session: DeploymentSession,
  migration: PlannedMigration,
  statement: ScriptStatement,
): Promise<void> {
  const { script } = migration;
  try {
    session.signal?.throwIfAborted();
    await session.client.query(statement.text);
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    const problem = describeSqlProblem(error, {
      file: script.shown,
      text: script.text,
      offset: statement.offset,
    });
    const index = script.statements.indexOf(statement) + 1;
    throw new StepFailure(
      migration,
      {
        code: problem.sqlstate === sqlstates.queryCanceled ? "interrupted" : "statement-failed",
        message: problem.message,
        detail: `statement ${index} of ${script.statements.length}\n${problem.detail}`,
        remedy: remedyFor(problem.sqlstate),
        ...(problem.sqlstate ? { sqlstate: problem.sqlstate } : {}),
      },
      error,
    );
  }
}

async function runMigrationChecks(
  session: DeploymentSession,
  migration: PlannedMigration | undefined,
  group: CheckGroup,
  step: Step,
): Promise<CheckResult[]> {
  if (group.checks.length === 0) return [];
  const results = await runChecks(session.client, group.checks, session.operation, (done) =>
    step.progress(done, group.checks.length, "checks"),
  );
  step.note(summarize(results));
  const failed = results.filter((result) => result.outcome === "failed");
  const [first] = failed;
  if (!first) return results;
  throw new StepFailure(
    migration,
    {
      code: "check-failed",
      message: `${summarize(results)}: ${first.title} (${first.file}:${first.line})`,
      detail: failed.map((result) => `${result.title}\n${result.found}`).join("\n"),
      remedy: "Mend the migration, or the check if it asks for the wrong thing.",
    },
    undefined,
  );
}

async function runSmokeChecks(session: DeploymentSession, smoke: readonly CheckGroup[]): Promise<void> {
  for (const group of smoke) {
    if (group.checks.length === 0) continue;
    await session.operation.step(`check ${group.title}`, async (step) => {
      await session.client.query(session.resetStatements);
      await runMigrationChecks(session, undefined, group, step);
    });
  }
}

/** Commits; where the connection breaks at that moment, the ledger says whether the server had done it. */
async function commit(session: DeploymentSession, batch: Batch, direction: Direction): Promise<void> {
  try {
    await session.client.query("commit");
  } catch (error) {
    if (!isConnectionLoss(error)) throw error;
    const [first] = batch.migrations;
    const done = await withClient(session.target.url, async (second) => {
      const applied = new Set((await readLedger(second)).map((row) => row.version));
      return first !== undefined && direction.isDone(applied, first);
    });
    if (!done) throw error;
  }
}

async function afterRollback(
  session: DeploymentSession,
  batch: Batch,
  direction: Direction,
  before: readonly FinishedMigration[],
  error: unknown,
  blockers: string,
): Promise<Error> {
  const versions = batch.migrations.map((migration) => migration.version);
  const failure = error instanceof StepFailure ? error : undefined;
  const interrupted = session.signal?.aborted === true;
  const failed = interrupted ? undefined : failure?.migration?.version;
  const { client, url } = { client: session.client, url: session.target.url };
  const record = async (connection: Client) => {
    if (failed === undefined) {
      await markRolledBack(connection, versions, interrupted ? "interrupted" : messageOf(error));
    } else {
      await markFailed(connection, failed, messageOf(error), versions);
    }
  };
  const lost = failure === undefined && isConnectionLoss(error);
  const recorded = await (lost ? withClient(url, record) : record(client)).then(
    () => true,
    () => false,
  );
  const state = [
    batch.migrations.length === 1
      ? "Nothing of it was kept"
      : `Nothing of the ${versions.length} migrations was kept`,
    before.length === 0
      ? "the database is as it was"
      : `done before and staying: ${before.map((each) => each.version).join(", ")}`,
    ...(recorded ? [] : ["the control table could not be told"]),
  ].join("; ");
  const remedy =
    failure && failed
      ? `${failure.parts.remedy} Then close the breaker: pantler migration repair ${failed} --status reverted`
      : "Try again.";
  if (interrupted) {
    return new UnchangedError({
      code: "interrupted",
      message: "Interrupted.",
      state: `${state}.`,
      remedy: "Run it again when you are ready.",
      cause: error,
    });
  }
  if (failure) {
    const detail = blockers ? `${failure.parts.detail}\n${blockers}` : failure.parts.detail;
    return new UnchangedError({ ...failure.parts, detail, state: `${state}.`, remedy, cause: failure.cause });
  }
  if (lost) {
    return new EnvironmentError({
      code: "connection-lost",
      message: `The connection to ${url} broke: ${messageOf(error)}.`,
      state: `${state}.`,
      remedy: "Check the server, then run it again.",
      cause: error,
    });
  }
  const problem = error instanceof pg.DatabaseError ? error : undefined;
  return error instanceof PantlerError
    ? error
    : new UnchangedError({
        code: "commit-failed",
        message: `${messageOf(error)}${problem?.code ? ` (${problem.code})` : ""}`,
        ...(problem?.detail ? { detail: problem.detail } : {}),
        state: `${state}.`,
        remedy: `Mend the migrations, then run pantler migration ${direction.verb === "apply" ? "up" : "down"} again.`,
        cause: error,
      });
}

/** Runs one migration whose statements cannot share a transaction, keeping its place in the control table. */
async function runStatementByStatement(
  session: DeploymentSession,
  batch: Batch,
  direction: Direction,
  smoke: readonly CheckGroup[],
  before: readonly FinishedMigration[],
): Promise<FinishedMigration[]> {
  const { client, operation } = session;
  const [migration] = batch.migrations;
  if (!migration) return [];
  const { version, name, phaseNumber: phase, script } = migration;
  let done = 0;
  await markRunning(client, [entryOf(migration)], false);
  try {
    return await operation.step(`${direction.verb} ${version}_${name}`, async (step) => {
      const started = performance.now();
      await client.query(session.resetStatements);
      await direction.begin(session, migration);
      for (const statement of script.statements) {
        if (statement.class.node === "EmptyQuery") continue;
        await runWithRetries(session, migration, statement);
        done += 1;
        await markProgress(client, version, done);
        step.progress(done, script.statements.length, "statements");
      }
      await client.query(session.resetStatements);
      const milliseconds = performance.now() - started;
      await client.query("begin");
      const checks = await runMigrationChecks(session, migration, migration.checks, step);
      await runSmokeChecks(session, smoke);
      await direction.record(session, migration, milliseconds);
      await client.query("commit");
      return [{ version, name, phase, milliseconds, checks }];
    });
  } catch (error) {
    await client.query(`rollback; ${session.resetStatements}`).catch(() => {});
    if (error instanceof PantlerError) throw error;
    await markFailed(client, version, messageOf(error), []).catch(() => {});
    throw halfDone(migration, direction, done, before, error);
  }
}

function halfDone(
  migration: PlannedMigration,
  direction: Direction,
  done: number,
  before: readonly FinishedMigration[],
  error: unknown,
): PantlerError {
  const { version, name, script } = migration;
  const failure = error instanceof StepFailure ? error.parts : undefined;
  const parts = {
    code: failure?.code ?? "connection-lost",
    message: failure?.message ?? messageOf(error),
    ...(failure ? { detail: failure.detail } : {}),
    ...(failure?.sqlstate ? { sqlstate: failure.sqlstate } : {}),
    cause: error,
  };
  const kept =
    before.length === 0 ? "" : ` Done before and staying: ${before.map((each) => each.version).join(", ")}.`;
  if (done === 0 && failure) {
    return new UnchangedError({
      ...parts,
      state: `Nothing of ${version}_${name} was done.${kept}`,
      remedy: `${failure.remedy} Then close the breaker: pantler migration repair ${version} --status reverted`,
    });
  }
  const undo =
    direction.verb === "apply"
      ? "Undo it with pantler migration down --count 1; or finish it by hand and run"
      : "Finish it by hand and run";
  return new NeedsHandsError({
    ...parts,
    state: `${version}_${name} cannot run in a transaction; ${done} of its ${script.statements.length} statements are done and stay.${kept}`,
    remedy: `${undo}: pantler migration repair ${version} --status ${direction.verb === "apply" ? "applied" : "reverted"}`,
  });
}

async function runWithRetries(
  session: DeploymentSession,
  migration: PlannedMigration,
  statement: ScriptStatement,
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await runStatement(session, migration, statement);
      return;
    } catch (error) {
      const left = await dropInvalidIndex(session.client, statement).catch(() => false);
      if (left) session.operation.finding("warning", `the index it left invalid was dropped`);
      const delay = retryDelays[attempt];
      if (!isLockProblem(error) || delay === undefined || session.signal?.aborted) throw error;
      await sleep(delay);
    }
  }
}

/**
 * Drops the index that a failed `create index concurrently` left behind.
 * @returns whether there was one
 */
async function dropInvalidIndex(client: Client, statement: ScriptStatement): Promise<boolean> {
  const { index } = statement.class;
  if (!index || statement.class.node !== "IndexStmt") return false;
  const name = index.schema ? quoteQualified(index.schema, index.name) : quoteIdentifier(index.name);
  const { rows } = await client.query<{ name: string }>(
    `select pg_class.oid::regclass::text as name
    from pg_catalog.pg_index
    join pg_catalog.pg_class on pg_class.oid = pg_index.indexrelid
    where pg_index.indexrelid = to_regclass($1) and not pg_index.indisvalid`,
    [name],
  );
  if (!rows[0]) return false;
  await client.query(`drop index concurrently if exists ${rows[0].name}`);
  return true;
}

function entryOf({ version, name, phaseNumber }: PlannedMigration) {
  return { version, name, phaseNumber };
}

function isLockProblem(error: unknown): boolean {
  const sqlstate = error instanceof StepFailure ? error.parts.sqlstate : undefined;
  return sqlstate === sqlstates.lockNotAvailable || sqlstate === sqlstates.deadlockDetected;
}

function remedyFor(sqlstate: string | undefined): string {
  switch (sqlstate) {
    case sqlstates.lockNotAvailable:
    case sqlstates.deadlockDetected:
      return "Other sessions held the table; try again when they are done.";
    case sqlstates.unsafeNewEnumValue:
      return "Put the new enum value into a migration of its own, before the one that uses it.";
    case sqlstates.activeTransaction:
    case sqlstates.invalidTransactionTermination:
      return "Put the statement that cannot run in a transaction into a migration of its own.";
    case sqlstates.insufficientPrivilege:
      return "Grant the missing right, or mend the file.";
    default:
      return "Mend the file.";
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
