import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { locateTarget, Operation, type OperationEvent, openProject, type Target } from "../../src/index.js";
import { withDatabaseUrl } from "./database.js";

/** A project folder of a test's own, and its local environment on a database of the shared server. */
export interface TestProject {
  readonly root: string;
  readonly url: string;
  readonly target: Target;
  /** An operation whose events are kept. */
  readonly operation: Operation;
  readonly events: OperationEvent[];
  /** Writes a file, by its path in the project. */
  readonly write: (path: string, content: string | Uint8Array) => void;
  readonly remove: (path: string) => void;
  /** Opens the project again, after its settings changed. */
  readonly reopen: (environment?: string) => Promise<TestProject>;
}

/** Runs a test with a folder that holds the given files; the folder is removed afterwards. */
export async function withFolder(
  files: Readonly<Record<string, string>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pantler-test-"));
  try {
    for (const [path, content] of Object.entries(files)) writeInside(folder, path, content);
    await test(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs a test with a Supabase project whose local environment is a fresh database.
 * @param migrations the scripts by file name, such as `1_users.sql`
 */
export async function withProject(
  migrations: Readonly<Record<string, string>>,
  test: (project: TestProject) => Promise<void>,
): Promise<void> {
  const files = Object.fromEntries(
    Object.entries(migrations).map(([name, content]) => [`supabase/migrations/${name}`, content]),
  );
  await withDatabaseUrl(async (url) => {
    const config = { "supabase/config.toml": 'project_id = "test"\n', ".env": `PANTLER_ENGINE_URL=${url}\n` };
    await withFolder({ ...config, ...files }, async (root) => {
      await test(await openTestProject(root, url, "local"));
    });
  });
}

async function openTestProject(root: string, url: string, environment: string): Promise<TestProject> {
  const events: OperationEvent[] = [];
  return {
    root,
    url,
    target: await locateTarget(await openProject({ from: root, variables: {} }), environment),
    operation: new Operation((event) => events.push(event)),
    events,
    write: (path, content) => writeInside(root, path, content),
    remove: (path) => rmSync(join(root, path)),
    reopen: async (name = "local") => await openTestProject(root, url, name),
  };
}

export function writeInside(folder: string, path: string, content: string | Uint8Array): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
