import pg from "pg";
import {
  EnvironmentError,
  interruption,
  messageOf,
  NeedsHandsError,
  type PantlerError,
  UnchangedError,
} from "../operation/index.js";
import { environmentProblem, isConnectionLoss, sqlstates, withClient } from "../postgres/index.js";
import { markFailed, markUndone, repair, wayOutOfHalf } from "./control.js";
import type { Direction, FinishedMigration } from "./direction.js";
import type { Batch, PlannedMigration } from "./plan.js";
import type { DeploymentSession } from "./session.js";

/** A failed statement or check, before it is known what state that leaves. */
export class StepFailure extends Error {
  constructor(
    /** The migration it belongs to; undefined for a smoke check, which belongs to none. */
    readonly migration: PlannedMigration | undefined,
    readonly parts: {
      readonly code: string;
      readonly message: string;
      readonly detail: string;
      readonly remedy: string;
      readonly sqlstate?: string;
    },
    override readonly cause?: unknown,
  ) {
    super(parts.message);
  }
}

/** How often what could not get a lock is tried again, and how long to wait before, in milliseconds. */
export const lockRetryDelays = [500, 1000, 2000, 4000];

/** Whether somebody else's lock was the reason, so that trying again may help. */
export function isLockProblem(error: unknown): boolean {
  const sqlstate =
    error instanceof StepFailure
      ? error.parts.sqlstate
      : error instanceof pg.DatabaseError
        ? error.code
        : undefined;
  return sqlstate === sqlstates.lockNotAvailable || sqlstate === sqlstates.deadlockDetected;
}

/** What to do about a statement that failed with this SQLSTATE. */
export function remedyFor(sqlstate: string | undefined): string {
  switch (sqlstate) {
    case sqlstates.lockNotAvailable:
    case sqlstates.deadlockDetected:
      return "Other sessions held the table; try again when they are done.";
    case sqlstates.unsafeNewEnumValue:
      return "Put the new enum value into a migration of its own, before the one that uses it.";
    case sqlstates.objectInUse:
      return "A deferred constraint of an earlier migration may be pending: run with --one-by-one, or add set constraints all immediate.";
    case sqlstates.activeTransaction:
    case sqlstates.invalidTransactionTermination:
      return "Put the statement that cannot run in a transaction into a migration of its own.";
    case sqlstates.insufficientPrivilege:
      return "Grant the missing right, or mend the file.";
    default:
      return "Mend the file.";
  }
}

/**
 * Records that a transaction came to nothing, and says so. Only a migration that failed on its way up opens the
 * breaker: one that failed on its way down is applied as it was.
 * @param before what was done earlier and stays
 * @param blockers who was in the way of a lock, if anybody
 */
export async function transactionUndone(
  session: DeploymentSession,
  batch: Batch,
  direction: Direction,
  before: readonly FinishedMigration[],
  error: unknown,
  blockers: string,
): Promise<PantlerError> {
  const { url } = session.target;
  const versions = batch.migrations.map(({ version }) => version);
  const failure = error instanceof StepFailure ? error : undefined;
  const interrupted = session.signal?.aborted === true;
  const lost = failure === undefined && isConnectionLoss(error);
  // A text that is no SQL says nothing about the database, and needs nobody to look at it.
  const isSyntax = failure?.parts.sqlstate === sqlstates.syntaxError;
  const culprit =
    interrupted || isSyntax || direction.way === "down" ? undefined : failure?.migration?.version;
  const why = interrupted ? "interrupted" : messageOf(error);
  const told = await record(session, lost, async (client) => {
    await markUndone(client, versions, direction.way, why);
    if (culprit !== undefined) await markFailed(client, culprit, why, true);
  });
  const kept =
    versions.length === 1
      ? "Nothing of it was kept"
      : `Nothing of the ${versions.length} migrations was kept`;
  const rest =
    before.length === 0 ? "the database is as it was" : `done before and staying: ${listed(before)}`;
  const state = `${kept}; ${rest}${told ? "" : "; the control table could not be told"}.`;
  if (interrupted) return interruption(state, error);
  if (failure) {
    const detail = blockers ? `${failure.parts.detail}\n${blockers}` : failure.parts.detail;
    const close = culprit === undefined ? "" : ` Then close the breaker: ${repair(culprit, "reverted")}`;
    const remedy = `${failure.parts.remedy}${close}`;
    const code = isSyntax ? "sql-syntax" : failure.parts.code;
    return new UnchangedError({ ...failure.parts, code, detail, state, remedy, cause: failure.cause });
  }
  const problem = environmentProblem(url, error);
  if (problem) return new EnvironmentError({ ...partsOf(problem), state, cause: error });
  const raised = error instanceof pg.DatabaseError ? error : undefined;
  return new UnchangedError({
    code: raised ? "commit-failed" : "failed",
    message: raised?.code ? `${raised.message} (${raised.code})` : messageOf(error),
    ...(raised?.detail ? { detail: raised.detail } : {}),
    state,
    remedy: "Mend what is named, then run it again.",
    cause: error,
  });
}

