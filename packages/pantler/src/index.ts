export {
  type LocalServer,
  locateTarget,
  type ScratchServer,
  type Target,
  withScratch,
} from "./engine/index.js";
export { type LocalStatus, localStatus, type StartResult, startLocal } from "./environments/index.js";
export {
  type CheckRequest,
  type CheckResult,
  checkMigrations,
  type DownRequest,
  type DownResult,
  type FinishedMigration,
  type ListedMigration,
  listMigrations,
  type MigrationList,
  type MigrationState,
  migrateDown,
  migrateUp,
  newMigration,
  type RepairRequest,
  repairMigration,
  type UpRequest,
  type UpResult,
} from "./migrations/index.js";
export {
  EnvironmentError,
  InputError,
  type Listener,
  NeedsHandsError,
  Operation,
  type OperationEvent,
  PantlerError,
  RefusedError,
  UnchangedError,
} from "./operation/index.js";
export {
  DatabaseUrl,
  type Environment,
  openProject,
  type PantlerConfig,
  type Project,
} from "./project/index.js";
export {
  compareSchemas,
  fingerprintOf,
  readSchema,
  type SchemaDifference,
  type SchemaObject,
} from "./schema/index.js";
