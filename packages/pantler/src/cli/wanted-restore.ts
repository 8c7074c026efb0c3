import type { Backup, RestoreRequest, Target } from "../index.js";

/** The options of a restore. */
export interface RestoreOptions {
  readonly to?: string;
  readonly tables?: string[];
  readonly merge?: "skip" | "update";
  readonly schemaOnly?: boolean;
  readonly dataOnly?: boolean;
  readonly dryRun?: boolean;
}

/** A restore that is settled but for its keys and its confirmation. */
export interface WantedRestore {
  readonly backup: Backup;
  readonly target: Target;
  /** Whether the database has to be made first. */
  readonly isNew: boolean;
  readonly request: Pick<RestoreRequest, "tables" | "merge" | "schemaOnly" | "dataOnly">;
}
