import { restoreBackup } from "../backup/index.js";
import { digestTable, digestText, listTables, prepareSession, type Table } from "../copy/index.js";
import type { Target } from "../engine/index.js";
import { rollBackMigrations } from "../migrations/index.js";
import {
  messageOf,
  NeedsHandsError,
  type Operation,
  PantlerError,
  UnchangedError,
} from "../operation/index.js";
import { withClient } from "../postgres/index.js";
import {
  compareSchemas,
  dumpedSchemas,
  isLeftExtension,
  readSchema,
  type SchemaObject,
} from "../schema/index.js";
import type { Prepared } from "./apply.js";
import { recordBegun, recordEnded } from "./deployments.js";
import { lookAtRemains, type Remains } from "./remains.js";
import type { AppliedMigration, DeployRequest, RecordedOutcome } from "./request.js";

/**
 * Brings an environment back to what it was after a deployment that failed: nothing is to do when its transaction was
 * rolled back; else by its rollback scripts, if the rehearsal proved them; else by restoring the proven backup, if that
 * loses nothing that others have written meanwhile. Where only the answer to the commit was lost, there is nothing to take
 * back.
 * @param failure why it failed
 * @returns what is applied, when it did not fail after all
 * @throws UnchangedError, or the failure itself, when everything is as it was
 * @throws NeedsHandsError when it could not be taken back, or nobody can be asked how things are
 */
export async function recover(
  target: Target,
  request: DeployRequest,
  prepared: Prepared,
  failure: unknown,
  operation: Operation,
): Promise<readonly AppliedMigration[]> {
  const { plan } = prepared;
  let remains: Remains;
  try {
    remains = await lookAtRemains(target, prepared.id, plan.versions);
  } catch (problem) {
    throw unknownState(target, prepared, failure, problem);
  }
  if (remains.outcome === "applied" && !isVerdict(failure)) {
    operation.finding("warning", `the deployment is applied all the same: ${messageOf(failure)}`);
    return remains.phases;
  }
  if (remains.applied.length === 0 && remains.halfDone === undefined) {
    await recordOutcome(target, prepared, "unchanged", failure);
    throw failure;
  }
  const ways: string[] = [];
  const undone = await undo(target, request, prepared, remains, operation, ways);
  if (undone !== undefined) {
    await recordOutcome(target, prepared, "undone", failure);
    throw undoneError(target, failure, undone);
  }
  await recordOutcome(target, prepared, "needs hands", failure);
  throw needsHands(target, prepared, remains, failure, ways);
}

/** Whether somebody has looked at what is applied and found it wrong. */
function isVerdict(failure: unknown): boolean {
  return failure instanceof PantlerError && failure.code === "verification-failed";
}

/** @returns how it was undone, in words; undefined when it was not, and `ways` tells why */
async function undo(
  target: Target,
  request: DeployRequest,
  prepared: Prepared,
  remains: Remains,
  operation: Operation,
  ways: string[],
): Promise<string | undefined> {
  const { backup, rehearsal } = prepared;
  const { status } = rehearsal.rollback;
  if (status === "proven") {
    const begun = [...remains.applied, ...(remains.halfDone === undefined ? [] : [remains.halfDone])];
    try {
      await rollBackMigrations(target, begun.sort().reverse(), operation.part("recover"));
      const left = compareSchemas(prepared.schemaBefore, await liveSchema(target));
      if (left.every(isLeftExtension)) return "by its rollback scripts";
      ways.push("its rollback scripts ran and left another schema than there was");
    } catch (error) {
      ways.push(`its rollback scripts failed: ${messageOf(error)}`);
    }
  } else {
    ways.push(`its rollback scripts were not proven in the rehearsal (${status.replaceAll("-", " ")})`);
  }
  try {
    const written = await writtenMeanwhile(target, prepared, operation.part("recover"));
    if (written.length > 0) {
      ways.push(`restoring the backup would lose what was written since to ${written.join(", ")}`);
      return undefined;
    }
    const wanted = { keys: request.keys, confirmation: target.environment.name };
    await restoreBackup(target, backup, wanted, operation.part("recover"));
    return `by restoring the backup ${backup.id}`;
  } catch (error) {
    ways.push(`the backup could not be restored: ${messageOf(error)}`);
    return undefined;
  }
}

/** A session that keeps a table to itself is not waited for any longer, in milliseconds. */
const lockTimeout = 15_000;

async function liveSchema(target: Target): Promise<SchemaObject[]> {
  return await withClient(target.url, async (client) => {
    await client.query("select set_config('lock_timeout', $1, false)", [String(lockTimeout)]);
    return await readSchema(client);
  });
}

