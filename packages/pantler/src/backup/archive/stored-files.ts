import { EnvironmentError } from "../../operation/index.js";
import { foldersOf } from "../parent.js";
import type { Store } from "../stores/store.js";
import type { ArchivedFile, Manifest } from "./manifest.js";

type Named = Pick<Manifest, "id" | "files" | "tables">;

/** The files of an archive that are not in the store, or not in their size; nothing is read but what the store lists. */
export async function missingFiles(store: Store, manifest: Named): Promise<ArchivedFile[]> {
  const sizes = new Map<string, number>();
  for (const folder of foldersOf(manifest)) {
    for (const { name, bytes } of await store.list(folder)) sizes.set(name, bytes);
  }
  return [...manifest.files, ...manifest.tables.flatMap(({ files }) => files)].filter(
    ({ name, bytes, backup }) => sizes.get(`${backup ?? manifest.id}/${name}`) !== bytes,
  );
}

/**
 * Refuses to list an archive whose files somebody has removed while it was made.
 * @throws EnvironmentError `store-changed`
 */
export async function requireFiles(store: Store, manifest: Named): Promise<void> {
  const missing = await missingFiles(store, manifest);
  if (missing.length === 0) return;
  const [first] = missing;
  throw new EnvironmentError({
    code: "store-changed",
    message: `${first?.name}${missing.length > 1 ? ` and ${missing.length - 1} more` : ""} of the backup ${manifest.id} went missing from ${store.location} while the rest was written.`,
    state: "No backup was listed; those that were listed before are as they were.",
    remedy: "See to it that nothing else removes files there, and run it again.",
  });
}
