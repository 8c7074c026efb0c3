import { describe, expect, it } from "vitest";
import { failure } from "../support/failure.js";
import { waitForStatement } from "../support/inspect.js";
import { rehearse, withPast } from "../support/rehearsing.js";

const untouched = "The environment was not touched; this was the rehearsal.";

describe("a rehearsal that fails says that the environment is as it was", () => {
  it("for a statement, with its place in the file", async () => {
    await withPast(
      { "1_it.sql": "create table a (id int);\ninsert into a values ('x');" },
      {},
      async (project) => {
        const error = await failure(rehearse(project));
        expect(error).toMatchObject({
          code: "statement-failed",
          exit: 5,
          state: untouched,
          sqlstate: "22P02",
        });
        expect(error.message).toContain("supabase/migrations/1_it.sql:2:");
        expect(error.detail).toContain("statement 2 of 2");
        expect(error.remedy).not.toContain("breaker");
      },
    );
  });

  it("for a statement outside of a transaction", async () => {
    await withPast(
      { "1_it.sql": "create table a (id int);\ncreate index concurrently on nowhere (id);" },
      {},
      async (project) => {
        const error = await failure(rehearse(project));
        expect(error).toMatchObject({ code: "statement-failed", exit: 5, state: untouched });
        expect(error.message).toContain("1_it.sql:2:");
        expect(error.remedy).not.toContain("repair");
      },
    );
  });

  it("for a check of a migration, and for a smoke check", async () => {
    const check = "-- check: there are jars\n-- expect: true\nselect false;\n";
    for (const name of ["1_it.sql", "smoke.sql"]) {
      await withPast(
        { "1_it.sql": "create table a (id int);" },
        { checks: { [name]: check } },
        async (project) => {
          const error = await failure(rehearse(project));
          expect(error).toMatchObject({ code: "check-failed", exit: 5, state: untouched });
          expect(error.message).toContain(`supabase/checks/${name}:1`);
        },
      );
    }
  });

  it("for a constraint that is only looked at when it commits", async () => {
    const script = `
      create table a (id int primary key);
      create table b (a int references a deferrable initially deferred);
      insert into b values (1);`;
    await withPast({ "1_it.sql": script }, {}, async (project) => {
      expect(await failure(rehearse(project))).toMatchObject({
        code: "rehearsal-failed",
        state: untouched,
        sqlstate: "23503",
      });
    });
  });

  it("for a statement that a transaction of its own would allow, where the real run has none", async () => {
    await withPast(
      { "1_it.sql": "create table a (id int);\nlock table a;\nvacuum a;" },
      {},
      async (project) => {
        expect(await failure(rehearse(project))).toMatchObject({ sqlstate: "25P01", state: untouched });
      },
    );
  });

  it("for a migration that gives the deployment lock away", async () => {
    await withPast({ "1_it.sql": "select pg_advisory_unlock_all();" }, {}, async (project) => {
      expect(await failure(rehearse(project))).toMatchObject({ code: "lock-lost", state: untouched });
    });
  });

  it("when it is interrupted", async () => {
    await withPast({ "1_it.sql": "select pg_sleep(60);" }, {}, async (project) => {
      const controller = new AbortController();
      const work = failure(rehearse(project, {}, { signal: controller.signal }));
      await waitForStatement(project.url, "select pg_sleep%");
      controller.abort();
      expect(await work).toMatchObject({ code: "interrupted", state: untouched });
    });
  });
});
