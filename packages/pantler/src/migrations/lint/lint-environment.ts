import type { Target } from "../../engine/index.js";
import type { Operation } from "../../operation/index.js";
import { requireServer, withClient } from "../../postgres/index.js";
import { listMigrationFiles } from "../../project/index.js";
import { readLedger } from "../ledger.js";
import type { LintFinding } from "./finding.js";
import { lintMigrations } from "./lint.js";

/**
 * Judges the migrations that are pending on an environment by its tables and rows. Nothing is changed there.
 * @throws InputError when the folders are wrong
 * @throws EnvironmentError when the environment cannot be reached, or its catalogs cannot be read
 */
export async function lintPending(target: Target, operation: Operation): Promise<LintFinding[]> {
  const { project, url } = target;
  return await withClient(url, async (client) => {
    await requireServer(client, url);
    const applied = new Set((await readLedger(client)).map(({ version }) => version));
    const files = listMigrationFiles(project).migrations.map(({ version }) => version);
    const versions = new Set(files.filter((version) => !applied.has(version)));
    return await lintMigrations(project, client, { versions }, operation);
  });
}
