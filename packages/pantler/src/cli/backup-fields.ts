import {
  type Backup,
  type DamagedBackup,
  type Drill,
  isUsable,
  type ListedBackup,
  type ListedStore,
  storedBytes,
} from "../backup/index.js";
import { environmentOf, type Project } from "../project/index.js";

/** What a JSON result says of a drill. */
export function drillFields(drill: Drill): Record<string, unknown> {
  const { at, proven, restoreMilliseconds, milliseconds, server, differences } = drill;
  return { at, proven, restoreMilliseconds, milliseconds, server, differences };
}

/** What a JSON result says of a backup: everything its manifest does but the names of its files. */
export function backupFields(backup: Backup): Record<string, unknown> {
  const { id, store, manifest, drill, proven } = backup;
  const { own, shared } = storedBytes(manifest);
  return {
    id,
    store: store.location,
    project: manifest.project,
    environment: manifest.environment,
    name: manifest.name ?? null,
    kind: manifest.kind,
    createdAt: manifest.createdAt,
    milliseconds: manifest.milliseconds,
    sequence: manifest.sequence,
    source: manifest.source,
    fingerprint: manifest.schema.fingerprint,
    objects: manifest.schema.objects,
    tables: manifest.tables.map(({ schema, name, rows, digest }) => ({ schema, name, rows, digest })),
    rows: rowsOf(backup),
    sequences: manifest.sequences,
    views: manifest.views,
    roles: manifest.roles,
    extensions: manifest.extensions,
    leftOut: manifest.leftOut,
    bytes: own,
    sharedBytes: shared,
    encryption: manifest.encryption ?? null,
    recipients: manifest.recipients ?? [],
    parent: manifest.parent ?? null,
    proven,
    drill: drill ? drillFields(drill) : null,
  };
}

/** The same of any backup of a list; of one that cannot be used, why. */
export function listedFields(listed: ListedBackup): Record<string, unknown> {
  if (isUsable(listed)) return { ...backupFields(listed), damaged: null };
  const { id, store, problem }: DamagedBackup = listed;
  const { code, message } = problem;
  return { id, store: store.location, proven: false, damaged: { code, message } };
}

/** How many rows a backup holds. */
export function rowsOf({ manifest }: Backup): number {
  return manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
}

/** The stores to show: all of a project's, or the one of an environment. */
export function storesOf(
  project: Project,
  stores: readonly ListedStore[],
  environment: string | undefined,
): readonly ListedStore[] {
  if (environment === undefined) return stores;
  const { name } = environmentOf(project, environment);
  return stores.filter(({ environments }) => environments.includes(name));
}

/**
 * The backups of stores, the newest first; each store's are already in the order they were made in.
 * @param environment leaves out those that are known to be of others
 */
export function sortedBackups(
  stores: readonly ListedStore[],
  environment: string | undefined,
): ListedBackup[] {
  const wanted = ({ backups }: ListedStore) =>
    backups.filter(
      (each) => environment === undefined || !isUsable(each) || each.manifest.environment === environment,
    );
  if (stores.length === 1) return stores.flatMap(wanted);
  return stores.flatMap(wanted).sort((left, right) => (left.id < right.id ? 1 : -1));
}

/** What a JSON result says of a store that cannot be read. */
export function problemFields({ location, environments, problem }: ListedStore): {
  store: string;
  environments: readonly string[];
  code: string;
  message: string;
  remedy: string;
}[] {
  if (!problem) return [];
  const { code, message, remedy } = problem;
  return [{ store: location, environments, code, message, remedy }];
}
