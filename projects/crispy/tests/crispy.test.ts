import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  checkMigrations,
  compareSchemas,
  locateTarget,
  migrateDown,
  migrateUp,
  Operation,
  openProject,
  type Target,
} from "../../../packages/pantler/src/index.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query, schemaOf } from "../../../packages/pantler/tests/support/inspect.js";
import { unguarded, unnoticed } from "../../../packages/pantler/tests/support/mutations.js";
import { mutations } from "./mutations.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const silent = new Operation();
const versions = [
  "20251001090000",
  "20251002090000",
  "20251003090000",
  "20251006090000",
  "20251007090000",
  "20251008090000",
  "20251009090000",
  "20251010090000",
  "20251013090000",
  "20251014090000",
  "20251015090000",
  "20251016000000",
  "20251017090000",
  "20251020090000",
];

const tables = [
  "activities",
  "contactNotes",
  "contacts",
  "dealNotes",
  "deals",
  "opportunities",
  "organizations",
  "products",
  "sales",
  "segments",
  "tags",
  "tasks",
  "test_user_metadata",
];

/** Runs a test with Crispy on a database of its own, in which nothing is applied yet. */
async function withCrispy(test: (target: Target, url: string) => Promise<void>): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } });
    await test(await locateTarget(project, "local"), url);
  });
}

/** What the seed leaves, save for when and with which salt. */
async function seeded(url: string): Promise<Record<string, unknown>[]> {
  return await query(
    url,
    `select
      (select count(*)::int from segments) as segments,
      (select count(*)::int from organizations where organization_type = 'principal') as principals,
      (select count(*)::int from organizations) as organizations,
      (select string_agg(email || ' ' || role, ', ') from sales) as sales,
      (select string_agg(provider || ' ' || email, ', ') from auth.identities) as identities,
      (select string_agg(email, ', ') from auth.users
        where encrypted_password = extensions.crypt('password123', encrypted_password)) as signs_in,
      (select md5(string_agg(t::text, '' order by t.id)) from organizations t) as rows,
      (select md5(string_agg(t::text, '' order by t.id)) from sales t) as people`,
  );
}

describe("Crispy", () => {
  it("comes up to its thirteen tables, each migration with its checks and a way back, and leaves nothing when rolled back", async () => {
    await withCrispy(async (target, url) => {
      const empty = await schemaOf(url);
      for (const version of versions) {
        const before = await schemaOf(url);
        const { applied } = await migrateUp(target, { to: version }, silent);
        expect(applied.map((migration) => migration.version)).toEqual([version]);
        expect(applied[0]?.checks.length, version).toBeGreaterThan(0);
        const after = await schemaOf(url);
        await migrateDown(target, { count: 1 }, silent);
        expect(compareSchemas(before, await schemaOf(url)), version).toEqual([]);
        await migrateUp(target, { to: version }, silent);
        expect(compareSchemas(after, await schemaOf(url)), version).toEqual([]);
      }
      const found = await query(url, "select tablename from pg_tables where schemaname = 'public'");
      expect(found.map(({ tablename }) => tablename).sort()).toEqual(tables);

      await seedDatabase(target, silent);
      await migrateDown(target, { count: versions.length }, silent);
      expect(compareSchemas(empty, await schemaOf(url))).toEqual([]);
    });
  });

  it("has a base of segments, principals and an admin who can sign in, and seeding it twice changes nothing", async () => {
    await withCrispy(async (target, url) => {
      await migrateUp(target, {}, silent);
      await seedDatabase(target, silent);
      const once = await seeded(url);
      expect(once).toMatchObject([
        {
          segments: 28,
          principals: 16,
          organizations: 16,
          sales: "admin@test.com admin",
          identities: "email admin@test.com",
          signs_in: "admin@test.com",
        },
      ]);
      await seedDatabase(target, silent);
      expect(await seeded(url)).toEqual(once);
      const results = await checkMigrations(target, {}, silent);
      expect(results.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    });
  });

  it("has a check that fails for every rule broken by hand, and for every check such a rule", async () => {
    await withCrispy(async (target) => {
      await migrateUp(target, {}, silent);
      await seedDatabase(target, silent);
      expect(await unguarded(target, mutations)).toEqual([]);
      expect(await unnoticed(target, mutations)).toEqual([]);
    });
  });
});
