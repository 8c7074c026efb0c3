import { describe, expect, it } from "vitest";
import { checkMigrations, migrateUp } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { query, states, waitForStatement } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const table = {
  "1_notes.sql": `
create table notes (id int primary key, owner uuid, body text not null);
alter table notes enable row level security;
create policy notes_own on notes for select to authenticated using (owner = (select auth.uid()));
`,
};

const ann = "11111111-1111-1111-1111-111111111111";
const fixture = `insert into auth.users (id, email) values ('${ann}', 'ann@test.local');
insert into notes values (1, '${ann}', 'hers'), (2, null, 'nobody''s');`;

/** Runs checks against the table above and returns each outcome with what was found. */
async function outcomes(
  project: TestProject,
  checks: string,
): Promise<[string, string, string | undefined][]> {
  project.write("supabase/checks/1_notes.sql", checks);
  const results = await checkMigrations(project.target, {}, project.operation);
  return results.map(({ title, outcome, found }) => [title, outcome, found]);
}

async function withNotes(test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject(table, async (project) => {
    await migrateUp(project.target, {}, project.operation);
    await test(project);
  });
}

describe("a check", () => {
  it.each([
    ["true", "select 1 = 1", "select 1 = 2", "expected true, found the value f"],
    ["true", "select true", "select true where false", "expected true, found 0 rows"],
    ["no rows", "select * from notes", "select 1", "expected no rows, found 1"],
    ["rows 2", "values (1), (2)", "values (1)", "expected 2 rows, found 1"],
    ["rows 1", "insert into notes values (9, null, 'x')", "delete from notes", "expected 1 rows, found 0"],
    ["value a b", "select 'a b'", "select 'a'", "expected the value a b, found the value a"],
    [
      "value 1.50",
      "select 1.50::numeric",
      "select 1.5::numeric",
      "expected the value 1.50, found the value 1.5",
    ],
    [
      "error 23502",
      "insert into notes values (1, null, null)",
      "insert into notes values (1, null, 'x')",
      "expected error 23502, but the statement succeeded",
    ],
  ])("that expects %s passes and fails by its last statement", async (expectation, good, bad, found) => {
    await withNotes(async (project) => {
      const block = (title: string, statement: string) =>
        `-- check: ${title}\n-- expect: ${expectation}\n${statement};\n`;
      expect(await outcomes(project, block("good", good) + block("bad", bad))).toEqual([
        ["good", "passed", undefined],
        ["bad", "failed", found],
      ]);
    });
  });

  it("fails when another error is raised, and shows where", async () => {
    await withNotes(async (project) => {
      const [[, outcome, found] = []] = await outcomes(
        project,
        "-- check: x\n-- expect: error 23505\ninsert into notes values (1, null, null);",
      );
      expect(outcome).toBe("failed");
      expect(found).toContain('supabase/checks/1_notes.sql:3:1: null value in column "body"');
    });
  });

  it("fails when a statement before the last one fails", async () => {
    await withNotes(async (project) => {
      const [[, outcome, found] = []] = await outcomes(
        project,
        "-- check: x\n-- expect: true\nselect 1 / 0;\nselect true;",
      );
      expect([outcome, found?.split("\n")[0]]).toEqual([
        "failed",
        "supabase/checks/1_notes.sql:3:1: division by zero (22012)",
      ]);
    });
  });

  it("leaves nothing behind, and does not see what others did", async () => {
    await withNotes(async (project) => {
      const insert = "-- check: insert\n-- expect: rows 1\ninsert into notes values (1, null, 'x');\n";
      expect((await outcomes(project, insert + insert)).map(([, outcome]) => outcome)).toEqual([
        "passed",
        "passed",
      ]);
      expect(await query(project.url, "select count(*)::int as count from notes")).toEqual([{ count: 0 }]);
    });
  });

  it("runs as the identity it names, and goes back to the deployer", async () => {
    await withNotes(async (project) => {
      const as = (identity: string, expectation: string, statement: string) =>
        `-- check: ${identity}\n-- expect: ${expectation}\n${fixture}\n-- as: ${identity}\n${statement};\n`;
      const checks = [
        as("user ann@test.local", "value hers", "select body from notes"),
        as("user ANN@TEST.LOCAL", `value ${ann}`, "select auth.uid()"),
        as("anon", "no rows", "select * from notes"),
        as("anon", "value anon", "select current_user"),
        as("service_role", "rows 2", "select * from notes"),
        as("deployer", "value postgres", "select current_user"),
        `-- check: back\n-- expect: rows 2\n${fixture}\n-- as: anon\nselect 1;\n-- as: deployer\nselect * from notes;\n`,
        "-- check: not carried over\n-- expect: value postgres\nselect current_user;\n",
      ];
      const results = await outcomes(project, checks.join("\n"));
      expect(results.filter(([, outcome]) => outcome !== "passed")).toEqual([]);
      expect(results).toHaveLength(checks.length);
    });
  });

  it("fails when it names a user who is not there", async () => {
    await withNotes(async (project) => {
      const [[, outcome, found] = []] = await outcomes(
        project,
        "-- check: x\n-- expect: true\n-- as: user ghost@test.local\nselect true;",
      );
      expect(outcome).toBe("failed");
      expect(found).toContain("auth.users holds no user with the address ghost@test.local");
    });
  });

  it("fails when it may not become the identity, even if it expects that error", async () => {
    await withNotes(async (project) => {
      project.write(
        "supabase/checks/1_notes.sql",
        "-- check: x\n-- expect: error 42501\n-- as: anon\nselect * from notes;",
      );
      await query(project.url, "create role limited login password 'secret'");
      await query(project.url, "grant usage on schema supabase_migrations to limited");
      await query(project.url, "grant select on supabase_migrations.schema_migrations to limited");
      try {
        const url = project.url.replace("postgres:postgres@", "limited:secret@");
        project.write(".env", `PANTLER_ENGINE_URL=${url}\n`);
        const { target, operation } = await project.reopen();
        const [result] = await checkMigrations(target, {}, operation);
        expect(result?.outcome).toBe("failed");
        expect(result?.found?.split("\n")[0]).toBe(
          'supabase/checks/1_notes.sql:4:1: the deployer may not become anon: permission denied to set role "anon" (42501)',
        );
      } finally {
        await query(project.url, "revoke all on supabase_migrations.schema_migrations from limited");
        await query(project.url, "revoke all on schema supabase_migrations from limited");
        await query(project.url, "drop role limited");
      }
    });
  });

  it("takes its words in any case", async () => {
    await withNotes(async (project) => {
      const checks = "-- CHECK: x\n-- Expect : value anon\n-- As: anon\nselect current_user;";
      expect(await outcomes(project, checks)).toEqual([["x", "passed", undefined]]);
    });
  });

  it("may prepare a query, and be about words that it may not begin with", async () => {
    await withNotes(async (project) => {
      const checks =
        "-- check: x\n-- expect: value commit\n-- end: of prose\nprepare x as select 'commit';\nexecute x;";
      expect(await outcomes(project, checks)).toEqual([["x", "passed", undefined]]);
    });
  });

  it("is refused with a word that would keep or lose what others did", async () => {
    const statements = [
      "begin",
      "start transaction",
      "commit",
      "end",
      "rollback",
      "abort",
      "savepoint a",
      "release a",
      "Rollback to a",
      "/* quietly */ prepare -- and\n transaction 'x'",
    ];
    await withNotes(async (project) => {
      for (const statement of statements) {
        const error = await failure(
          outcomes(
            project,
            `-- check: x\n-- expect: true\ninsert into notes values (1, null, 'kept');\n${statement};\nselect true;`,
          ),
        );
        expect(error).toMatchObject({ code: "check-malformed", exit: 2 });
        expect(error.message).toMatch(/^supabase\/checks\/1_notes\.sql:4: [a-z ]+ has no place in a check/);
      }
      expect(await query(project.url, "select * from notes")).toEqual([]);
    });
  });

  it("warns, and does not fail, when it takes longer than its bound", async () => {
    await withNotes(async (project) => {
      const results = await outcomes(
        project,
        "-- check: slow\n-- expect: rows 1\n-- within: 1ms\nselect pg_sleep(0.02);",
      );
      expect(results).toEqual([["slow", "passed", undefined]]);
      expect(project.events).toContainEqual({
        type: "finding",
        level: "warning",
        message: expect.stringMatching(/^slow: took [\d.]+ ms, the bound is 1 ms$/),
      });
    });
  });

  it("starts from its fixture, which is undone with it", async () => {
    await withNotes(async (project) => {
      const notes = `-- fixture: two notes\n${fixture}\n`;
      const check = (title: string) =>
        `-- check: ${title}\n-- given: two notes\n-- expect: rows 2\nselect * from notes;\n`;
      const without = "-- check: without\n-- expect: no rows\nselect * from notes;\n";
      const results = await outcomes(project, notes + check("first") + without + check("second"));
      expect(results).toEqual([
        ["first", "passed", undefined],
        ["without", "passed", undefined],
        ["second", "passed", undefined],
      ]);
      expect(await query(project.url, "select * from notes")).toEqual([]);
    });
  });

  it("starts from several fixtures, each run once and as the deployer, those they start from first", async () => {
    await withNotes(async (project) => {
      const note = (id: number, name: string) =>
        `-- fixture: ${name}\n-- given: Ann\ninsert into notes values (${id}, '${ann}', current_user);\n`;
      const checks = [
        `-- fixture: Ann\ninsert into auth.users (id, email) values ('${ann}', 'ann@test.local');\n`,
        note(1, "one note"),
        note(2, "another note"),
        "-- check: both\n-- as: user ann@test.local\n-- given: one note\n-- given: another note\n",
        "-- expect: value authenticated: postgres postgres\n",
        "select current_user || ': ' || string_agg(body, ' ') from notes;",
      ];
      expect(await outcomes(project, checks.join(""))).toEqual([["both", "passed", undefined]]);
    });
  });

  it("fails when its fixture does, even if it expects that error, and shows where in the fixture", async () => {
    await withNotes(async (project) => {
      const [[, outcome, found] = []] = await outcomes(
        project,
        "-- fixture: broken\nselect 1;\nselect 1 / 0;\n-- check: x\n-- given: broken\n-- expect: error 22012\nselect 1 / 0;",
      );
      expect([outcome, found?.split("\n")[0]]).toEqual([
        "failed",
        "supabase/checks/1_notes.sql:3:1: division by zero (22012)",
      ]);
    });
  });

  it.each([
    ["-- given: f\n-- expect: true\nselect true;", '1_notes.sql:2: no fixture named "f" stands above'],
    [
      "-- expect: true\n-- given: f\nselect true;\n-- fixture: f\nselect 1;",
      '1_notes.sql:3: no fixture named "f"',
    ],
    [
      "-- expect: true\nselect true;\n-- fixture: f\n-- given: f\nselect 1;",
      '1_notes.sql:5: no fixture named "f"',
    ],
    [
      "-- expect: true\nselect true;\n-- fixture: f\nselect 1;\n-- check: y\n-- expect: true\nselect true;\n-- given: f\nselect true;",
      '1_notes.sql:9: "-- given:" stands after a statement of its check',
    ],
    [
      "-- expect: true\nselect true;\n-- fixture: f\nselect 1;",
      '1_notes.sql:4: no check uses the fixture "f"',
    ],
    [
      "-- expect: true\nselect true;\n-- fixture: f\nselect 1;\n-- fixture: g\n-- given: f\nselect 1;",
      '1_notes.sql:4: no check uses the fixture "f"',
    ],
    ["-- expect: true\nselect true;\n-- fixture: f\n", '1_notes.sql:4: the fixture "f" has no statement'],
    [
      "-- expect: true\nselect true;\n-- fixture: f\nselect 1;\n-- fixture: f\nselect 2;",
      '1_notes.sql:6: another fixture is named "f"',
    ],
    ["-- expect: true\nselect true;\n-- fixture:\nselect 1;", "1_notes.sql:4: a fixture needs a name"],
    ...["as: anon", "expect: true", "within: 1s"].map((word) => [
      `-- expect: true\nselect true;\n-- fixture: f\n-- ${word}\nselect 1;`,
      `1_notes.sql:5: "-- ${word.split(" ")[0]}" has no place in a fixture`,
    ]),
    [
      "-- expect: true\nselect true;\n-- fixture: f\nselect 1;\n-- check: y\n-- given: f\n-- expect: true\n",
      "1_notes.sql:6: the check has no statement",
    ],
    ["-- expect: true\n-- givens: f\nselect true;", '1_notes.sql:3: "-- givens: f" is not understood'],
    ["-- expect: true\nselect true;\n-- fixtures: f\n", '1_notes.sql:4: "-- fixtures: f" is not understood'],
  ])("is refused when a fixture is malformed: %j", async (rest, message) => {
    await withNotes(async (project) => {
      const error = await failure(outcomes(project, `-- check: x\n${rest}`));
      expect(error).toMatchObject({ code: "check-malformed", exit: 2 });
      expect(error.message).toContain(message);
    });
  });

  it.each([
    ["-- check: x\nselect true;", '1_notes.sql:1: the check has no "-- expect:"'],
    ["-- check: x\n-- expect: true\n", "1_notes.sql:1: the check has no statement"],
    ["select true;\n-- check: x\n-- expect: true\nselect 1;", "1_notes.sql:1: a statement stands before"],
    ["-- check: x\n-- expect: maybe\nselect true;", '1_notes.sql:2: "maybe" is no expectation'],
    ["-- check: x\n-- expect: rows many\nselect true;", '1_notes.sql:2: "rows many" is no expectation'],
    ["-- check: x\n-- expect: error 1\nselect true;", '1_notes.sql:2: "error 1" is no expectation'],
    [
      "-- check: x\n-- expect: true\n-- expect: true\nselect true;",
      "1_notes.sql:3: a check has one expectation",
    ],
    ["-- check: x\n-- expect: true\n-- as: root\nselect true;", '1_notes.sql:3: "root" is nobody'],
    ["-- check: x\n-- expect: true\n-- within: soon\nselect true;", '1_notes.sql:3: "soon" is no duration'],
    ["-- check:\n-- expect: true\nselect true;", "1_notes.sql:1: a check needs a title"],
    ["-- expect: true\nselect true;", '1_notes.sql:1: "-- expect:" stands before the first'],
    ...["expects: true", "Expected: true", "expectation: true", "expecting: true"].map((word) => [
      `-- check: x\n-- expect: true\n-- ${word}\nselect true;`,
      `1_notes.sql:3: "-- ${word}" is not understood: write "-- expect:"`,
    ]),
    [
      "-- check: x\n-- expect: true\nselect true;\n-- checks: y\nselect false;",
      '1_notes.sql:4: "-- checks: y" is not understood: write "-- check:"',
    ],
    [
      "-- check: x\n-- expect: no rows\n-- as anon\nselect * from notes;",
      '1_notes.sql:3: "-- as anon" is not understood: write "-- as:"',
    ],
  ])("is refused when it is malformed: %j", async (checks, message) => {
    await withNotes(async (project) => {
      const error = await failure(outcomes(project, checks));
      expect(error).toMatchObject({ code: "check-malformed", exit: 2 });
      expect(error.message).toContain(message);
    });
  });
});

