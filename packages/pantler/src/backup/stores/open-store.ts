import type { StoreSettings } from "../../project/index.js";
import { openFolderStore } from "./folder-store.js";
import type { Store } from "./store.js";

/**
 * Opens the place where backups are kept. Nothing is made there, nor asked of a server, before the store is used.
 * @throws InputError `store-no-folder` when something else than a folder has that path, `store-region-missing`
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  if (settings.kind === "folder") return await openFolderStore(settings.folder);
  const { openS3Store } = await import("./s3-store.js");
  return await openS3Store(settings);
}
