import { listMigrationFiles, type MigrationFile, type Project } from "../../project/index.js";
import type { LedgerRow } from "../ledger.js";
import { readStatements } from "../script.js";

/** A migration as it was, or would be, run. */
export interface KnownMigration {
  readonly version: string;
  /** Empty where neither the ledger nor a file knows it. */
  readonly name: string;
  readonly applied: boolean;
  /** Undefined for one whose text is known nowhere. */
  readonly statements: readonly string[] | undefined;
}

/** An applied migration that could not be built, or not wholly. */
export interface UnbuiltMigration {
  readonly version: string;
  readonly name: string;
  /** Why, in a sentence. */
  readonly because: string;
}

/**
 * Lists the applied migrations in the ledger's order with the statements the ledger holds, or with those of the file
 * where an old Supabase CLI recorded none; and after them those that are pending.
 * @throws InputError when a file that is needed cannot be read
 */
export function knownMigrations(
  project: Project,
  ledger: readonly LedgerRow[],
): { applied: KnownMigration[]; pending: KnownMigration[] } {
  const files = listMigrationFiles(project).migrations;
  const byVersion = new Map(files.map((file) => [file.version, file]));
  const versions = new Set(ledger.map(({ version }) => version));
  const textsOf = ({ file }: MigrationFile) =>
    readStatements(project, file).statements.map(({ text }) => text);
  return {
    applied: ledger.map(({ version, name, statements }) => {
      const file = byVersion.get(version);
      const recorded = statements && statements.length > 0 ? statements : undefined;
      return {
        version,
        name: name ?? file?.name ?? "",
        applied: true,
        statements: recorded ?? (file && textsOf(file)),
      };
    }),
    pending: files
      .filter(({ version }) => !versions.has(version))
      .map((file) => ({
        version: file.version,
        name: file.name,
        applied: false,
        statements: textsOf(file),
      })),
  };
}

/** What a migration is called in a sentence. */
export function titleOf({ version, name }: Pick<KnownMigration, "version" | "name">): string {
  return name === "" ? version : `${version}_${name}`;
}