describe("checks of a deployment", () => {
  it("keep it from committing when one of them fails", async () => {
    await withProject(table, async (project) => {
      project.write("supabase/checks/1_notes.sql", "-- check: never true\n-- expect: true\nselect false;");
      const error = await failure(migrateUp(project.target, {}, project.operation));
      expect(error).toMatchObject({ code: "check-failed", exit: 5 });
      expect(error.message).toBe("1 of 1 check failed: never true (supabase/checks/1_notes.sql:1)");
      expect(await states(project)).toEqual({ 1: "pending" });
    });
  });

  it("include the smoke checks, which run once at the end", async () => {
    await withProject({ ...table, "2_more.sql": "create table more (id int);" }, async (project) => {
      project.write(
        "supabase/checks/smoke.sql",
        "-- check: both\n-- expect: no rows\nselect * from notes, more;",
      );
      await migrateUp(project.target, {}, project.operation);
      const titles = project.events.flatMap((event) => (event.type === "step-ended" ? [event.title] : []));
      expect(titles).toEqual(["apply 1_notes", "apply 2_more", "check supabase/checks/smoke.sql"]);
      project.write(
        "supabase/checks/smoke.sql",
        "-- check: both\n-- expect: rows 1\nselect * from notes, more;",
      );
      project.write("supabase/migrations/3_last.sql", "select 1;");
      expect(await failure(migrateUp(project.target, {}, project.operation))).toMatchObject({
        code: "check-failed",
      });
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "pending" });
    });
  });
});

