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
import { countRows } from "./count-rows.js";
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

/** A migration whose statements are done, as the ledger and the control table have to know it. */
export interface DoneMigration {
  readonly migration: PlannedMigration;
  /** When it began and ended by the server's clock, in seconds since 1970. */
  readonly began: number;
  readonly ended: number;
  /** How many rows the project's tables held before and after; null where they were not counted. */
  readonly rowsBefore: number | null;
  readonly rowsAfter: number | null;
}

/** What differs between going up and going down. */
export interface Direction {
  readonly verb: "apply" | "roll back";
  /** Writes the ledger and the control table, in the transaction of the migrations. */
  readonly record: (client: Client, done: readonly DoneMigration[]) => Promise<void>;
  /** Whether the ledger shows that a batch is done; asked when the connection broke during its commit. */
  readonly isDone: (applied: ReadonlySet<string>, migration: PlannedMigration) => boolean;
  /** Whether rows are counted. */
  readonly countsRows: boolean;
}

/** Rows are counted between the migrations of a batch that is no larger than this. */
const largestCountedBatch = 20;

/** How many migrations are sent ahead of the one whose answers are awaited. */
const furthestAhead = 8;

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
      await client.query("begin");
      const finished = await runInOrder(session, batch, direction);
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

/**
 * Runs the migrations of a batch one after the other. What needs no answer in between is sent without waiting: the
 * server then never waits for us, and a distant one is not asked a thousand times.
 */
async function runInOrder(
  session: DeploymentSession,
  batch: Batch,
  direction: Direction,
): Promise<FinishedMigration[]> {
  const { client } = session;
  const { migrations } = batch;
  const count =
    direction.countsRows && migrations.length <= largestCountedBatch ? rowCounter(client) : noCount;
  const waitsAfter = ({ checks }: PlannedMigration) => count !== noCount || checks.checks.length > 0;
  const finished: FinishedMigration[] = [];
  const unrecorded: DoneMigration[] = [];
  const record = async () => {
    if (unrecorded.length > 0) await direction.record(client, unrecorded.splice(0));
  };
  const ahead: SentMigration[] = [];
  let sent = 0;
  const sendAhead = () => {
    for (let next = migrations[sent]; next && ahead.length < furthestAhead; next = migrations[sent]) {
      const last = ahead.at(-1);
      if (last && waitsAfter(last.migration)) return;
      ahead.push(sendMigration(session, next));
      sent += 1;
    }
  };
  try {
    let rowsBefore = await count();
    let began = await resetSession(session);
    for (sendAhead(); ahead[0]; ahead.shift(), sendAhead()) {
      const current = ahead[0];
      const { migration } = current;
      await session.operation.step(titleOf(direction, migration), async (step) => {
        const ended = await watchStatements(current, step);
        const rowsAfter = await count();
        unrecorded.push({ migration, began, ended, rowsBefore, rowsAfter });
        // A check may ask the ledger, and finds its own migration there.
        if (migration.checks.checks.length > 0) await record();
        const checks = await runMigrationChecks(session, migration, migration.checks, step);
        finished.push(finishedOf(migration, began, ended, checks));
        rowsBefore = rowsAfter;
        began = migration.checks.checks.length > 0 ? await resetSession(session) : ended;
      });
    }
    await record();
  } catch (error) {
    // The answers to what was sent ahead have to be in before the transaction is rolled back.
    await Promise.allSettled(ahead.map(({ ended }) => ended));
    throw error;
  }
  return finished;
}

interface SentMigration {
  readonly migration: PlannedMigration;
  readonly statements: readonly Promise<void>[];
  /** The server's clock when all are done; rejects with the first failure. */
  readonly ended: Promise<number>;
}

function sendMigration(session: DeploymentSession, migration: PlannedMigration): SentMigration {
  const work = migration.script.statements.filter(({ class: { node, transaction } }) => {
    // Its own begin and commit are folded into ours.
    return node !== "EmptyQuery" && transaction !== "begin" && transaction !== "commit";
  });
  const statements = work.map((statement) => runStatement(session, migration, statement));
  const reset = resetSession(session);
  const ended = firstFailure([...statements, reset]).then(() => reset);
  // Each is awaited in its turn; until then a rejection is no news.
  for (const promise of [...statements, reset, ended]) promise.catch(() => {});
  return { migration, statements, ended };
}

/** Waits for all, and throws what the first of them in order failed with: later ones fail because it did. */
async function firstFailure(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

async function watchStatements({ statements, ended }: SentMigration, step: Step): Promise<number> {
  for (const [index, statement] of statements.entries()) {
    await statement.catch(() => {});
    step.progress(index + 1, statements.length, "statements");
  }
  return await ended;
}

/**
 * Brings the session back to what it was, whatever a file has set.
 * @returns the server's clock, in seconds since 1970
 */
async function resetSession({ client, resetStatements }: DeploymentSession): Promise<number> {
  const clock = "select extract(epoch from clock_timestamp())::double precision as now";
  // Several statements in one message give several results, which the driver's types do not know.
  const results = (await client.query<{ now: number }>(`${resetStatements};${clock}`)) as unknown as {
    readonly rows: readonly { readonly now: number }[];
  }[];
  return results.at(-1)?.rows[0]?.now ?? 0;
}

/** Counts rows at each border between two migrations, and no more once that has become too expensive. */
function rowCounter(client: Client): () => Promise<number | null> {
  let affordable = true;
  return async () => {
    const rows = affordable ? await countRows(client) : null;
    affordable = rows !== null;
    return rows;
  };
}

const noCount = async (): Promise<null> => null;

function titleOf(direction: Direction, { version, name }: PlannedMigration): string {
  return `${direction.verb} ${version}_${name}`;
}

function finishedOf(
  { version, name, phaseNumber: phase }: PlannedMigration,
  began: number,
  ended: number,
  checks: readonly CheckResult[],
): FinishedMigration {
  return { version, name, phase, milliseconds: (ended - began) * 1000, checks };
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
  const { version, script } = migration;
  let done = 0;
  await markRunning(client, [entryOf(migration)], false);
  try {
    return await operation.step(titleOf(direction, migration), async (step) => {
      const began = await resetSession(session);
      for (const statement of script.statements) {
        if (statement.class.node === "EmptyQuery") continue;
        await runWithRetries(session, migration, statement);
        done += 1;
        await markProgress(client, version, done);
        step.progress(done, script.statements.length, "statements");
      }
      const ended = await resetSession(session);
      await client.query("begin");
      await direction.record(client, [{ migration, began, ended, rowsBefore: null, rowsAfter: null }]);
      const checks = await runMigrationChecks(session, migration, migration.checks, step);
      await runSmokeChecks(session, smoke);
      await client.query("commit");
      return [finishedOf(migration, began, ended, checks)];
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
