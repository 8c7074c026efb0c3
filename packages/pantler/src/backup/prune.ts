import type { Operation } from "../operation/index.js";
import { isId } from "./archive/archive-names.js";
import { manifestName } from "./archive/manifest.js";
import { removeArchive } from "./archive/remove-archive.js";
import { type Backup, isUsable, type ListedBackup, listBackups } from "./catalog.js";
import { readClaim } from "./claim.js";
import type { Store } from "./stores/store.js";

/** How many backups to keep: the last one of so many days, weeks and months that have any. All in UTC. */
export interface Retention {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

/** What is kept unless somebody says otherwise. */
export const usualRetention: Retention = { daily: 7, weekly: 4, monthly: 12 };

export interface PruneResult {
  readonly kept: readonly { readonly id: string; readonly because: readonly string[] }[];
  readonly removed: readonly string[];
  /** What was left of creations and prunes that broke off. */
  readonly swept: readonly string[];
  /** Bytes made free; 0 for a dry run. */
  readonly bytes: number;
}

/** A creation that has not written anything for so long, in milliseconds, is taken for dead. */
const abandonedAfter = 24 * 60 * 60 * 1000;

/**
 * Removes the backups of one environment that the retention does not ask for. The newest one, and the newest proven
 * one, are always kept, as are damaged ones, about which somebody should decide, and files that another backup refers to.
 * @param dryRun only says what would be done
 * @throws EnvironmentError when the store cannot be read or written
 */
export async function pruneBackups(
  store: Store,
  of: { readonly project: string; readonly environment: string },
  retention: Retention,
  operation: Operation,
  dryRun = false,
): Promise<PruneResult> {
  const { kept, removed, known } = await operation.step("choose what to keep", async (step) => {
    const listed = await listBackups(store);
    const own = listed
      .filter(isUsable)
      .filter(({ manifest }) => manifest.project === of.project && manifest.environment === of.environment);
    const chosen = chooseKept(own, retention);
    step.note(`${chosen.kept.length} kept, ${chosen.removed.length} to remove`);
    return { ...chosen, known: new Set(listed.map(({ id }) => id)) };
  });
  if (dryRun) return { kept, removed, swept: [], bytes: 0 };
  return await operation.step("remove", async (step) => {
    // A creation that begins now finds no manifest to refer to; those that run have said what they may refer to.
    await store.remove(removed.map((id) => `${id}/${manifestName}`));
    // Claims before manifests: a creation takes its claim back only when its manifest is there to be read.
    const claims = await readClaims(store, known);
    const { listed, unlisted } = await readStore(store);
    const referred = await filesReferredTo(store, listed, unlisted, claims);
    const swept: string[] = [];
    let bytes = 0;
    for (const [index, id] of unlisted.entries()) {
      step.progress(index, unlisted.length, "folders");
      if (!removed.includes(id) && !(await isAbandoned(store, id))) continue;
      const freed = await removeArchive(store, id, referred.get(id));
      if (freed > 0 && !removed.includes(id)) swept.push(id);
      bytes += freed;
    }
    await store.sweep(abandonedAfter);
    step.note(`${removed.length} removed`);
    return { kept, removed, swept, bytes };
  });
}

/**
 * Chooses among the backups of one environment, given the newest first. The last backup of a day stands for the day.
 */
export function chooseKept(
  backups: readonly Backup[],
  { daily, weekly, monthly }: Retention,
): Pick<PruneResult, "kept" | "removed"> {
  const reasons = new Map<string, string[]>();
  const keep = (id: string, because: string) => reasons.set(id, [...(reasons.get(id) ?? []), because]);
  const keepLastOf = (count: number, what: string, periodOf: (date: Date) => string) => {
    const seen = new Set<string>();
    for (const { id, manifest } of backups) {
      const period = periodOf(new Date(manifest.createdAt));
      if (seen.has(period)) continue;
      if (seen.size === count) return;
      seen.add(period);
      keep(id, `${what} ${period}`);
    }
  };
  const [newest] = backups;
  if (newest) keep(newest.id, "the newest");
  const proven = backups.find((backup) => backup.proven);
  if (proven) keep(proven.id, "the newest proven");
  keepLastOf(daily, "last of", (date) => date.toISOString().slice(0, 10));
  keepLastOf(weekly, "last of the week of", mondayOf);
  keepLastOf(monthly, "last of", (date) => date.toISOString().slice(0, 7));
  return {
    kept: backups.flatMap(({ id }) => {
      const because = reasons.get(id);
      return because ? [{ id, because }] : [];
    }),
    removed: backups.filter(({ id }) => !reasons.has(id)).map(({ id }) => id),
  };
}

function mondayOf(date: Date): string {
  const monday = new Date(date);
  monday.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return monday.toISOString().slice(0, 10);
}

async function readStore(
  store: Store,
): Promise<{ readonly listed: readonly ListedBackup[]; readonly unlisted: readonly string[] }> {
  const listed = await listBackups(store);
  const known = new Set(listed.map(({ id }) => id));
  const folders = (await store.folders()).filter(isId);
  return { listed, unlisted: folders.filter((id) => !known.has(id)) };
}

/**
 * What the creations that run may come to refer to; undefined when a claim cannot be read.
 * @param known backups that were listed, which are no creations
 */
async function readClaims(store: Store, known: ReadonlySet<string>): Promise<readonly string[] | undefined> {
  const claimed: string[] = [];
  for (const id of await store.folders()) {
    if (!isId(id) || known.has(id)) continue;
    const claim = await readClaim(store, id);
    if (claim === undefined) return undefined;
    claimed.push(...claim);
  }
  return claimed;
}

/**
 * The files, by the folder they lie in, that listed backups refer to, and those that running creations may.
 * @param claims the folders that they may; undefined when it may be any
 */
async function filesReferredTo(
  store: Store,
  listed: readonly ListedBackup[],
  unlisted: readonly string[],
  claims: readonly string[] | undefined,
): Promise<Map<string, Set<string>>> {
  const referred = new Map<string, Set<string>>();
  const add = (folder: string, names: readonly string[]) =>
    referred.set(folder, new Set([...(referred.get(folder) ?? []), ...names]));
  for (const { manifest } of listed.filter(isUsable)) {
    for (const file of [...manifest.files, ...manifest.tables.flatMap(({ files }) => files)]) {
      if (file.backup !== undefined) add(file.backup, [`${file.backup}/${file.name}`]);
    }
  }
  // What a damaged one refers to cannot be known, so nothing that might be it goes.
  const damaged = listed.some((each) => !isUsable(each));
  for (const folder of new Set(damaged ? unlisted : (claims ?? unlisted))) {
    add(
      folder,
      (await store.list(folder)).map(({ name }) => name),
    );
  }
  return referred;
}

async function isAbandoned(store: Store, id: string): Promise<boolean> {
  const files = await store.list(id);
  // Where no file is complete yet, one may be about to be.
  if (files.length === 0) return false;
  const newest = Math.max(...files.map(({ modified }) => modified.getTime()));
  return newest < Date.now() - abandonedAfter;
}
