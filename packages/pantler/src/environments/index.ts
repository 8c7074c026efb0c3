export {
  type LastDeployment,
  type ListedEnvironment,
  listEnvironments,
} from "./list/list-environments.js";
export { type LocalStatus, localStatus, type StartResult, startLocal } from "./local.js";
export type { DifferingRows, RowDifference } from "./parity/differing-rows.js";
export {
  type ComparedTable,
  type ParityRequest,
  type ParityResult,
  verifyParity,
} from "./parity/verify-parity.js";
export { usersInWords, type WhichUsers } from "./parity/which-users.js";
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
