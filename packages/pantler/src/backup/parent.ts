import type { Digest, Table } from "../copy/index.js";
import { digestText } from "../copy/index.js";
import type { ArchivedFile, ArchivedTable, Manifest } from "./archive/manifest.js";
import { type Backup, isUsable, type ListedBackup } from "./catalog.js";
import { isSame } from "./contents.js";

/** What an archive has to have in common with another one to refer to its files. */
export type Kinship = Pick<Manifest, "project" | "environment" | "encryption"> & {
  readonly recipients: readonly string[];
};

/** The newest backup whose files another one may refer to. */
export function findParent(listed: readonly ListedBackup[], kinship: Kinship): Backup | undefined {
  const same = (left: readonly string[], right: readonly string[]) =>
    left.length === right.length && left.every((each) => right.includes(each));
  return listed
    .filter(isUsable)
    .find(
      ({ manifest }) =>
        manifest.project === kinship.project &&
        manifest.environment === kinship.environment &&
        manifest.encryption === kinship.encryption &&
        manifest.kind !== "schema" &&
        same(manifest.recipients ?? [], kinship.recipients),
    );
}

/** The folders that the files of a backup's tables lie in. */
export function foldersOf(manifest: Pick<Manifest, "id" | "files" | "tables">): string[] {
  const files = [...manifest.files, ...manifest.tables.flatMap(({ files }) => files)];
  return [...new Set([manifest.id, ...files.map(({ backup }) => backup ?? manifest.id)])];
}

/** The same table in another backup, when its rows could be the same. */
export function counterpart(manifest: Manifest, table: Table): ArchivedTable | undefined {
  const found = manifest.tables.find((each) => isSame(each, table));
  return found?.columns.join("\0") === table.columns.join("\0") ? found : undefined;
}

/** The files of a table of another backup, when its rows are the same; each says whose it is. */
export function sharedFiles(
  { manifest }: Backup,
  archived: ArchivedTable,
  digest: Digest,
): ArchivedFile[] | undefined {
  if (archived.digest !== digestText(digest)) return undefined;
  return archived.files.map((file) => ({ ...file, backup: file.backup ?? manifest.id }));
}
