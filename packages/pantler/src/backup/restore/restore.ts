import { prepareSession } from "../../copy/index.js";
import type { Target } from "../../engine/index.js";
import { atMost, type Operation, stopWhenAborted } from "../../operation/index.js";
import {
  type Client,
  cancelOnAbort,
  connect,
  environmentProblem,
  refuseTransactionPooler,
  requireServer,
  takeDeploymentLock,
} from "../../postgres/index.js";
import { readSchema } from "../../schema/index.js";
import { ArchiveReader } from "../archive/archive-reader.js";
import type { ArchivedTable } from "../archive/manifest.js";
import type { Backup } from "../catalog.js";
import { rowsOfArchive } from "./archive-rows.js";
import { isEmpty } from "./clear-project.js";
import { schemaDifferences } from "./compare-schema.js";
import { gatherStatistics } from "./gather-statistics.js";
import type { Merged } from "./merge-rows.js";
import { inOneTransaction } from "./one-transaction.js";
import { planRestore, type RestoreRequest, type RestoreWay } from "./plan-restore.js";
import { requireFit } from "./restore-check.js";
import { restoreIntoEmpty } from "./restore-empty.js";
import { isHalfRestored, refuseHalfRestored } from "./restore-marker.js";
import { restoreRows } from "./restore-rows.js";
import { readWhole, replaceWhole } from "./restore-whole.js";
import { requireConfirmation, secure } from "./safety-backup.js";

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
    if (plan.way === "rows") await refuseHalfRestored(client, target.url);
    const empty = half || (await isEmpty(client));
    if (!empty || half) requireConfirmation(target, request);
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
          rowsOfArchive(whole),
          { merge: request.merge, complete: plan.complete },
          operation,
          signal,
        );
        for (const [table, result] of results) merged.set(table, result);
      });
    }
    const { views } = plan.way === "everything" ? manifest : { views: [] };
    await gatherStatistics(client, whole.tables, views, operation);
    const schemaEqual =
      plan.way === "rows" ? undefined : await compareSchema(client, whole.reader, major, operation);
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

/** So many differences are named. */
const namedAtMost = 10;

/** Tells whether the schema is that of the backup; what is kept already is not given up when that cannot be seen. */
async function compareSchema(
  client: Client,
  reader: ArchiveReader,
  major: number,
  operation: Operation,
): Promise<boolean | undefined> {
  try {
    const differences = await schemaDifferences(reader, await readSchema(client), major);
    if (differences.length === 0) return true;
    operation.finding(
      "warning",
      `the schema is not in every respect that of the backup: ${atMost(differences, namedAtMost).join(", ")}`,
    );
    return false;
  } catch (error) {
    operation.finding(
      "warning",
      `the schema could not be compared with that of the backup: ${String(error)}`,
    );
    return undefined;
  }
}
