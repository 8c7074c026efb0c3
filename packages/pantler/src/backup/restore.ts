import { prepareSession } from "../copy/index.js";
import type { Target } from "../engine/index.js";
import { type Operation, RefusedError, stopWhenAborted } from "../operation/index.js";
import {
  cancelOnAbort,
  connect,
  environmentProblem,
  refuseTransactionPooler,
  requireServer,
  takeDeploymentLock,
} from "../postgres/index.js";
import { fingerprintOf, readSchema } from "../schema/index.js";
import { ArchiveReader, type Keys } from "./archive-reader.js";
import type { Backup } from "./catalog.js";
import { isEmpty } from "./clear-project.js";
import { createBackup } from "./create.js";
import { drillBackup } from "./drill.js";
import { loadingOrder } from "./load-rows.js";
import type { ArchivedTable, Manifest } from "./manifest.js";
import type { Merged, MergeMode } from "./merge-rows.js";
import { inOneTransaction } from "./one-transaction.js";
import { requireFit } from "./restore-check.js";
import { restoreIntoEmpty } from "./restore-empty.js";
import { isHalfRestored } from "./restore-marker.js";
import { restoreRows } from "./restore-rows.js";
import { readWhole, replaceWhole } from "./restore-whole.js";
import { chooseTables } from "./table-choice.js";

export interface RestoreRequest {
  /** Only the rows of these tables, each as `name`, for one of schema public, or `schema.name`. */
  readonly tables?: readonly string[] | undefined;
  /** Brings back rows by their primary key: missing ones, and with `update` those that differ. */
  readonly merge?: MergeMode | undefined;
  readonly schemaOnly?: boolean | undefined;
  readonly dataOnly?: boolean | undefined;
  readonly keys: Keys;
  /** For a protected environment that holds something: its name, typed by somebody who means it. */
  readonly confirmation?: string | undefined;
}

/** How a restore goes about it. */
export type RestoreWay = "everything" | "schema" | "rows";

export interface RestoreResult {
  readonly backup: string;
  readonly way: RestoreWay;
  readonly tables: readonly {
    readonly schema: string;
    readonly name: string;
    readonly rows: number;
    readonly merged?: Merged;
  }[];
  /** The backup that was taken of what was there before. */
  readonly safety: string | undefined;
  /** Whether the schema is now that of the backup; undefined where only rows were restored. */
  readonly schemaEqual: boolean | undefined;
  readonly milliseconds: number;
}

/** What a restore is to do, put together from the request and the kind of the backup. */
export function planRestore(
  { kind, tables }: Manifest,
  request: RestoreRequest,
): { readonly way: RestoreWay; readonly tables: readonly ArchivedTable[]; readonly complete: boolean } {
  const chosen = request.tables ? chooseTables(request.tables, tables, "The backup") : tables;
  const rowsOnly =
    request.dataOnly || request.tables || request.merge || kind === "data" || kind === "tables";
  const way = request.schemaOnly ? "schema" : rowsOnly ? "rows" : kind === "schema" ? "schema" : "everything";
  return {
    way,
    tables: loadingOrder(way === "schema" ? chosen.filter(isLedger) : chosen),
    complete: !request.tables && kind !== "tables" && kind !== "schema",
  };
}

/**
 * Restores a backup. Into a database that holds something, in one transaction: all of it, or nothing. Into an empty
 * one, over several connections at once; it is emptied again when that fails. Rows are compared with the backup before
 * anything is kept.
 * @param signal interrupts the work
 * @throws RefusedError `not-confirmed`, `backup-not-proven`, `deployment-running`
 * @throws EnvironmentError where the database or the archive cannot be used
 * @throws UnchangedError when it failed and everything is as it was
 * @throws NeedsHandsError `half-restored`, or when the connection broke and the outcome is not known
 */
