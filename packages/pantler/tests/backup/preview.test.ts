import { describe, expect, it } from "vitest";
import { previewRestore } from "../../src/index.js";
import { backUp, restore, targetAt } from "../support/backups.js";
import { damage, expectUnchanged, withCounter } from "../support/counter.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";

describe("a preview of a restore", () => {
  /** How many rows a table has, and will have. */
  const rows = (now: number | null, then: number) => ({ now, then });

  it("tells which rows would come and go, and changes nothing", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      await query(
        project.url,
        `${damage}; create table others (id int); insert into others values (1), (2); drop table kinds cascade`,
      );
      await expectUnchanged(project.url, async () => {
        const whole = await previewRestore(project.target, backup, {});
        expect(whole).toMatchObject({ way: "everything", empty: false, schemaEqual: false });
        expect(whole.tables.find(({ name }) => name === "items")).toMatchObject(rows(10, 1000));
        expect(whole.tables.find(({ name }) => name === "kinds")).toMatchObject(rows(null, 2));
        expect(whole.tables.find(({ name }) => name === "users")).toMatchObject(rows(1, 1));
        expect(whole.dropped).toEqual([{ schema: "public", name: "others", rows: 2 }]);
        const some = await previewRestore(project.target, backup, { tables: ["items"], merge: "skip" });
        expect(some).toMatchObject({
          way: "rows",
          dropped: [],
          tables: [{ name: "items", ...rows(10, 1000) }],
        });
        const structure = await previewRestore(project.target, backup, { schemaOnly: true });
        expect(structure.tables.find(({ name }) => name === "items")).toMatchObject(rows(10, 0));
        expect(await failure(previewRestore(project.target, backup, { tables: ["missing"] }))).toMatchObject({
          code: "table-unknown",
        });
      });
      await withDatabaseUrl(async (copy) => {
        const empty = await previewRestore(targetAt(project, copy), backup, {});
        expect(empty).toMatchObject({ empty: true, dropped: [], schemaEqual: false });
        await restore(project, backup, {}, copy);
        expect(await previewRestore(targetAt(project, copy), backup, {})).toMatchObject({
          empty: false,
          schemaEqual: true,
        });
      });
    });
  });
});
