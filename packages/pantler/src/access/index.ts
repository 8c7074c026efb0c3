export { type AccessExplanation, explainAccess } from "./explain/explain-access.js";
export type { ExplainRequest } from "./explain/known-access.js";
export { planLines } from "./explain/plan.js";
export type { AccessReading } from "./explain/read-access.js";
export type { IndexTrial } from "./explain/try-indexes.js";
export type { AccessFinding, AccessLint } from "./lint/finding.js";
export { lintAccess } from "./lint/lint-access.js";
export { type AccessRule, accessRules } from "./lint/rules.js";
export { type ListedUser, listUsers, type NamingRows, type UserList } from "./offboarding/list-users.js";
export { offboardUser, reassignRows } from "./offboarding/reassign.js";
export {
  type Fate,
  type HandoverPlan,
  type HandoverResult,
  type KnownUser,
  type OffboardRequest,
  type PlannedRows,
  type ReassignRequest,
  rowsThat,
} from "./offboarding/request.js";
