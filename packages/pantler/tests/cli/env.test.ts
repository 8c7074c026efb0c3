import { describe, expect, it } from "vitest";
import { pantler } from "../support/cli.js";
import { query } from "../support/inspect.js";
import { garden, overgrown, planted, withTwoEnvironments } from "../support/two-environments.js";

const sides = { both: garden, local: planted, production: overgrown };

describe("pantler env", () => {
  it("syncs after the phrase, verifies, and finds the row that somebody changed by hand", async () => {
    await withTwoEnvironments(sides, async ({ root, productionUrl }) => {
      const cli = async (...words: string[]) => await pantler(["env", ...words], { cwd: root });
      const password = `:${new URL(productionUrl).password}@`;

      const refused = await cli("sync", "local", "production", "--force");
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain("All 46 rows of production (postgresql://postgres@");
      expect(refused.stderr).toContain("Confirm it: --confirm 'OVERWRITE production'");
      expect(refused.stderr).not.toContain(password);

      expect((await cli("verify", "local", "production")).code).toBe(1);

      const synced = await cli("sync", "local", "production", "--confirm", "OVERWRITE production", "--json");
      expect(synced.code).toBe(0);
      expect(synced.result).toMatchObject({ ok: true, outcome: "synced", from: "local", to: "production" });
      expect(synced.result.undo).toBe(
        `pantler restore ${synced.result.backup} --env production --data-only --confirm production`,
      );
      expect(synced.stdout).not.toContain(password);

      const same = await cli("verify", "local", "production");
      expect(same.code).toBe(0);
      expect(same.stdout).toContain("✓ beds: 40 (local) = 40 (production)");
      expect(same.stdout).toContain("Test users (@test.local):");
      expect(same.stdout).toContain("✓ local and production are the same");

      await query(productionUrl, "update public.beds set name = 'by hand' where id = 17");
      const differs = await cli("verify", "local", "production", "--diff", "3", "--rows");
      expect(differs.code).toBe(1);
      expect(differs.stdout).toContain(
        "✗ beds: 40 (local) = 40 (production), but not the same rows\n    id 17: name differs",
      );
    });
  });

  it("takes --force for an environment that is not protected, and asks otherwise", async () => {
    const config = { environments: { production: { protected: false } } };
    await withTwoEnvironments(
      { both: "create table public.notes (id int primary key);" },
      async ({ root }) => {
        const asked = await pantler(["env", "sync", "local", "production"], { cwd: root });
        expect(asked.code).toBe(3);
        expect(asked.stderr).toContain("run it with --yes");
        const synced = await pantler(["env", "sync", "local", "production", "--force"], { cwd: root });
        expect(synced.code).toBe(0);
        expect(synced.stdout).toContain("production has the rows of local");
        expect(synced.stdout).toMatch(/undo +pantler restore \S+ --env production --data-only --yes/);
      },
      config,
    );
  });

  it("shows the plan of a dry run, and lists the environments", async () => {
    await withTwoEnvironments(sides, async ({ root, productionUrl }) => {
      const plan = await pantler(["env", "sync", "local", "production", "--dry-run"], { cwd: root });
      expect(plan.code).toBe(0);
      expect(plan.stdout).toMatch(/beds +5 +→ +40/);
      expect(plan.stdout).toContain("test users: 2 new, 0 replaced");
      const list = await pantler(["env", "list"], { cwd: root });
      expect(list.code).toBe(0);
      expect(list.stdout).toMatch(/production +protected +PostgreSQL [\d.]+ +0 applied/);
      expect(list.stdout + list.stderr).not.toContain(new URL(productionUrl).port);
    });
  });
});
