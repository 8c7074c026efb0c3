export type { AcceptedFinding, AccessIdentityConfig } from "./access-settings.js";
export type { StoreSettings } from "./backup-settings.js";
export type { PantlerConfig } from "./config.js";
export { DatabaseUrl } from "./database-url.js";
export { isInWindow } from "./deploy-window.js";
export { type Environment, urlVariable } from "./environments.js";
export { evaluateFile } from "./evaluate-file.js";
export {
  listMigrationFiles,
  listSeedFiles,
  listSmokeChecks,
  type MigrationFile,
  type MigrationFolder,
  readSqlFile,
} from "./migration-files.js";
export {
  environmentOf,
  makeStateFolder,
  openProject,
  type Project,
  pathInProject,
} from "./project.js";
export type { TestUser } from "./test-users.js";
