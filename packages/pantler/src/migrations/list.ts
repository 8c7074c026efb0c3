import type { Target } from "../engine/index.js";
import { type Client, withClient } from "../postgres/index.js";
import {
  listMigrationFiles,
  type MigrationFile,
  type MigrationFolder,
  type Project,
} from "../project/index.js";
import { isOpen, type PhaseRecord, readControl } from "./control.js";
import { type LedgerRow, readLedger } from "./ledger.js";
import { readStatements } from "./script.js";

/**
 * How a version stands: `applied`; `pending`; `out-of-order`, pending but older than an applied one; `changed`,
 * applied but its file holds other statements now; `missing`, applied but its file is gone.
 */
export type MigrationState = "applied" | "pending" | "out-of-order" | "changed" | "missing";

export interface ListedMigration {
  readonly version: string;
  /** Empty where the file is gone and the ledger, written by an old Supabase CLI, holds no name. */
  readonly name: string;
  readonly state: MigrationState;
  /** Where the phase stands among the project's files, from 1; a version without a file has no place. */
  readonly phase: number | undefined;
  /** What the control table says, where its last run did not end well. */
  readonly breaker: { readonly status: string; readonly error: string | undefined } | undefined;
}

export interface MigrationList {
  readonly migrations: readonly ListedMigration[];
  /** Files in the folder that are no migrations. */
  readonly ignored: readonly string[];
}

/**
 * Lists the files of a project beside the ledger of an environment.
 * @throws InputError when the files are wrong
 * @throws EnvironmentError when the environment cannot be reached
 */
export async function listMigrations(target: Target): Promise<MigrationList> {
  return await withClient(target.url, (client) => readMigrationList(client, target.project));
}

/** Lists the same over an open connection, and of a folder that may have been read already. */
export async function readMigrationList(
  client: Client,
  project: Project,
  folder = listMigrationFiles(project),
): Promise<MigrationList> {
  return compareWithLedger(project, folder, await readLedger(client), await readControl(client));
}

function compareWithLedger(
  project: Project,
  folder: MigrationFolder,
  ledger: readonly LedgerRow[],
  control: readonly PhaseRecord[],
): MigrationList {
  const files = new Map(folder.migrations.map((file, index) => [file.version, { file, phase: index + 1 }]));
  const rows = new Map(ledger.map((row) => [row.version, row]));
  const records = new Map(control.map((record) => [record.version, record]));
  const newest = ledger.at(-1)?.version;
  const versions = [...new Set([...files.keys(), ...rows.keys()])].sort((left, right) =>
    left < right ? -1 : 1,
  );
  const migrations = versions.map((version): ListedMigration => {
    const row = rows.get(version);
    const found = files.get(version);
    const record = records.get(version);
    return {
      version,
      name: found?.file.name ?? row?.name ?? "",
      state: stateOf(project, found?.file, row, newest),
      phase: found?.phase,
      breaker:
        record && isOpen(record) ? { status: record.status, error: record.error ?? undefined } : undefined,
    };
  });
  return { migrations, ignored: folder.ignored };
}

function stateOf(
  project: Project,
  file: MigrationFile | undefined,
  row: LedgerRow | undefined,
  newest: string | undefined,
): MigrationState {
  if (!file) return "missing";
  if (!row) return newest !== undefined && file.version < newest ? "out-of-order" : "pending";
  if (row.statements === null) return "applied";
  const now = readStatements(project, file.file).statements;
  const same =
    now.length === row.statements.length && now.every(({ text }, index) => text === row.statements?.[index]);
  return same ? "applied" : "changed";
}
