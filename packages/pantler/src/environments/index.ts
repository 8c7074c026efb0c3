export {
  type ColumnValue,
  defineSeed,
  type Row,
  type RowContext,
  type SeedDefinition,
  type SeedUser,
  type TableSeed,
} from "./generate/definition.js";
export { generateRows } from "./generate/generate-rows.js";
export type { GeneratedTable, GenerateRequest } from "./generate/generation.js";
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
  type ResetPlan,
  type ResetRequest,
  type ResetResult,
  resetEnvironments,
} from "./reset/reset.js";
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
export type { CreatedUser } from "./users/auth-users.js";
export { findSeedHazard, hazardInWords, type SeedHazard } from "./users/real-users.js";
export { createTestUsers, seedEnvironment, type TestData, type TestDataRequest } from "./users/test-data.js";
