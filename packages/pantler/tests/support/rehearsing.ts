import {
  type KnownDigest,
  type Rehearsal,
  type RehearsalEnvironment,
  readRehearsalEnvironment,
  rehearseMigrations,
  type UpRequest,
} from "../../src/index.js";
import { withClient } from "../../src/postgres/index.js";
import { query } from "./inspect.js";
import { type TestProject, withProject } from "./project.js";

export interface RehearseOptions {
  /** What was in the database before the migrations. */
  readonly before?: string;
  /** The rollback scripts by file name. */
  readonly rollbacks?: Readonly<Record<string, string>>;
  /** The checks by file name. */
  readonly checks?: Readonly<Record<string, string>>;
}

/**
 * Runs a test with a project whose migrations are pending in a database that has a past.
 * @param migrations the scripts by file name
 */
export async function withPast(
  migrations: Readonly<Record<string, string>>,
  { before, rollbacks = {}, checks = {} }: RehearseOptions,
  test: (project: TestProject) => Promise<void>,
): Promise<void> {
  await withProject(migrations, async (project) => {
    if (before !== undefined) await query(project.url, before);
    for (const [name, text] of Object.entries(rollbacks)) project.write(`supabase/rollbacks/${name}`, text);
    for (const [name, text] of Object.entries(checks)) project.write(`supabase/checks/${name}`, text);
    await test(project);
  });
}

/** Rehearses what is pending, as for an environment that is like the copy. */
export async function rehearse(
  { target, operation }: TestProject,
  request: UpRequest = {},
  options: {
    readonly environment?: Partial<RehearsalEnvironment>;
    readonly signal?: AbortSignal;
    readonly before?: readonly KnownDigest[];
  } = {},
): Promise<Rehearsal> {
  const here = await withClient(target.url, readRehearsalEnvironment);
  const environment = { ...here, ...options.environment };
  return await rehearseMigrations(target, environment, request, operation, options.signal, options.before);
}

/** Rehearses one migration on a database that has a past. */
export async function rehearseOne(
  script: string,
  options: RehearseOptions,
  test: (rehearsal: Rehearsal) => void,
): Promise<void> {
  await withPast({ "1_it.sql": script }, options, async (project) => test(await rehearse(project)));
}
