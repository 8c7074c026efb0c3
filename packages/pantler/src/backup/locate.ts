import { PantlerError } from "../operation/index.js";
import { environmentOf, type Project, type StoreSettings } from "../project/index.js";
import {
  type Backup,
  backupUnknown,
  chooseBackup,
  isUsable,
  type ListedBackup,
  listBackups,
  listCandidates,
} from "./catalog.js";
import { openStore } from "./stores/open-store.js";
import type { Store } from "./stores/store.js";

/** What one of a project's stores holds. */
export interface ListedStore {
  /** For people: there are no credentials in it. */
  readonly location: string;
  /** The environments whose backups are kept there. */
  readonly environments: readonly string[];
  /** The newest first. */
  readonly backups: readonly ListedBackup[];
  /** Why it cannot be read, where it cannot. */
  readonly problem: PantlerError | undefined;
}

/**
 * Lists the backups in all stores of a project, each store once however many environments share it. One that cannot be
 * read says so, and keeps nothing of the others back.
 */
export async function listStores(project: Project): Promise<ListedStore[]> {
  return await readStores(project, listBackups);
}

/**
 * Finds a backup in any store of a project.
 * @param id its id, the beginning or the end of it, or `latest`
 * @param environment whose newest backup `latest` means
 * @throws InputError `backup-unknown`, `backup-ambiguous`, `environment-unknown`, and why it cannot be used
 * @throws EnvironmentError where a store that may hold it cannot be read
 */
export async function locateBackup(project: Project, id: string, environment: string): Promise<Backup> {
  if (id === "latest") return await latestOf(project, environment);
  const stores = await readStores(project, (store) => listCandidates(store, id));
  // Copied from one store into another, a backup is still the same one.
  const found = new Map<string, ListedBackup>();
  for (const backup of stores.flatMap(({ backups }) => backups)) {
    if (!found.has(backup.id)) found.set(backup.id, backup);
  }
  const unreadable = stores.find(({ problem }) => problem !== undefined);
  // Where not every store was read, only a whole id is sure to mean no other backup.
  if (unreadable?.problem && !found.has(id)) throw unreadable.problem;
  return chooseBackup([...found.values()], id, stores.map(({ location }) => location).join(", "));
}

async function latestOf(project: Project, name: string): Promise<Backup> {
  const environment = environmentOf(project, name);
  const store = await openStore(environment.backups.store);
  const newest = (await listBackups(store))
    .filter(isUsable)
    .find(({ manifest }) => manifest.project === project.name && manifest.environment === name);
  if (newest) return newest;
  throw backupUnknown(`of ${name}`, store.location);
}

async function readStores(
  project: Project,
  read: (store: Store) => Promise<ListedBackup[]>,
): Promise<ListedStore[]> {
  const stores = new Map<string, { readonly settings: StoreSettings; readonly environments: string[] }>();
  for (const { name, backups } of project.environments) {
    const key = JSON.stringify(backups.store);
    const known = stores.get(key);
    if (known) known.environments.push(name);
    else stores.set(key, { settings: backups.store, environments: [name] });
  }
  return await Promise.all(
    [...stores.values()].map(async ({ settings, environments }) => {
      const location = placeOf(settings);
      try {
        const backups = await read(await openStore(settings));
        return { location, environments, backups, problem: undefined };
      } catch (error) {
        if (error instanceof PantlerError) return { location, environments, backups: [], problem: error };
        throw error;
      }
    }),
  );
}

function placeOf(settings: StoreSettings): string {
  if (settings.kind === "folder") return settings.folder;
  return `s3://${[settings.bucket, settings.prefix].filter(Boolean).join("/")}`;
}
