import type { Store } from "../stores/store.js";
import { manifestName } from "./manifest.js";

/**
 * Removes an archive, or what there is of one. Its manifest goes first, so that it is never listed without its files.
 * @param keep names of files, in its folder, that others refer to
 * @returns how many bytes that made free
 */
export async function removeArchive(
  store: Store,
  id: string,
  keep: ReadonlySet<string> = new Set(),
): Promise<number> {
  await store.remove([`${id}/${manifestName}`]);
  const files = (await store.list(id)).filter(({ name }) => !keep.has(name));
  await store.remove(files.map(({ name }) => name));
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
