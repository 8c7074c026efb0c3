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
import { readSqlFile } from "../../../packages/pantler/src/project/index.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query, schemaOf, states } from "../../../packages/pantler/tests/support/inspect.js";
import { unguarded, unnoticed } from "../../../packages/pantler/tests/support/mutations.js";
import { mutations } from "./mutations.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const silent = new Operation();
const versions = ["000", "010", "020", "030", "040", "050", "060", "070"];

async function targetAt(url: string): Promise<Target> {
  const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } });
  return await locateTarget(project, "local");
}

/** Runs a test with KitchenPantry on a database of its own, brought up to a version. */
async function withKitchenPantry(
  to: string | undefined,
  test: (target: Target, url: string) => Promise<void>,
): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const target = await targetAt(url);
    await migrateUp(target, { to }, silent);
    await test(target, url);
  });
}

describe("KitchenPantry", () => {
  it("comes up in eight phases, each with its acceptance checks", async () => {
    await withDatabaseUrl(async (url) => {
      const { applied } = await migrateUp(await targetAt(url), {}, silent);
      expect(applied.map(({ version }) => version)).toEqual(versions);
      for (const { version, checks } of applied) {
        expect(checks.length, version).toBeGreaterThan(0);
        expect(checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
      }
    });
  });

  it("names every Accept line of the runbook in a check", async () => {
    await withKitchenPantry(undefined, async (target) => {
      const titles = (await checkMigrations(target, {}, silent)).map(({ title }) => title);
      const range = (prefix: string, count: number) =>
        Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
      const lines = [
        ...[range("A1.", 4), range("A2.", 6), range("A3.", 4), range("A4.", 12), range("A5.", 5)].flat(),
        ...[range("A6.", 13), range("A7.", 7), range("A8.", 4), range("V", 8)].flat(),
      ];
      const unnamed = lines.filter((line) => !titles.some((title) => title.startsWith(`${line} `)));
      expect(unnamed).toEqual([]);
    });
  });

  it.each(versions)(
    "gives the same schema when phase %s is applied, rolled back and applied again",
    async (version) => {
      await withKitchenPantry(version, async (target, url) => {
        const before = await schemaOf(url);
        await migrateDown(target, { count: 1 }, silent);
        expect((await states({ target }))[version]).toBe("pending");
        await migrateUp(target, { to: version }, silent);
        expect(compareSchemas(before, await schemaOf(url))).toEqual([]);
      });
    },
  );

  it("leaves no object of its own when all eight phases are rolled back, and comes up the same again", async () => {
    await withDatabaseUrl(async (url) => {
      const target = await targetAt(url);
      const empty = await schemaOf(url);
      await migrateUp(target, {}, silent);
      const full = await schemaOf(url);
      await migrateDown(target, { count: 8 }, silent);
      // The extension stays, as the runbook has it.
      const left = compareSchemas(empty, await schemaOf(url)).filter(
        ({ kind, name }) => `${kind} ${name}` !== "extension citext",
      );
      expect(left).toEqual([]);
      await migrateUp(target, {}, silent);
      expect(compareSchemas(full, await schemaOf(url))).toEqual([]);
    });
  });

  it("changes nothing when every pack is run a second time", async () => {
    await withKitchenPantry(undefined, async (target, url) => {
      const before = await schemaOf(url);
      const { folders } = target.project;
      for (const name of await packNames(target)) {
        await query(url, readSqlFile(target.project, `${folders.migrations}/${name}`));
      }
      expect(compareSchemas(before, await schemaOf(url))).toEqual([]);
    });
  });

  it("passes all its checks with the demo data, which can be seeded twice", async () => {
    await withKitchenPantry(undefined, async (target, url) => {
      const count = "select count(*)::int as count from reporting.pipeline_full";
      await seedDatabase(target, silent);
      expect(await query(url, count)).toEqual([{ count: 8 }]);
      await seedDatabase(target, silent);
      expect(await query(url, count)).toEqual([{ count: 8 }]);
      const failed = (await checkMigrations(target, {}, silent)).filter(
        ({ outcome }) => outcome === "failed",
      );
      expect(failed).toEqual([]);
    });
  });

  it("has a check that fails for every rule broken by hand", async () => {
    await withKitchenPantry(undefined, async (target) => {
      await seedDatabase(target, silent);
      expect(await unnoticed(target, mutations)).toEqual([]);
    });
  });

  it("has a mutation for every check", async () => {
    await withKitchenPantry(undefined, async (target) => {
      expect(await unguarded(target, mutations)).toEqual([]);
    });
  });
});

async function packNames(target: Target): Promise<string[]> {
  const { readdir } = await import("node:fs/promises");
  return (await readdir(target.project.folders.migrations)).filter((name) => name.endsWith(".sql")).sort();
}
