import type { Target } from "../engine/index.js";
import { InputError, type Operation } from "../operation/index.js";
import { listMigrationFiles, type Project, pathInProject } from "../project/index.js";
import { markComplete, markRolledBack, markRunning, readControl, repair } from "./control.js";
import { deleteLedgerRows, readLedger, writeLedgerRows } from "./ledger.js";
import { unknownVersion } from "./plan.js";
import { readStatements } from "./script.js";
import { withDeploymentSession } from "./session.js";

export interface RepairRequest {
  readonly version: string;
  /** `applied` writes the ledger row with the file's statements; `reverted` removes it. Both close the breaker. */
  readonly status: "applied" | "reverted";
}

/**
 * Mends the ledger and the control table without running the migration.
 * @throws InputError `file-missing` when `applied` needs its text; `version-unknown` when neither a file, nor the ledger, nor the control table knows the version
 */
export async function repairMigration(
  target: Target,
  { version, status }: RepairRequest,
  operation: Operation,
): Promise<void> {
  const files = listMigrationFiles(target.project).migrations;
  const phase = files.findIndex((file) => file.version === version);
  const file = files[phase];
  await withDeploymentSession(target, operation, undefined, async ({ client }) => {
    const known = [...(await readLedger(client)), ...(await readControl(client))].some(
      (row) => row.version === version,
    );
    if (!file && !known) throw unknownVersion(version);
    if (!file && status === "applied") throw fileMissing(target.project, version);
    const statements =
      file && status === "applied" ? readStatements(target.project, file.file).statements : [];
    await operation.step(`mark ${version} as ${status}`, async () => {
      await client.query("begin");
      if (file && status === "applied") {
        const now = Date.now() / 1000;
        await writeLedgerRows(client, [
          {
            version,
            name: file.name,
            statements: statements.map(({ text }) => text),
          },
        ]);
        await markRunning(
          client,
          [{ version, name: file.name, phaseNumber: phase + 1 }],
          "up",
          true,
          undefined,
        );
        await markComplete(client, [{ version, began: now, ended: now, rowsBefore: null, rowsAfter: null }]);
      } else {
        await deleteLedgerRows(client, [version]);
        await markRolledBack(client, [version], "marked as reverted by hand");
      }
      await client.query("commit");
    });
  });
}

function fileMissing(project: Project, version: string): InputError {
  return new InputError({
    code: "file-missing",
    message: `The file of ${version} is gone from ${pathInProject(project, project.folders.migrations)}.`,
    state: "Nothing was done.",
    remedy: `Bring it back; or, if the migration was taken back by hand: ${repair(version, "reverted")}`,
  });
}
