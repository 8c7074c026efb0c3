export type { Keys } from "./archive-reader.js";
export {
  type Backup,
  type DamagedBackup,
  findBackup,
  isUsable,
  type ListedBackup,
  listBackups,
} from "./catalog.js";
export { type CreateRequest, createBackup } from "./create.js";
export { drillBackup } from "./drill.js";
export { type ListedStore, listStores, locateBackup } from "./locate.js";
export type { Drill, Manifest } from "./manifest.js";
export { isDatabaseMissing, previewNewDatabase, withNewDatabase } from "./new-database.js";
export { openStore } from "./open-store.js";
export { planRestore, type RestoreRequest } from "./plan-restore.js";
export { previewRestore, type RestorePreview } from "./preview.js";
export { type PruneResult, pruneBackups, type Retention, usualRetention } from "./prune.js";
export { type RestoreResult, restoreBackup } from "./restore.js";
export type { Store } from "./store.js";
export { type StoredBytes, storedBytes } from "./stored-bytes.js";
export { type VerifyResult, verifyBackup } from "./verify.js";
