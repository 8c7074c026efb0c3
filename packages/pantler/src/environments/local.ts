import { findServer, type LocalServer, startServer, type Target } from "../engine/index.js";
import {
  type CheckResult,
  checkMigrations,
  isSeeded,
  type ListedMigration,
  listMigrations,
  migrateUp,
  readMigrationList,
  seedDatabase,
} from "../migrations/index.js";
import type { Operation } from "../operation/index.js";
import { takeDeploymentLock, withClient } from "../postgres/index.js";
import { environmentOf, type Project } from "../project/index.js";
import { fingerprintOf, readSchema } from "../schema/index.js";

/** The local database, and how it stands. */
export interface LocalStatus {
  readonly running: boolean;
  readonly server: LocalServer | undefined;
  /** What the server calls itself, such as `17.10`. */
  readonly version: string | undefined;
  /** The database's size in bytes. */
  readonly bytes: number | undefined;
  /** What the project's schema is, in one short text. */
  readonly fingerprint: string | undefined;
  readonly migrations: readonly ListedMigration[];
}

export interface StartResult {
  readonly status: LocalStatus;
  /** Whether this start brought an empty database up. */
  readonly fresh: boolean;
  /** The checks of the whole project, run once a fresh database is up. */
  readonly checks: readonly CheckResult[];
}

/**
 * Starts the local database. An empty one is brought up: every migration with its checks, then the seed files,
 * then all checks once more on the seeded database. What is pending on one that is not empty is left to the user.
 * @param signal interrupts the work: what is being applied or seeded is rolled back, the server stays
 * @throws what starting the server, applying migrations and seeding throw
 */
export async function startLocal(
  project: Project,
  operation: Operation,
  signal?: AbortSignal,
): Promise<StartResult> {
  const server = await operation.step("start the local database", async (step) => {
    const started = await startServer(project);
    if (!started.created && started.embedded) step.note(`process ${started.pid}, port ${started.url.port}`);
    return started;
  });
  const target: Target = { project, environment: environmentOf(project, "local"), url: server.url };
  const { migrations } = await listMigrations(target);
  const fresh = server.embedded && migrations.every(({ state }) => state === "pending");
  let checks: readonly CheckResult[] = [];
  if (fresh && migrations.length > 0) await migrateUp(target, {}, operation, signal);
  const complete = fresh || (server.embedded && migrations.every(({ state }) => state === "applied"));
  if (complete && !(await isSeeded(target))) {
    const seeded = await seedOnce(target, operation, signal);
    if (seeded.length > 0) checks = await checkMigrations(target, {}, operation, signal);
  }
  return { status: await readStatus(target, server), fresh, checks };
}

/** Seeds, unless another start that runs at the same time has done it. */
async function seedOnce(
  target: Target,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  return await withClient(target.url, async (client) => {
    await takeDeploymentLock(client);
    return (await isSeeded(target)) ? [] : await seedDatabase(target, operation, signal);
  });
}

/** Tells how the local database stands, without starting it. */
export async function localStatus(project: Project): Promise<LocalStatus> {
  const server = findServer(project);
  if (!server)
    return {
      running: false,
      server,
      version: undefined,
      bytes: undefined,
      fingerprint: undefined,
      migrations: [],
    };
  return await readStatus({ project, environment: environmentOf(project, "local"), url: server.url }, server);
}

async function readStatus(target: Target, server: LocalServer): Promise<LocalStatus> {
  return await withClient(target.url, async (client) => {
    const { rows } = await client.query<{ version: string; bytes: string }>(
      "select current_setting('server_version') as version, pg_database_size(current_database()) as bytes",
    );
    const { migrations } = await readMigrationList(client, target.project);
    return {
      running: true,
      server,
      version: rows[0]?.version,
      bytes: Number(rows[0]?.bytes),
      fingerprint: fingerprintOf(await readSchema(client)),
      migrations,
    };
  });
}
