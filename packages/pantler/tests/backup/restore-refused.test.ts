import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findBackup, listBackups, restoreBackup } from "../../src/index.js";
import { takeDeploymentLock, withClient } from "../../src/postgres/index.js";
import { backUp, drill, restore } from "../support/backups.js";
import { damage, expectUnchanged, withCounter, withManifest } from "../support/counter.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { outsiderDifferences } from "../support/outsider.js";
import { type TestProject, withProject } from "../support/project.js";

describe("before it touches anything, a restore is refused", () => {
  it("of a newer server's backup, and of one that needs an extension the server lacks", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      const newer = await withManifest(project, backup, ({ source }) => ({
        source: { ...source, major: 99 },
      }));
      await expectUnchanged(project.url, async () => {
        for (const request of [{}, { dataOnly: true }, { schemaOnly: true }]) {
          expect(await failure(restore(project, newer, request))).toMatchObject({
            code: "server-older",
            exit: 4,
          });
        }
        expect(await failure(drill(project, newer))).toMatchObject({ code: "server-older" });
        const odd = await withManifest(project, backup, ({ source, extensions }) => ({
          source: { ...source, major: 17 },
          extensions: [
            ...extensions,
            { name: "of_another_world", schema: "public", version: "1", required: true },
            { name: "of_supabases", schema: "public", version: "1", required: false },
          ],
        }));
        const error = await failure(restore(project, odd));
        expect(error).toMatchObject({ code: "extension-missing", exit: 4 });
        expect(error.message).toContain("the extension of_another_world, which");
      });
    });
  });

  it("while another deployment works on the database", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      await withClient(project.target.url, async (other) => {
        await takeDeploymentLock(other);
        expect(await failure(restore(project, backup))).toMatchObject({
          code: "deployment-running",
          exit: 3,
        });
      });
      await restore(project, backup);
    });
  });

  it("of rows alone where an earlier restore did not end, and so is a backup of what it left", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      await withDatabaseUrl(async (copy) => {
        await query(
          copy,
          `create schema pantler;
           create table pantler.restore_in_progress (backup text not null, token text not null, before json not null, started_at timestamptz not null default now());
           insert into pantler.restore_in_progress values ('x', 'y', '{"extensions": ["plpgsql"], "missingRoles": [], "schema": ""}');
           create table items (id int); insert into items values (1)`,
        );
        for (const request of [{ dataOnly: true }, { tables: ["items"], merge: "skip" }] as const) {
          expect(await failure(restore(project, backup, request, copy))).toMatchObject({
            code: "restore-unfinished",
            exit: 3,
          });
        }
        expect(await failure(backUp(project, {}, copy))).toMatchObject({
          code: "restore-unfinished",
          exit: 3,
        });
        await restore(project, backup, {}, copy);
        expect(await outsiderDifferences(project.url, copy, { withoutRowsOf: ["storage"] })).toEqual([]);
      });
    });
  });
});

describe("a protected environment", () => {
  /** Opens the project's database as its environment `production`, which is protected. */
  async function production(project: TestProject): Promise<TestProject> {
    project.write(".env.production", `DATABASE_URL=${project.url}\n`);
    return await project.reopen("production");
  }

  it("is overwritten only when it is named, after a backup of what it holds was taken and proven", async () => {
    await withCounter(async (project) => {
      const protectedOne = await production(project);
      const backup = await backUp(protectedOne);
      await query(project.url, damage);
      await expectUnchanged(project.url, async () => {
        for (const confirmation of [undefined, "", "local", "Production"]) {
          const error = await failure(restore(protectedOne, backup, { confirmation }));
          expect(error).toMatchObject({ code: "not-confirmed", exit: 3 });
          expect(error.remedy).toContain("--confirm production");
        }
      });
      expect(await listBackups(backup.store)).toHaveLength(1);
      const result = await restore(protectedOne, backup, { confirmation: "production" });
      const safety = await findBackup(backup.store, result.safety ?? "");
      expect(safety).toMatchObject({ proven: true, manifest: { name: "before a restore", kind: "full" } });
      expect(safety.manifest.tables.find(({ name }) => name === "items")).toMatchObject({ rows: 10 });
      expect(await query(project.url, "select count(*)::int from items")).toEqual([{ count: 1000 }]);
      await restore(project, safety);
      expect(await query(project.url, "select count(*)::int, count(extra)::int as extra from items")).toEqual(
        [{ count: 10, extra: 0 }],
      );
    });
  });

  it("is left alone when the backup of what it holds cannot be proven, or cannot be taken", async () => {
    await withCounter(async (project) => {
      const protectedOne = await production(project);
      const backup = await backUp(protectedOne);
      // PostgreSQL cannot attach the index of such a constraint, so that no dump of it can be restored.
      await query(
        project.url,
        "create table booked (a int, b int4range, exclude using gist (a with =, b with &&)) partition by list (a)".replace(
          "create table",
          "create extension btree_gist with schema extensions; create table",
        ),
      );
      await query(project.url, "create table booked_1 partition of booked for values in (1)");
      await expectUnchanged(project.url, async () => {
        const error = await failure(restore(protectedOne, backup, { confirmation: "production" }));
        expect(error).toMatchObject({ code: "backup-not-proven", exit: 3 });
        expect(error.detail).toContain("booked");
      });
      const listed = await listBackups(backup.store);
      expect(listed).toHaveLength(2);
      expect(listed[0]).toMatchObject({ proven: false });
      const target = {
        ...protectedOne.target,
        environment: {
          ...protectedOne.target.environment,
          backups: {
            store: { kind: "folder", folder: join(project.root, "supabase/config.toml") },
            recipients: [],
          } as const,
        },
      };
      await expectUnchanged(project.url, async () => {
        await failure(
          restoreBackup(target, backup, { keys: {}, confirmation: "production" }, project.operation),
        );
      });
    });
  });

  it("that holds nothing yet needs neither", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      await withProject({}, async (other) => {
        const empty = await production(other);
        expect(await restore(empty, backup)).toMatchObject({ safety: undefined, schemaEqual: true });
      });
    });
  });
});
