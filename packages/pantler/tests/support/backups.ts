import type { Drill } from "../../src/backup/index.js";
import {
  type Backup,
  type CreateRequest,
  createBackup,
  drillBackup,
  type RestoreRequest,
  type RestoreResult,
  restoreBackup,
} from "../../src/backup/index.js";
import { DatabaseUrl, type Target } from "../../src/index.js";
import type { TestProject } from "./project.js";

/** The project's environment, were its database another one. */
export function targetAt({ target }: TestProject, url: string): Target {
  return { ...target, url: DatabaseUrl.parse(url, "the test") };
}

/** Takes a backup of the project's database, or of another one. */
export async function backUp(
  project: TestProject,
  request: CreateRequest = {},
  url = project.url,
): Promise<Backup> {
  return await createBackup(targetAt(project, url), request, project.operation);
}

/** Restores into the project's database, or into another one. */
export async function restore(
  project: TestProject,
  backup: Backup,
  request: Partial<RestoreRequest> = {},
  url = project.url,
): Promise<RestoreResult> {
  return await restoreBackup(targetAt(project, url), backup, { keys: {}, ...request }, project.operation);
}

export async function drill(project: TestProject, backup: Backup): Promise<Drill> {
  return await drillBackup(backup, {}, project.operation);
}