/**
 * The tables that no migration changes the rows of, and whose rows are others than in the backup. Columns that came
 * since do not count.
 */
async function writtenMeanwhile(
  target: Target,
  { backup, rehearsal }: Prepared,
  operation: Operation,
): Promise<string[]> {
  const key = ({ schema, name }: Pick<Table, "schema" | "name">) => JSON.stringify([schema, name]);
  const own = new Set(rehearsal.rows.filter(({ changed }) => changed).map(key));
  const concerned = backup.manifest.tables.filter((table) => !own.has(key(table)) && !isRecord(table));
  return await operation.step("look for rows that others have written since the backup", async (step) =>
    withClient(target.url, async (client) => {
      await prepareSession(client);
      const live = new Map(
        (await listTables(client, await dumpedSchemas(client), concerned)).map((table) => [
          key(table),
          table,
        ]),
      );
      const found: string[] = [];
      for (const [index, { schema, name, columns, digest }] of concerned.entries()) {
        const there = live.get(key({ schema, name }));
        const comparable = there !== undefined && columns.every((column) => there.columns.includes(column));
        if (comparable && digestText(await digestTable(client, { schema, name, columns })) !== digest) {
          found.push(`${schema}.${name}`);
        }
        step.progress(index + 1, concerned.length, "tables");
      }
      step.note(found.length === 0 ? "none" : `${found.length} tables`);
      return found;
    }),
  );
}

/** The ledger and Pantler's own tables, which the deployment itself writes to. */
function isRecord({ schema }: Pick<Table, "schema">): boolean {
  return schema === "supabase_migrations" || schema === "pantler";
}

/** Records the outcome, in a table that a restore may have brought back to what it was before. */
async function recordOutcome(
  target: Target,
  { id, commit, plan, backup }: Prepared,
  outcome: Exclude<RecordedOutcome, "running">,
  failure: unknown,
): Promise<void> {
  await withClient(target.url, async (client) => {
    const begun = {
      id,
      environment: target.environment.name,
      commit,
      migrations: plan.versions,
      backup: backup.id,
      schemaBefore: backup.manifest.schema.fingerprint,
      schemaAfter: undefined,
    };
    await recordBegun(client, begun, []);
    await recordEnded(client, id, outcome, messageOf(failure));
  }).catch(() => {
    // It stays recorded as running, which the next deployment settles by what it finds.
  });
}

function undoneError({ environment }: Target, failure: unknown, how: string): UnchangedError {
  const known = failure instanceof PantlerError ? failure : undefined;
  return new UnchangedError({
    code: known?.code ?? "deployment-failed",
    message: messageOf(failure),
    ...(known?.detail ? { detail: known.detail } : {}),
    ...(known?.sqlstate ? { sqlstate: known.sqlstate } : {}),
    state: `The deployment was undone ${how}; ${environment.name} is as it was.`,
    remedy: "Mend what is named, then deploy again.",
    cause: failure,
  });
}

function needsHands(
  { environment }: Target,
  { backup }: Prepared,
  { applied, halfDone }: Remains,
  failure: unknown,
  ways: readonly string[],
): NeedsHandsError {
  const known = failure instanceof PantlerError ? failure : undefined;
  const whole =
    applied.length === 0 ? "None of its migrations is applied whole" : `Applied: ${applied.join(", ")}`;
  const half = halfDone === undefined ? "" : `; ${halfDone} stopped half-way`;
  return new NeedsHandsError({
    code: known?.code ?? "deployment-failed",
    message: messageOf(failure),
    ...(known?.sqlstate ? { sqlstate: known.sqlstate } : {}),
    detail: [...(known?.detail ? [known.detail] : []), ...ways].join("\n"),
    state: `${whole}${half}. It was not undone: ${ways.join("; ")}.`,
    remedy: `Take it back to the backup, losing what was written since: pantler restore ${backup.id} --env ${environment.name} --confirm ${environment.name}; or finish it by hand: pantler migration list --env ${environment.name}`,
    cause: failure,
  });
}

function unknownState(
  { environment }: Target,
  { plan, backup }: Prepared,
  failure: unknown,
  problem: unknown,
): NeedsHandsError {
  return new NeedsHandsError({
    code: "state-unknown",
    message: messageOf(failure),
    detail: `${environment.name} cannot be asked how far it came: ${messageOf(problem)}`,
    state: `Whether ${plan.versions.join(", ")} are applied is not known; the backup ${backup.id} is proven.`,
    remedy: `Once the server can be reached run: pantler deploy ${environment.name}; it finds out, and finishes or undoes what is there.`,
    cause: failure,
  });
}
