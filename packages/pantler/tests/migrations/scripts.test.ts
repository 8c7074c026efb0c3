import { describe, expect, it } from "vitest";
import { migrateDown, migrateUp } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { query, states } from "../support/inspect.js";
import { withProject } from "../support/project.js";

const share = "would end the transaction that all pending files share.";

describe("a migration file", () => {
  it.each([
    ["rollback", "transaction-control", `rollback ${share}`],
    ["abort work", "transaction-control", `abort ${share}`],
    ["rollback and chain", "transaction-control", `rollback ${share}`],
    ["prepare transaction 'x'", "transaction-control", `prepare transaction ${share}`],
    [
      "commit prepared 'x'",
      "transaction-control",
      "commit prepared would end a transaction of others for good.",
    ],
    [
      "rollback prepared 'x'",
      "transaction-control",
      "rollback prepared would end a transaction of others for good.",
    ],
    ["discard all", "session-control", "discard all would give back the deployment lock."],
    ["copy a from stdin", "copy-from-stdin", "the data of copy … from stdin cannot be sent along."],
    [
      "copy a (id) from stdin with (format csv)",
      "copy-from-stdin",
      "the data of copy … from stdin cannot be sent along.",
    ],
  ])("may not hold %s, which is refused before anything runs", async (statement, code, message) => {
    const files = {
      "1_a.sql": "create table a (id int);",
      "2_b.sql": `create table b (id int);\n-- why\n${statement};\ncreate table c (id int);`,
    };
    await withProject(files, async (project) => {
      const error = await failure(migrateUp(project.target, {}, project.operation));
      expect(error).toMatchObject({ code, exit: 2, state: "Nothing was run." });
      expect(error.message).toBe(`supabase/migrations/2_b.sql:3: ${message}`);
      expect(error.detail).toContain(`3 | ${statement};`);
      expect(await states(project)).toEqual({ 1: "pending", 2: "pending" });
      expect(await query(project.url, "select to_regclass('public.a')::text as a")).toEqual([{ a: null }]);
      // A refusal of the file's words is no failed run: there is no breaker to close.
      project.write("supabase/migrations/2_b.sql", "select 1;");
      await migrateUp(project.target, {}, project.operation);
    });
  });

  it("may take back a part of itself, and commit as often as it likes", async () => {
    const script = [
      "begin;",
      "create table a (id int);",
      "savepoint part;",
      "insert into a values (1);",
      "rollback to part;",
      "release part;",
      "commit and chain;",
      "discard plans;",
      "copy (select 1) to stdout;",
      "commit;",
    ].join("\n");
    await withProject({ "1_a.sql": script }, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      expect(await query(project.url, "select count(*)::int as rows from a")).toEqual([{ rows: 0 }]);
    });
  });

  it("is told how to bring the rows along when it holds those of a dump", async () => {
    const dump = "create table a (id int, b text);\ncopy a from stdin;\n\\N\tx\n\\.\n";
    await withProject({ "1_a.sql": dump }, async (project) => {
      const error = await failure(migrateUp(project.target, {}, project.operation));
      expect(error).toMatchObject({ code: "psql-command", exit: 2 });
      expect(error.message).toBe("supabase/migrations/1_a.sql:3: \\N is a command of psql, not SQL.");
      expect(error.remedy).toContain("write insert statements");
      project.write("supabase/migrations/1_a.sql", dump.replace("\\N", "1"));
      const end = await failure(migrateUp(project.target, {}, project.operation));
      expect(end.message).toBe("supabase/migrations/1_a.sql:4: \\. is a command of psql, not SQL.");
      expect(end.remedy).toBe(error.remedy);
    });
  });
});

describe("a rollback script", () => {
  it("is held to the same rule", async () => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      project.write("supabase/rollbacks/1_a.sql", "drop table a;\nrollback;");
      await migrateUp(project.target, {}, project.operation);
      const error = await failure(migrateDown(project.target, {}, project.operation));
      expect(error).toMatchObject({ code: "transaction-control", exit: 2 });
      expect(error.message).toBe(`supabase/rollbacks/1_a.sql:2: rollback ${share}`);
      expect(await states(project)).toEqual({ 1: "applied" });
    });
  });
});
