import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createBackup, drillBackup, findBackup, openStore, restoreBackup } from "../../src/index.js";
import { backUp, drill, restore, targetAt } from "../support/backups.js";
import { damage, expectUnchanged, interruptedAt, withCounter, withManifest } from "../support/counter.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";

describe("rows that are not those of the backup", () => {
  it("are noticed before anything is kept, in each way of restoring", async () => {
    await withCounter(async (project) => {
      const original = await backUp(project);
      const backup = await withManifest(project, original, ({ tables }) => ({
        tables: tables.map((table) =>
          table.name === "kinds"
            ? { ...table, digest: table.digest.replace(/.$/, (last) => (last === "0" ? "1" : "0")) }
            : table,
        ),
      }));
      await query(project.url, damage);
      await expectUnchanged(project.url, async () => {
        for (const request of [
          {},
          { dataOnly: true },
          { tables: ["kinds"] },
          { tables: ["kinds"], merge: "update" },
        ] as const) {
          const error = await failure(restore(project, backup, request));
          expect(error).toMatchObject({ code: "rows-differ", exit: 5 });
          expect(error.detail).toContain("public.kinds");
        }
      });
      await withDatabaseUrl(async (copy) => {
        await expectUnchanged(copy, async () => {
          const error = await failure(restore(project, backup, {}, copy));
          expect(error).toMatchObject({
            code: "rows-differ",
            exit: 5,
            state: expect.stringContaining("emptied again"),
          });
        });
      });
      const found = await drill(project, backup);
      expect(found).toMatchObject({
        proven: false,
        differences: ["public.kinds has 2 rows, but not the same ones"],
      });
    });
  });

  it("are noticed where a file is damaged, and everything is as before", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      const [file] = backup.manifest.tables.find(({ name }) => name === "items")?.files ?? [];
      const path = join(project.root, "backups", backup.id, file?.name ?? "");
      writeFileSync(path, Buffer.concat([Buffer.from([31, 139, 8]), Buffer.alloc(200)]));
      await expectUnchanged(project.url, async () => {
        expect(await failure(restore(project, backup))).toMatchObject({ code: "archive-damaged", exit: 4 });
        expect(await failure(restore(project, backup, { dataOnly: true }))).toMatchObject({
          code: "archive-damaged",
        });
      });
      await withDatabaseUrl(async (copy) => {
        await expectUnchanged(copy, async () => {
          expect(await failure(restore(project, backup, {}, copy))).toMatchObject({
            code: "archive-damaged",
          });
        });
      });
    });
  });
});

describe("an interruption", () => {
  it("of the making of a backup lists none and leaves no files", async () => {
    await withCounter(async (project) => {
      for (const title of ["open the store", "copy the rows", "read the schema", "list the backup"]) {
        const { operation, signal } = interruptedAt(title);
        expect(await failure(createBackup(project.target, {}, operation, signal))).toMatchObject({
          code: "interrupted",
          exit: 5,
        });
        expect(await (await openStore(project.target.environment.backups.store)).folders()).toEqual([]);
      }
    });
  });

  it("of a restore into an empty database leaves it as it was", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      await withDatabaseUrl(async (copy) => {
        await expectUnchanged(copy, async () => {
          for (const title of [
            "make the tables",
            "load the rows",
            "compare the rows with the backup",
            "restore indexes, constraints and rules",
          ]) {
            const { operation, signal } = interruptedAt(title);
            const error = await failure(
              restoreBackup(targetAt(project, copy), backup, { keys: {} }, operation, signal),
            );
            expect(error).toMatchObject({
              code: "interrupted",
              exit: 5,
              state: expect.stringContaining("as it was before"),
            });
          }
        });
      });
    });
  });

  it("of a restore over what is there leaves it as it was", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      await query(project.url, damage);
      await expectUnchanged(project.url, async () => {
        for (const title of [
          "drop what is there",
          "make the tables",
          "load the rows",
          "compare the rows with the backup",
          "restore rights",
        ]) {
          const { operation, signal } = interruptedAt(title);
          const error = await failure(restoreBackup(project.target, backup, { keys: {} }, operation, signal));
          expect(error).toMatchObject({ code: "interrupted", exit: 5 });
        }
        await query(project.url, "alter table items drop column extra");
        for (const merge of [undefined, "update"] as const) {
          for (const title of [
            "make the missing tables",
            "load the rows",
            "merge the rows",
            "fill materialised views",
          ]) {
            const { operation, signal } = interruptedAt(title);
            if (title === (merge ? "load the rows" : "merge the rows")) continue;
            const error = await failure(
              restoreBackup(project.target, backup, { keys: {}, dataOnly: true, merge }, operation, signal),
            );
            expect(error).toMatchObject({ code: "interrupted", exit: 5 });
          }
        }
        await query(project.url, "alter table items add column extra int");
      });
    });
  });

  it("of a drill records nothing", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      const { operation, signal } = interruptedAt("drill: load the rows");
      expect(await failure(drillBackup(backup, {}, operation, signal))).toMatchObject({
        code: "interrupted",
      });
      expect((await findBackup(backup.store, backup.id)).drill).toBeUndefined();
    });
  });
});
