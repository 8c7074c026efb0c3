export type { Objection } from "./at-end.js";
export { type CheckRequest, type CheckResult, checkMigrations } from "./check.js";
export { whoRuns } from "./control.js";
export type { FinishedMigration } from "./direction.js";
export { type DownRequest, type DownResult, migrateDown, rollBackMigrations } from "./down.js";
export type { UnbuiltMigration } from "./drift/applied.js";
export { type DriftDraft, draftFromDrift } from "./drift/draft.js";
export { type Drift, findDrift } from "./drift/drift.js";
export { outermost } from "./drift/parts.js";
export { type LedgerRow, readLedger } from "./ledger.js";
export type { LintFinding, LintRequest, LintRule } from "./lint/finding.js";
export { lintMigrations } from "./lint/lint.js";
export { lintPending } from "./lint/lint-environment.js";
export { callsPerRow, searchedColumns } from "./lint/policy-expression.js";
export { callerFunctions } from "./lint/policy-rules.js";
export { lintRules } from "./lint/rules.js";
export { nameOfCall, relationsIn, stringsIn, visitNodes } from "./lint/walk-tree.js";
export {
  type ListedMigration,
  listMigrations,
  type MigrationList,
  type MigrationState,
  readMigrationList,
} from "./list.js";
export { type NewMigration, newMigration } from "./new.js";
export { planFingerprint, readPendingPlan } from "./pending-plan.js";
export { type PhaseState, readPhaseStates } from "./phase-states.js";
export type { Batch, UpRequest } from "./plan.js";
export { type RehearsalEnvironment, readRehearsalEnvironment } from "./rehearse/environment.js";
export type {
  LockedTable,
  LockMode,
  Rehearsal,
  RehearsedRows,
  RehearsedStatement,
  RollbackProof,
} from "./rehearse/rehearsal.js";
export { rehearseMigrations } from "./rehearse/rehearse.js";
export {
  effectOf,
  isNotable,
  modeInWords,
  renderRehearsal,
  rollbackInWords,
} from "./rehearse/render.js";
export type { KnownDigest } from "./rehearse/table-content.js";
export { placeOf } from "./rehearse/words.js";
export { type RepairRequest, repairMigration } from "./repair.js";
export { isSeeded, seedDatabase } from "./seed.js";
export { applyMigrations, migrateUp, type UpResult } from "./up.js";
