import { describe, expect, it } from "vitest";
import { type Drill, drillBackup, findBackup } from "../../src/index.js";
import { withClient } from "../../src/postgres/index.js";
import { backUp } from "../support/backups.js";
import { withCounter, withManifest } from "../support/counter.js";

describe("what comes after a drill", () => {
  it("is given the server with the restored copy, and the drill that is recorded already", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      let seen: unknown;
      let recorded: Drill | undefined;
      const drill = await drillBackup(backup, {}, project.operation, undefined, async ({ url }, proven) => {
        expect(proven.proven).toBe(true);
        recorded = (await findBackup(backup.store, backup.id)).drill;
        const { rows } = await withClient(url, (client) =>
          client.query("select count(*)::int as tables from pg_tables where schemaname = 'public'"),
        );
        seen = rows;
      });
      expect(seen).toEqual([
        { tables: backup.manifest.tables.filter(({ schema }) => schema === "public").length },
      ]);
      expect(recorded).toEqual(drill);
    });
  });

  it("takes nothing from the proof when it fails, and its error is thrown on", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      const broken = new Error("the work after it failed");
      const work = drillBackup(backup, {}, project.operation, undefined, async ({ url }) => {
        await withClient(url, (client) => client.query("select 1"));
        throw broken;
      });
      await expect(work).rejects.toBe(broken);
      // Had it come from the restore, it would tell of the archive.
      const sql = drillBackup(backup, {}, project.operation, undefined, async ({ url }) => {
        await withClient(url, (client) => client.query("select * from nowhere"));
      });
      await expect(sql).rejects.toMatchObject({ code: "42P01" });
      expect((await findBackup(backup.store, backup.id)).drill?.proven).toBe(true);
    });
  });

  it("does not come after one that proved nothing", async () => {
    await withCounter(async (project) => {
      const backup = await withManifest(project, await backUp(project), ({ tables }) => ({
        tables: tables.map((table) => ({ ...table, digest: "1:1:0000000000000001" })),
      }));
      let called = false;
      const drill = await drillBackup(backup, {}, project.operation, undefined, async () => {
        called = true;
      });
      expect(drill.proven).toBe(false);
      expect(called).toBe(false);
    });
  });
});
