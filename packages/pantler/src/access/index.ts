export { type AccessExplanation, explainAccess } from "./explain/explain-access.js";
export type { ExplainRequest } from "./explain/known-access.js";
export { planLines } from "./explain/plan.js";
export type { AccessReading } from "./explain/read-access.js";
export type { IndexTrial } from "./explain/try-indexes.js";
export type { AccessFinding, AccessLint } from "./lint/finding.js";
export { type AccessFixes, type FixRequest, fixAccess } from "./lint/fix/fix-access.js";
export { lintAccess } from "./lint/lint-access.js";
export { type AccessRule, accessRules } from "./lint/rules.js";
export type { AccessChange } from "./matrix/change.js";
export { compareAccess } from "./matrix/compare.js";
export type {
  AccessMatrix,
  Cell,
  MatrixRequest,
  MeasuredRelation,
} from "./matrix/matrix.js";
export { measureAccess } from "./matrix/measure.js";
export { renderMatrixHtml } from "./matrix/render-html.js";
export { renderMatrixMarkdown } from "./matrix/render-markdown.js";
export {
  type AccessSnapshot,
  onlyRelations,
  snapshotOf,
} from "./matrix/snapshot.js";
export { readSnapshot, writeSnapshot } from "./matrix/snapshot-file.js";
export {
  callInWords,
  type Extent as MatrixExtent,
  extentOf,
  remarksOf,
  titleOf as relationTitle,
} from "./matrix/summary.js";
export type { NamingRows } from "./offboarding/count-by-user.js";
export { type ListedUser, listUsers, type UserList } from "./offboarding/list-users.js";
export { offboardUser, reassignRows } from "./offboarding/reassign.js";
export type {
  Fate,
  HandoverPlan,
  HandoverResult,
  KnownUser,
  OffboardRequest,
  PlannedRows,
  ReassignRequest,
} from "./offboarding/request.js";