describe("migration check", () => {
  it("runs only the checks whose title has the text asked for, and refuses a text that none has", async () => {
    await withNotes(async (project) => {
      const block = (title: string) => `-- check: ${title}\n-- expect: true\nselect true;\n`;
      project.write("supabase/checks/1_notes.sql", block("A1 first") + block("A2 second"));
      const results = await checkMigrations(project.target, { only: "A2" }, project.operation);
      expect(results.map(({ title }) => title)).toEqual(["A2 second"]);
      const error = await failure(checkMigrations(project.target, { only: "A3" }, project.operation));
      expect(error).toMatchObject({ code: "check-unknown", exit: 2 });
    });
  });

  it.each([
    ["true", "a check that would fail"],
    ["error 57014", "a check that would take the interruption for what it expects"],
  ])("can be interrupted: expecting %s, %s", async (expectation) => {
    await withNotes(async (project) => {
      const slow = `-- check: slow\n-- expect: ${expectation}\nselect pg_sleep(60);\n`;
      project.write("supabase/checks/1_notes.sql", slow);
      const controller = new AbortController();
      const checking = failure(checkMigrations(project.target, {}, project.operation, controller.signal));
      await waitForStatement(project.url, "%select pg_sleep(60)%");
      controller.abort();
      expect(await checking).toMatchObject({
        code: "interrupted",
        exit: 5,
        message: "Interrupted.",
        state: "Nothing that a check did was kept.",
      });
    });
  });

  it("runs only the checks of what is applied", async () => {
    await withProject({ ...table, "2_more.sql": "create table more (id int);" }, async (project) => {
      project.write("supabase/checks/2_more.sql", "-- check: more\n-- expect: no rows\nselect * from more;");
      await migrateUp(project.target, { to: "1" }, project.operation);
      expect(await checkMigrations(project.target, {}, project.operation)).toEqual([]);
      await migrateUp(project.target, {}, project.operation);
      expect(await checkMigrations(project.target, {}, project.operation)).toHaveLength(1);
    });
  });
});
