export { type LocalStatus, localStatus, type StartResult, startLocal } from "./local.js";
export {
  overwritePhrase,
  type PlannedTable,
  type PlannedUsers,
  type SyncedUser,
  type SyncPlan,
  type SyncRequest,
  type SyncResult,
} from "./sync/request.js";
export { syncEnvironment } from "./sync/sync.js";
