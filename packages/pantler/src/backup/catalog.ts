import { InputError, PantlerError } from "../operation/index.js";
import { isId } from "./archive/archive-names.js";
import { type Drill, type Manifest, manifestName } from "./archive/manifest.js";
import { parseManifest } from "./archive/read-manifest.js";
import { readStoredText } from "./archive/stored-text.js";
import { readDrill } from "./drill-record.js";
import type { Store } from "./stores/store.js";

/** A backup that can be used. */
export interface Backup {
  readonly id: string;
  readonly store: Store;
  readonly manifest: Manifest;
  /** The hash of its manifest, which a drill names. */
  readonly sha256: string;
  /** The newest drill of exactly this content. */
  readonly drill: Drill | undefined;
  /** Whether that drill found everything. */
  readonly proven: boolean;
}

/** A backup whose manifest cannot be used. */
export interface DamagedBackup {
  readonly id: string;
  readonly store: Store;
  readonly problem: PantlerError;
}

export type ListedBackup = Backup | DamagedBackup;

/** Whether a listed backup can be used. */
export function isUsable(listed: ListedBackup): listed is Backup {
  return "manifest" in listed;
}

/** So many manifests are read at once: an S3 store answers slowly, but many questions at a time. */
const readAtOnce = 8;

/**
 * Lists the backups of a store, the newest first. An archive without a manifest does not exist.
 * @throws EnvironmentError when the store cannot be read
 */
export async function listBackups(store: Store): Promise<ListedBackup[]> {
  const ids = (await store.folders()).filter(isId);
  const found: ListedBackup[] = [];
  const remaining = ids.values();
  await Promise.all(
    Array.from({ length: readAtOnce }, async () => {
      for (const id of remaining) {
        const backup = await readBackup(store, id);
        if (backup) found.push(backup);
      }
    }),
  );
  return found.sort(newestFirst);
}

/**
 * Finds one backup.
 * @param id its id, the end or the beginning of it if there is no other such, or `latest`
 * @throws InputError `backup-unknown`, `backup-ambiguous`, and why it cannot be used
 */
export async function findBackup(store: Store, id: string): Promise<Backup> {
  if (id !== "latest") return chooseBackup(await listCandidates(store, id), id, store.location);
  const newest = (await listBackups(store)).find(isUsable);
  if (newest) return newest;
  throw backupUnknown(id, store.location);
}

/** Lists the backups that an id could mean, without reading the others where it is a whole one. */
export async function listCandidates(store: Store, id: string): Promise<ListedBackup[]> {
  if (!isId(id)) return await listBackups(store);
  const backup = await readBackup(store, id);
  return backup ? [backup] : [];
}

/** So many are named where an id means several. */
const namedAtMost = 5;

/**
 * Chooses the backup that an id means.
 * @param id all of it, its beginning or its end
 * @param where the places that were looked through, for the error
 * @throws InputError `backup-unknown`, `backup-ambiguous`, and why it cannot be used
 */
export function chooseBackup(listed: readonly ListedBackup[], id: string, where: string): Backup {
  const matching = listed.filter((each) => id !== "" && (each.id.startsWith(id) || each.id.endsWith(id)));
  const [first, second] = matching;
  if (second) {
    const named = matching.slice(0, namedAtMost).map((each) => each.id);
    const others = matching.length > namedAtMost ? ` and ${matching.length - namedAtMost} more` : "";
    throw new InputError({
      code: "backup-ambiguous",
      message: `Several backups are meant by ${id}: ${named.join(", ")}${others}.`,
      state: "Nothing was done.",
      remedy: "Give the whole id.",
    });
  }
  if (!first) throw backupUnknown(id, where);
  if (!isUsable(first)) throw first.problem;
  return first;
}

/** The error for a backup that is not there. */
export function backupUnknown(id: string, where: string): InputError {
  return new InputError({
    code: "backup-unknown",
    message: `There is no backup ${JSON.stringify(id).slice(1, -1)} in ${where}.`,
    state: "Nothing was done.",
    remedy: "See what there is: pantler backup list",
  });
}

async function readBackup(store: Store, id: string): Promise<ListedBackup | undefined> {
  try {
    const text = await readStoredText(store, `${id}/${manifestName}`);
    if (text === undefined) return undefined;
    const { manifest, sha256 } = await parseManifest(text, id);
    const drill = await readDrill(store, id, sha256);
    return { id, store, manifest, sha256, drill, proven: drill?.proven ?? false };
  } catch (error) {
    if (error instanceof PantlerError && aboutArchive.has(error.code)) return { id, store, problem: error };
    throw error;
  }
}

/** Errors that tell of one archive, and keep nothing of the others back. */
const aboutArchive = new Set(["archive-damaged", "format-newer", "store-leads-out", "store-unreadable"]);

/** Damaged ones are listed last. The number counts, not the clock, which may have been set back. */
function newestFirst(left: ListedBackup, right: ListedBackup): number {
  if (!isUsable(left) || !isUsable(right)) {
    return Number(isUsable(right)) - Number(isUsable(left)) || (left.id < right.id ? 1 : -1);
  }
  const [ours, theirs] = [left.manifest, right.manifest];
  if (ours.sequence !== theirs.sequence) return theirs.sequence - ours.sequence;
  return ours.createdAt < theirs.createdAt ? 1 : -1;
}
