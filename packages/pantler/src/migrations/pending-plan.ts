import { createHash } from "node:crypto";
import type { Target } from "../engine/index.js";
import type { Client } from "../postgres/index.js";
import { listMigrationFiles } from "../project/index.js";
import { lookAtBreaker } from "./control.js";
import { readLedger } from "./ledger.js";
import { readMigrationList } from "./list.js";
import { type Batch, planUp, type UpRequest } from "./plan.js";

/**
 * Tells, without changing anything, which migrations would be applied and in which transactions.
 * @param client a connection that holds the deployment lock: a phase that is running then belongs to nobody
 * @param serverMajor the target's major version
 * @throws RefusedError `breaker-open`, and for drift of files and ledger
 * @throws InputError when the files are wrong
 */
export async function readPendingPlan(
  client: Client,
  target: Target,
  request: UpRequest,
  serverMajor: number,
): Promise<Batch[]> {
  const folder = listMigrationFiles(target.project);
  await lookAtBreaker(client, new Set((await readLedger(client)).map((row) => row.version)));
  const list = await readMigrationList(client, target.project, folder);
  return await planUp(target, folder.migrations, list, request, serverMajor);
}

/** One short text for a plan: another one when a migration, its text or a transaction's border is another. */
export function planFingerprint(batches: readonly Batch[]): string {
  const parts = batches.map(({ migrations }) =>
    migrations.map(({ version, script }) => [version, script.text]),
  );
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