/** How far a migration came that runs outside of a transaction. */
export interface Progress {
  /** How many of its statements are done and cannot be taken back. */
  readonly done: number;
  readonly total: number;
  /** Invalid indexes that it left and that could not be dropped. */
  readonly leftovers: readonly string[];
}

/** Records that a migration outside of a transaction stopped, and says what is left of it. */
export async function statementsStopped(
  session: DeploymentSession,
  migration: PlannedMigration,
  direction: Direction,
  before: readonly FinishedMigration[],
  error: unknown,
  { done, total, leftovers }: Progress,
): Promise<PantlerError> {
  const { version, name } = migration;
  const { way } = direction;
  const failure = error instanceof StepFailure ? error : undefined;
  const interrupted = session.signal?.aborted === true;
  const lost = failure === undefined && isConnectionLoss(error);
  const unreachable = error instanceof EnvironmentError ? error : undefined;
  const nothingLeft = done === 0 && leftovers.length === 0 && !lost;
  const opensBreaker = !nothingLeft || (way === "up" && !interrupted && !unreachable);
  const why = interrupted ? "interrupted" : messageOf(error);
  await record(session, lost, async (client) => {
    if (opensBreaker) await markFailed(client, version, why, nothingLeft);
    else await markUndone(client, [version], way, why);
  });
  const earlier = before.length === 0 ? "" : ` Done before and staying: ${listed(before)}.`;
  if (nothingLeft) {
    const state = `Nothing of ${version}_${name} was done.${earlier}`;
    if (interrupted) return interruption(state, error);
    if (unreachable) return new EnvironmentError({ ...partsOf(unreachable), state, cause: error });
    const close = opensBreaker ? ` Then close the breaker: ${repair(version, "reverted")}` : "";
    const parts = failure?.parts ?? {
      code: "failed",
      message: messageOf(error),
      remedy: "Mend what is named.",
    };
    return new UnchangedError({ ...parts, state, remedy: `${parts.remedy}${close}`, cause: error });
  }
  const left = leftovers
    .map((index) => ` The invalid index ${index} is left: drop index concurrently ${index};`)
    .join("");
  const unsure = lost ? " Whether the one that was running is done as well is not known." : "";
  return new NeedsHandsError({
    ...(failure?.parts ?? {
      code: lost ? "connection-lost" : interrupted ? "interrupted" : (unreachable?.code ?? "failed"),
      message: lost
        ? `The connection to ${session.target.url} broke: ${messageOf(error)}.`
        : messageOf(error),
    }),
    state: `${version}_${name} cannot run in a transaction; ${done} of its ${total} statements are done and stay.${unsure}${left}${earlier}`,
    remedy: wayOutOfHalf({ version, direction: way }),
    cause: error,
  });
}

/** Says that the outcome of a commit could not be found out. */
export function commitUnknown(session: DeploymentSession, error: unknown, because: unknown): NeedsHandsError {
  return new NeedsHandsError({
    code: "commit-unknown",
    message: `The connection to ${session.target.url} broke during the commit, and the server cannot be asked how it ended: ${messageOf(because)}.`,
    state: "Either everything was done or nothing was.",
    remedy: "Once the server can be reached, look which: pantler migration list",
    cause: error,
  });
}

/** Writes to the control table over the session, or over a new connection when that is lost. */
async function record(
  session: DeploymentSession,
  lost: boolean,
  write: (client: pg.Client) => Promise<void>,
): Promise<boolean> {
  const written = lost ? withClient(session.target.url, write) : write(session.client);
  return await written.then(
    () => true,
    () => false,
  );
}

function partsOf({ code, message, remedy, sqlstate }: PantlerError) {
  return { code, message, remedy, ...(sqlstate === undefined ? {} : { sqlstate }) };
}

function listed(migrations: readonly FinishedMigration[]): string {
  return migrations.map(({ version }) => version).join(", ");
}
