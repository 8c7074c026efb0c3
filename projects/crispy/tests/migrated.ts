import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import {
  locateTarget,
  migrateUp,
  Operation,
  openProject,
  type Target,
} from "../../../packages/pantler/src/index.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
export const silent = new Operation();

/** The volumes of the profile: users, what they own, and what nobody does. */
export const volumes = {
  sales: 3,
  segments: 28,
  tags: 20,
  organizations: 100,
  contacts: 200,
  contactNotes: 150,
  products: 100,
  opportunities: 140,
  activities: 400,
  tasks: 75,
  deals: 14,
  dealNotes: 14,
  test_user_metadata: 3,
};

/** Runs a test with Crispy, migrated, on a database of its own. */
export async function withCrispy(test: (target: Target, url: string) => Promise<void>): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } });
    const target = await locateTarget(project, "local");
    await migrateUp(target, {}, silent);
    await test(target, url);
  });
}

export const countAll = `select ${Object.keys(volumes)
  .map((table) => `(select count(*)::int from public."${table}") as "${table}"`)
  .join(", ")}`;

/** How many rows each table holds. */
export async function counts(url: string): Promise<Record<string, number>> {
  const [row] = await query(url, countAll);
  return row as Record<string, number>;
}

/** The rows that a check of Crispy's does not allow: whatever refused them had kept everything out, this asks once more. */
export async function brokenChecks(url: string): Promise<Record<string, unknown>[]> {
  const checks = await query(
    url,
    `select format('select %L as name from %s where (%s) is false', conname, conrelid::regclass, pg_get_expr(conbin, conrelid)) as ask
    from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace and conrelid <> 0`,
  );
  expect(checks.length).toBeGreaterThan(20);
  return await query(url, checks.map(({ ask }) => ask).join(" union all "));
}
