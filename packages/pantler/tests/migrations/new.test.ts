import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { migrateUp, newMigration, openProject } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { withFolder, withProject } from "../support/project.js";

const config = { "supabase/config.toml": "" };
const noon = new Date("2026-03-04T12:00:00Z");

describe("migration new", () => {
  it("writes the script, its rollback and its checks under one name", async () => {
    await withFolder(config, async (root) => {
      const project = await openProject({ from: root, variables: {} });
      const { version, files } = newMigration(project, "add customer notes", noon);
      expect(version).toBe("20260304120000");
      expect(files).toEqual(
        ["migrations", "rollbacks", "checks"].map(
          (folder) => `${root}/supabase/${folder}/20260304120000_add_customer_notes.sql`,
        ),
      );
      expect(readFileSync(files[0] ?? "", "utf8")).toContain("enable row level security");
    });
  });

  it("chooses a version after the newest even when the clock is behind it", async () => {
    await withFolder(
      { ...config, "supabase/migrations/20990101000009_future.sql": "select 1;" },
      async (root) => {
        const project = await openProject({ from: root, variables: {} });
        expect(newMigration(project, "now", noon).version).toBe("20990101000010");
        expect(newMigration(project, "again", noon).version).toBe("20990101000011");
      },
    );
  });

  it.each([
    ["9", "90"],
    ["99", "990"],
    ["909", "910"],
    ["99999999999999", "999999999999990"],
    ["039", "20260304120000"],
  ])("chooses one that also comes after %s as text, in whose order migrations run", async (newest, next) => {
    await withFolder({ ...config, [`supabase/migrations/${newest}_a.sql`]: "select 1;" }, async (root) => {
      const project = await openProject({ from: root, variables: {} });
      const { version } = newMigration(project, "next", noon);
      expect(version).toBe(next);
      expect(version > newest).toBe(true);
    });
  });

  it.each(["", "  ", "../escape", "a/b", "a;b", "a.b"])(
    "refuses the name %j and writes nothing",
    async (name) => {
      await withFolder(config, async (root) => {
        const project = await openProject({ from: root, variables: {} });
        const error = await failure((async () => newMigration(project, name, noon))());
        expect(error).toMatchObject({ code: "name-malformed", exit: 2 });
        expect(readdirSync(`${root}/supabase`)).toEqual(["config.toml"]);
      });
    },
  );

  it("writes a template that has to be filled in before it runs", async () => {
    await withProject({}, async (project) => {
      newMigration(project.target.project, "later", noon);
      expect(await failure(migrateUp(project.target, {}, project.operation))).toMatchObject({
        code: "nothing-to-run",
      });
    });
  });
});