export async function restoreBackup(
  target: Target,
  backup: Backup,
  request: RestoreRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<RestoreResult> {
  const started = performance.now();
  refuseTransactionPooler(target.url);
  const { manifest } = backup;
  const plan = planRestore(manifest, request);
  const whole = await operation.step("open the backup", async (step) => {
    step.note(`${manifest.id}, ${manifest.kind}, of ${manifest.environment}`);
    const reader = await ArchiveReader.open(backup.store, manifest, request.keys);
    return await readWhole(reader, plan.tables, plan.way !== "schema");
  });
  const client = await connect(target.url, { applicationName: "pantler restore" });
  let stopListening = () => {};
  try {
    stopListening = await cancelOnAbort(client, target.url, signal);
    const major = await requireServer(client, target.url);
    await requireFit(client, target.url, major, manifest);
    await prepareSession(client);
    await takeDeploymentLock(client);
    const half = await isHalfRestored(client);
    if (half)
      operation.finding("warning", "an earlier restore into this database did not end; it is started over");
    const empty = half || (await isEmpty(client));
    const safety = empty ? undefined : await secure(target, request, operation, signal);
    stopWhenAborted(signal, "Nothing was changed.");
    const merged = new Map<ArchivedTable, Merged>();
    if (plan.way !== "rows" && empty) {
      await restoreIntoEmpty(client, target.url, whole, operation, signal);
    } else {
      await inOneTransaction(client, target.url, signal, async () => {
        if (plan.way !== "rows") return await replaceWhole(client, whole, operation, signal);
        const results = await restoreRows(
          client,
          whole,
          { merge: request.merge, complete: plan.complete },
          operation,
          signal,
        );
        for (const [table, result] of results) merged.set(table, result);
      });
    }
    const schemaEqual =
      plan.way === "rows"
        ? undefined
        : fingerprintOf(await readSchema(client)) === manifest.schema.fingerprint;
    if (schemaEqual === false) {
      operation.finding(
        "warning",
        "the schema is not in every respect that of the backup; pantler backup drill says in which",
      );
    }
    return {
      backup: manifest.id,
      way: plan.way,
      tables: plan.tables.map((table) => {
        const result = merged.get(table);
        return {
          schema: table.schema,
          name: table.name,
          rows: table.rows,
          ...(result ? { merged: result } : {}),
        };
      }),
      safety: safety?.id,
      schemaEqual,
      milliseconds: Math.round(performance.now() - started),
    };
  } catch (error) {
    throw environmentProblem(target.url, error) ?? error;
  } finally {
    stopListening();
    await client.end().catch(() => {});
  }
}

/**
 * Sees to it that a protected environment is overwritten only by somebody who means it, and after a backup of what is
 * there was taken and proven.
 */
async function secure(
  target: Target,
  request: RestoreRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Backup | undefined> {
  const { environment } = target;
  if (!environment.protected) return undefined;
  if (request.confirmation !== environment.name) {
    throw new RefusedError({
      code: "not-confirmed",
      message: `${environment.name} is protected and holds data, which a restore overwrites.`,
      state: "Nothing was done.",
      remedy: `Confirm it by its name: --confirm ${environment.name}`,
    });
  }
  const { passphrase } = request.keys;
  const safety = await createBackup(target, { name: "before a restore", passphrase }, operation, signal);
  const drill = await drillBackup(safety, request.keys, operation, signal);
  if (drill.proven) return safety;
  throw new RefusedError({
    code: "backup-not-proven",
    message: `The backup ${safety.id} of what ${environment.name} holds now did not pass its drill.`,
    detail: drill.differences.join("\n"),
    state: "Nothing was restored; that backup stays listed.",
    remedy: `See what differs: pantler backup show ${safety.id}`,
  });
}

/** The ledger goes with a schema, so that it is known which migrations made it. */
function isLedger({ schema }: ArchivedTable): boolean {
  return schema === "supabase_migrations" || schema === "pantler";
}
