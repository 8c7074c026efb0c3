export type { Keys } from "./archive/archive-reader.js";
export type { Drill, Manifest } from "./archive/manifest.js";
export { type StoredBytes, storedBytes } from "./archive/stored-bytes.js";
export {
  type Backup,
  type DamagedBackup,
  findBackup,
  isUsable,
  type ListedBackup,
  listBackups,
} from "./catalog.js";
export { targetOfCopy } from "./copy-target.js";
export { type CreateRequest, createBackup } from "./create.js";
export { drillBackup, makeAndDrill } from "./drill.js";
export { type ListedStore, listStores, locateBackup } from "./locate.js";
export { takeProvenBackup } from "./proven-backup.js";
export { type PruneResult, pruneBackups, type Retention, usualRetention } from "./prune.js";
export { loadingOrder } from "./restore/load-rows.js";
export { isDatabaseMissing, previewNewDatabase, withNewDatabase } from "./restore/new-database.js";
export { inOneTransaction } from "./restore/one-transaction.js";
export { planRestore, type RestoreRequest } from "./restore/plan-restore.js";
export { previewRestore, type RestorePreview } from "./restore/preview.js";
export { replaceRows } from "./restore/replace-rows.js";
export { type RestoreResult, restoreBackup } from "./restore/restore.js";
export { refuseHalfRestored } from "./restore/restore-marker.js";
export type { RowSource } from "./restore/row-source.js";
export { undoCommand } from "./restore/undo-command.js";
export { openStore } from "./stores/open-store.js";
export type { Store } from "./stores/store.js";
export { type VerifyResult, verifyBackup } from "./verify.js";
