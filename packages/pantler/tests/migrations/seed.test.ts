import { describe, expect, it } from "vitest";
import { isSeeded, seedDatabase } from "../../src/migrations/index.js";
import { failure } from "../support/failure.js";
import { query, waitForStatement } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

/** Runs a test with a project whose seed files are the given ones, in this order, and a table to put rows in. */
async function withSeeds(
  files: Readonly<Record<string, string>>,
  test: (project: TestProject) => Promise<void>,
): Promise<void> {
  await withProject({}, async (project) => {
    const paths = Object.keys(files).map((name) => `"./seeds/${name}"`);
    project.write("supabase/config.toml", `[db.seed]\nsql_paths = [${paths.join(", ")}]\n`);
    for (const [name, content] of Object.entries(files)) project.write(`supabase/seeds/${name}`, content);
    await query(project.url, "create table things (id int primary key deferrable initially deferred)");
    await test(await project.reopen());
  });
}

const seed = (project: TestProject, signal?: AbortSignal) =>
  seedDatabase(project.target, project.operation, signal);

async function things(project: TestProject): Promise<unknown[]> {
  return (await query(project.url, "select id from things order by id")).map(({ id }) => id);
}

describe("seeding", () => {
  it("runs the files in their order and records them as the Supabase CLI does", async () => {
    await withSeeds(
      { "b.sql": "insert into things values (1);", "a.sql": "-- nothing yet\n" },
      async (project) => {
        expect(await isSeeded(project.target)).toBe(false);
        expect(await seed(project)).toEqual(["supabase/seeds/b.sql", "supabase/seeds/a.sql"]);
        expect(await things(project)).toEqual([1]);
        expect(await isSeeded(project.target)).toBe(true);
        expect(
          await query(
            project.url,
            "select path, hash = encode(sha256('insert into things values (1);'), 'hex') as same from supabase_migrations.seed_files order by path",
          ),
        ).toEqual([
          { path: "supabase/seeds/a.sql", same: false },
          { path: "supabase/seeds/b.sql", same: true },
        ]);
      },
    );
  });

  it("keeps nothing when a later file fails, not even what a file commits itself", async () => {
    const files = {
      "1.sql": "begin;\ninsert into things values (1);\ncommit;\ninsert into things values (2);",
      "2.sql": "insert into things values (3);\nselect 1 / 0;",
    };
    await withSeeds(files, async (project) => {
      const error = await failure(seed(project));
      expect(error).toMatchObject({ code: "seed-failed", exit: 5, sqlstate: "22012" });
      expect(error.message).toBe("supabase/seeds/2.sql:2:1: division by zero (22012)");
      expect(error.state).toBe("No seed file was kept.");
      expect(await things(project)).toEqual([]);
      expect(await isSeeded(project.target)).toBe(false);
      project.write("supabase/seeds/2.sql", "insert into things values (3);");
      await seed(project);
      expect(await things(project)).toEqual([1, 2, 3]);
    });
  });

  it("fails as a whole when the server refuses the commit", async () => {
    await withSeeds({ "1.sql": "insert into things values (1), (1);" }, async (project) => {
      const error = await failure(seed(project));
      expect(error).toMatchObject({ code: "seed-failed", exit: 5, sqlstate: "23505" });
      expect(error.detail).toContain("Key (id)=(1) already exists.");
      expect(await isSeeded(project.target)).toBe(false);
    });
  });

  it.each([
    ["rollback", "transaction-control", "rollback would end the transaction that all pending files share."],
    ["copy things from stdin", "copy-from-stdin", "the data of copy … from stdin cannot be sent along."],
    [
      "vacuum things",
      "seed-outside-transaction",
      "vacuum cannot run inside a transaction, and seed files run in one.",
    ],
  ])("refuses a file with %s before any file runs", async (statement, code, message) => {
    const files = {
      "1.sql": "insert into things values (1);",
      "2.sql": `insert into things values (2);\n${statement};`,
    };
    await withSeeds(files, async (project) => {
      const error = await failure(seed(project));
      expect(error).toMatchObject({ code, exit: 2, state: "Nothing was run." });
      expect(error.message).toBe(`supabase/seeds/2.sql:2: ${message}`);
      expect(await things(project)).toEqual([]);
      expect(await isSeeded(project.target)).toBe(false);
    });
  });

  it("ends the statement that is running when it is interrupted, and keeps nothing", async () => {
    const files = { "1.sql": "insert into things values (1);\nselect pg_sleep(60);" };
    await withSeeds(files, async (project) => {
      const controller = new AbortController();
      const seeding = failure(seed(project, controller.signal));
      await waitForStatement(project.url, "select pg_sleep(60)%");
      controller.abort();
      expect(await seeding).toMatchObject({
        code: "interrupted",
        exit: 5,
        message: "Interrupted.",
        state: "No seed file was kept.",
      });
      expect(await things(project)).toEqual([]);
    });
  });

  it("runs nothing when it was interrupted before it began", async () => {
    await withSeeds({ "1.sql": "insert into things values (1);" }, async (project) => {
      expect(await failure(seed(project, AbortSignal.abort()))).toMatchObject({ code: "interrupted" });
      expect(await things(project)).toEqual([]);
    });
  });
});
