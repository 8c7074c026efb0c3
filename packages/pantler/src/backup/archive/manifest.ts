import type { QualifiedName } from "../../copy/index.js";
import { EnvironmentError } from "../../operation/index.js";
import { renderSealed } from "./sealed-json.js";

/** The version of the archive's format. A newer one is refused, as what it holds cannot be known. */
export const format = 1;

/** What a backup takes with it. */
export type BackupKind = "full" | "schema" | "data" | "tables";

/** One file of an archive. */
export interface ArchivedFile {
  /** In the archive's folder, with `/`. */
  readonly name: string;
  readonly bytes: number;
  /** Of the file as it is stored, in hex. */
  readonly sha256: string;
  /** The backup whose folder holds it, where that is another one. */
  readonly backup?: string | undefined;
}

/** One table's rows. */
export interface ArchivedTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: number;
  /** See `digestText` of the room copy. */
  readonly digest: string;
  /** How much COPY text the rows are, in bytes. */
  readonly bytes: number;
  readonly files: readonly ArchivedFile[];
  /** The partitioned tables that it is a part of, the nearest first. */
  readonly partOf?: readonly QualifiedName[] | undefined;
  /** The one of them that the rows have to be loaded into: see `Table` of the room copy. */
  readonly entrance?: QualifiedName | undefined;
  /** Whether writing a row calls functions of the project's: see `Table` of the room copy. */
  readonly callsFunctions?: boolean | undefined;
}

/** What an archive says it holds. */
export interface Manifest {
  readonly format: number;
  readonly id: string;
  /** Counts up within a store, so that the order of backups does not hang on the clock. */
  readonly sequence: number;
  /** When its snapshot was taken, as an ISO 8601 text in UTC. */
  readonly createdAt: string;
  readonly milliseconds: number;
  readonly project: string;
  readonly environment: string;
  /** What the user called it. */
  readonly name?: string | undefined;
  readonly kind: BackupKind;
  /** The backup that an incremental one was compared with. */
  readonly parent?: string | undefined;
  readonly source: {
    readonly database: string;
    /** What the server calls itself, such as `17.10`. */
    readonly version: string;
    readonly major: number;
    readonly role: string;
  };
  readonly encryption?: "recipients" | "passphrase" | undefined;
  /** The public keys it is encrypted to. */
  readonly recipients?: readonly string[] | undefined;
  readonly schema: { readonly fingerprint: string; readonly objects: number };
  /** Roles that own or may use something in it. */
  readonly roles: readonly string[];
  readonly extensions: readonly {
    readonly name: string;
    readonly schema: string;
    readonly version: string;
    /** Whether the project installed it: a database does well without what Supabase puts into each. */
    readonly required?: boolean | undefined;
  }[];
  readonly tables: readonly ArchivedTable[];
  readonly sequences: readonly {
    readonly schema: string;
    readonly name: string;
    readonly lastValue: string;
    readonly isCalled: boolean;
  }[];
  /** Materialised views that were filled, each after those it reads. */
  readonly views: readonly { readonly schema: string; readonly name: string }[];
  /** What has content and is not in the archive, in words. */
  readonly leftOut: readonly string[];
  /** Everything but the tables' files. */
  readonly files: readonly ArchivedFile[];
}

/** What a drill found. */
export interface Drill {
  /** When it began, as an ISO 8601 text in UTC. */
  readonly at: string;
  /** How long the restore took, in milliseconds: what a recovery will take on such a machine. */
  readonly restoreMilliseconds: number;
  /** How long all of it took, in milliseconds. */
  readonly milliseconds: number;
  /** Whether everything was there and equal. */
  readonly proven: boolean;
  /** The hash of the manifest that it compared with. */
  readonly manifest: string;
  /** What the server called itself that it restored into. */
  readonly server: string;
  /** What was not as the manifest says, in words. */
  readonly differences: readonly string[];
  /** What could not be looked at, since what it needs is not in the backup: keys to tables whose rows are not. */
  readonly leftOut?: readonly string[] | undefined;
}

/** The name under which the manifest is stored. */
export const manifestName = "manifest.json";

/** The text of a manifest; any byte of it that is changed later will be noticed. */
export function renderManifest(manifest: Omit<Manifest, "format">): string {
  return renderSealed({ format, ...manifest });
}

/** The error for an archive whose content is not what it was. */
export function damagedArchive(id: string, why: string, cause?: unknown): EnvironmentError {
  return new EnvironmentError({
    code: "archive-damaged",
    message: `The backup ${id} is damaged: ${why}.`,
    state: "Nothing was changed.",
    remedy: "Do not rely on it; pantler backup list shows the others. Make a new one now.",
    ...(cause === undefined ? {} : { cause }),
  });
}
