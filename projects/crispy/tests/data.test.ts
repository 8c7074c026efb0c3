import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  createTestUsers,
  locateTarget,
  migrateUp,
  Operation,
  openProject,
  seedEnvironment,
  type Target,
} from "../../../packages/pantler/src/index.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const silent = new Operation();

/** The volumes of the profile: users, what they own, and what nobody does. */
const volumes = {
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
async function withCrispy(test: (target: Target, url: string) => Promise<void>): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } });
    const target = await locateTarget(project, "local");
    await migrateUp(target, {}, silent);
    await test(target, url);
  });
}

/** How many rows each table holds. */
async function counts(url: string): Promise<Record<string, number>> {
  const [row] = await query(
    url,
    `select ${Object.keys(volumes)
      .map((table) => `(select count(*)::int from public."${table}") as "${table}"`)
      .join(", ")}`,
  );
  return row as Record<string, number>;
}

/** Every row of every table, the log of changes included, in one text. */
async function digest(url: string): Promise<unknown> {
  const tables = [
    ...Object.keys(volumes).map((table) => `public."${table}"`),
    "audit.change_log",
    "auth.users",
    "auth.identities",
  ];
  const [row] = await query(
    url,
    `select ${tables
      .map(
        (table, index) =>
          `(select md5(string_agg(t::text, '|' order by t::text)) from ${table} t) as d${index}`,
      )
      .join(", ")}`,
  );
  return row;
}

describe("Crispy's test data", () => {
  it("is the profile's 1,247 rows, and a second run changes nothing", async () => {
    await withCrispy(async (target, url) => {
      const made = await createTestUsers(target, {}, silent);
      expect(await counts(url)).toEqual(volumes);
      expect(made.tables.reduce((sum, { rows }) => sum + rows, 0)).toBe(1247);
      const before = await digest(url);
      const again = await createTestUsers(target, {}, silent);
      expect(again.tables.filter(({ added, changed }) => added + changed > 0)).toEqual([]);
      expect(await digest(url)).toEqual(before);
    });
  });

  it("takes the place of the base data where that was seeded", async () => {
    await withCrispy(async (target, url) => {
      await seedDatabase(target, silent);
      await createTestUsers(target, {}, silent);
      expect(await counts(url)).toEqual(volumes);
      const before = await digest(url);
      await seedEnvironment(target, {}, silent);
      expect(await counts(url)).toEqual(volumes);
      expect(await digest(url)).toEqual(before);
    });
  });
});
