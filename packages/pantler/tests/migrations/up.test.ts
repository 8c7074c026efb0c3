import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { listMigrations, migrateDown, migrateUp, repairMigration } from "../../src/index.js";
import { pantler } from "../support/cli.js";
import { failure } from "../support/failure.js";
import { query, states } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const three = {
  "1_users.sql": "create table users (id int primary key);\ninsert into users values (1);\n",
  "2_notes.sql":
    "-- notes belong to users\ncreate table notes (id int primary key, user_id int references users);\n",
  "3_more.sql": "alter table notes add column body text;\n",
};

async function up(project: TestProject, request: Parameters<typeof migrateUp>[1] = {}) {
  return await migrateUp(project.target, request, project.operation);
}

describe("migration up", () => {
  it("applies the pending migrations in their order and records them as the Supabase CLI does", async () => {
    await withProject(three, async (project) => {
      const { applied } = await up(project);
      expect(applied.map(({ version }) => version)).toEqual(["1", "2", "3"]);
      const ledger = await query(
        project.url,
        "select version, name, statements from supabase_migrations.schema_migrations order by version",
      );
      expect(ledger).toEqual([
        {
          version: "1",
          name: "users",
          statements: ["create table users (id int primary key)", "insert into users values (1)"],
        },
        {
          version: "2",
          name: "notes",
          statements: [
            "-- notes belong to users\ncreate table notes (id int primary key, user_id int references users)",
          ],
        },
        { version: "3", name: "more", statements: ["alter table notes add column body text"] },
      ]);
    });
  });

  it("records each phase as complete with its times, its row counts and who ran it", async () => {
    await withProject(three, async (project) => {
      await up(project);
      const control = await query(
        project.url,
        `select phase_number, version, status, completed_at >= started_at as timed, duration > '0' as measured,
           rows_before, rows_after, run_by is not null as signed
         from pantler.migration_control order by phase_number`,
      );
      const common = { status: "complete", timed: true, measured: true, signed: true };
      expect(control).toEqual([
        { phase_number: 1, version: "1", ...common, rows_before: "0", rows_after: "1" },
        { phase_number: 2, version: "2", ...common, rows_before: "1", rows_after: "1" },
        { phase_number: 3, version: "3", ...common, rows_before: "1", rows_after: "1" },
      ]);
    });
  });

  it("does nothing the second time", async () => {
    await withProject(three, async (project) => {
      await up(project);
      expect((await up(project)).applied).toEqual([]);
    });
  });

  it("keeps nothing of any migration when the last one fails", async () => {
    await withProject(
      { ...three, "4_bad.sql": "create table extra (id int);\nselect * from nowhere;\n" },
      async (project) => {
        const error = await failure(up(project));
        expect(error).toMatchObject({ code: "statement-failed", exit: 5, sqlstate: "42P01" });
        expect(error.state).toBe("Nothing of the 4 migrations was kept; the database is as it was.");
        expect(
          await query(project.url, "select tablename from pg_tables where schemaname = 'public'"),
        ).toEqual([]);
        expect(await states(project)).toEqual({ 1: "pending", 2: "pending", 3: "pending", 4: "pending" });
      },
    );
  });

  it("points at the statement that failed: file, line, column, caret, detail and number", async () => {
    const script = [
      "create table a (id int primary key);",
      "insert into a values (1);",
      "-- สวัสดี 🙂",
      "  insert into a values (1);",
      "create table b (id int);",
      "create table c (id int);",
    ].join("\r\n");
    await withProject({ "1_a.sql": `\uFEFF${script}` }, async (project) => {
      const error = await failure(up(project));
      expect(error.message).toBe(
        'supabase/migrations/1_a.sql:4:3: duplicate key value violates unique constraint "a_pkey" (23505)',
      );
      expect(error.detail).toContain("statement 3 of 5");
      expect(error.detail).toContain("4 |   insert into a values (1);\n  |   ^");
      expect(error.detail).toContain("detail: Key (id)=(1) already exists.");
    });
  });

  it("refuses a file that is not SQL before it runs anything", async () => {
    await withProject(
      { ...three, "4_prose.sql": "create table ok (id int);\nDear diary, today nothing.\n" },
      async (project) => {
        const error = await failure(up(project));
        expect(error).toMatchObject({ code: "sql-syntax", exit: 5, state: "Nothing was run." });
        expect(error.message).toMatch(/^supabase\/migrations\/4_prose\.sql:2:1: syntax error/);
        expect(await states(project)).toEqual({ 1: "pending", 2: "pending", 3: "pending", 4: "pending" });
      },
    );
  });

  it.each([
    ["an empty file", ""],
    ["a file of nothing but comments", "-- later\n/* or never */"],
  ])("refuses %s", async (_, content) => {
    await withProject({ "1_a.sql": content }, async (project) => {
      expect(await failure(up(project))).toMatchObject({ code: "nothing-to-run", exit: 2 });
    });
  });

  it("stops at --to", async () => {
    await withProject(three, async (project) => {
      await up(project, { to: "2" });
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "pending" });
      expect(await failure(up(project, { to: "7" }))).toMatchObject({ code: "version-unknown", exit: 2 });
    });
  });

  it("keeps those before the failed one when it goes one by one", async () => {
    await withProject({ ...three, "4_bad.sql": "select 1 / 0;" }, async (project) => {
      const error = await failure(up(project, { oneByOne: true }));
      expect(error.state).toBe("Nothing of it was kept; done before and staying: 1, 2, 3.");
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "applied", 4: "pending" });
    });
  });

  it("folds a file's own begin and commit into the one transaction", async () => {
    const files = { "1_a.sql": "begin;\ncreate table a (id int);\ncommit;\n", "2_b.sql": "select 1 / 0;" };
    await withProject(files, async (project) => {
      await failure(up(project));
      expect(await query(project.url, "select to_regclass('public.a')::text as a")).toEqual([{ a: null }]);
      project.write("supabase/migrations/2_b.sql", "select 1;");
      await repairMigration(project.target, { version: "2", status: "reverted" }, project.operation);
      await up(project);
      const [row] = await query(
        project.url,
        "select statements from supabase_migrations.schema_migrations where version = '1'",
      );
      expect(row).toEqual({ statements: ["begin", "create table a (id int)", "commit"] });
    });
  });

  it("gives every file a fresh session: roles, paths and settings do not leak into the next", async () => {
    const files = {
      "1_a.sql":
        "select set_config('search_path', '', false);\nset statement_timeout = '1ms';\nset local work_mem = '1MB';\nset role anon;",
      "2_b.sql":
        "create table seen as select current_user::text as who, current_setting('search_path') as path, current_setting('statement_timeout') as timeout, current_setting('work_mem') <> '1MB' as memory;",
    };
    await withProject(files, async (project) => {
      await up(project);
      expect(await query(project.url, "select * from seen")).toEqual([
        { who: "postgres", path: '"$user", public, extensions', timeout: "0", memory: true },
      ]);
    });
  });

  it("leaves out psql commands that mean nothing and refuses those that would", async () => {
    const dump = "\\restrict abc\n\ncreate table a (id int);\n\n\\unrestrict abc\n";
    await withProject({ "1_a.sql": dump }, async (project) => {
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied" });
      project.write(
        "supabase/migrations/2_b.sql",
        "create table b (id int);\n\\connect other\ncreate table c (id int);",
      );
      const error = await failure(up(project));
      expect(error).toMatchObject({ code: "psql-command", exit: 2 });
      expect(error.message).toBe("supabase/migrations/2_b.sql:2: \\connect is a command of psql, not SQL.");
    });
  });

  it("accepts an enum value in one migration and its use in the next", async () => {
    const files = {
      "1_kind.sql": "create type kind as enum ('a');\ncreate table things (kind kind);",
      "2_value.sql": "alter type kind add value 'b';",
      "3_use.sql": "insert into things values ('b');",
    };
    await withProject(files, async (project) => {
      await up(project);
      expect(await query(project.url, "select kind::text from things")).toEqual([{ kind: "b" }]);
    });
  });

  it("says which right is missing when the role may not keep the ledger", async () => {
    await withProject(three, async (project) => {
      await query(project.url, "create role nobody_special login password 'secret'");
      const url = project.url.replace("postgres:postgres@", "nobody_special:secret@");
      try {
        project.write(".env", `PANTLER_ENGINE_URL=${url}\n`);
        const error = await failure(up(await project.reopen()));
        expect(error).toMatchObject({ code: "right-missing", exit: 4, sqlstate: "42501" });
        expect(error.message).toContain("The role nobody_special lacks a right: permission denied");
        expect(error.remedy).toContain("have the owner grant the right to nobody_special");
      } finally {
        await query(project.url, "drop role nobody_special");
      }
    });
  });

  it("refuses a protected environment", async () => {
    await withProject(three, async (project) => {
      project.write(".env.production", `DATABASE_URL=${project.url}\n`);
      const production = await project.reopen("production");
      expect(await failure(up(production))).toMatchObject({ code: "environment-protected", exit: 3 });
      expect(await states(project)).toEqual({ 1: "pending", 2: "pending", 3: "pending" });
    });
  });

  it("refuses a pooler in transaction mode and names the address to use", async () => {
    await withProject(three, async (project) => {
      project.write(".env", "PANTLER_ENGINE_URL=postgres://u:p@127.0.0.1:6543/postgres\n");
      const error = await failure(up(await project.reopen()));
      expect(error).toMatchObject({ code: "transaction-pooler", exit: 4 });
      expect(error.remedy).toContain("postgresql://u@127.0.0.1:5432/postgres");
    });
  });
});

describe("drift", () => {
  it("refuses to go on when an applied file was edited, and accepts the edit by repair", async () => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      await up(project);
      project.write("supabase/migrations/1_a.sql", "create table a (id bigint);");
      expect(await states(project)).toEqual({ 1: "changed" });
      project.write("supabase/migrations/2_b.sql", "create table b (id int);");
      expect(await failure(up(project))).toMatchObject({ code: "migration-changed", exit: 3 });
      await repairMigration(project.target, { version: "1", status: "applied" }, project.operation);
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
    });
  });

  it("refuses to go on when an applied file is gone", async () => {
    await withProject(three, async (project) => {
      await up(project, { to: "2" });
      project.remove("supabase/migrations/2_notes.sql");
      expect(await states(project)).toEqual({ 1: "applied", 2: "missing", 3: "pending" });
      const error = await failure(up(project));
      expect(error).toMatchObject({ code: "migration-missing", exit: 3 });
      expect(error.message).toBe("2_notes is applied but its file is gone.");
    });
  });

  it("refuses a pending file older than an applied one unless told otherwise", async () => {
    await withProject({ "2_b.sql": "create table b (id int);" }, async (project) => {
      await up(project);
      project.write("supabase/migrations/1_a.sql", "create table a (id int);");
      expect(await states(project)).toEqual({ 1: "out-of-order", 2: "applied" });
      expect(await failure(up(project))).toMatchObject({ code: "migration-out-of-order", exit: 3 });
      await up(project, { includeAll: true });
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
    });
  });

  it("refuses two files with one version", async () => {
    await withProject({ "1_a.sql": "select 1;", "1_b.sql": "select 2;" }, async (project) => {
      expect(await failure(up(project))).toMatchObject({ code: "version-twice", exit: 2 });
    });
  });

  it("lists what is in the folder but is no migration", async () => {
    await withProject({ "1_a.sql": "select 1;", "notes.txt": "x", "a_1.sql": "x" }, async (project) => {
      expect((await listMigrations(project.target)).ignored).toEqual(["a_1.sql", "notes.txt"]);
    });
  });
});

describe("the circuit breaker", () => {
  it("stops further work after a failure until somebody has looked", async () => {
    await withProject({ "1_a.sql": "select 1 / 0;" }, async (project) => {
      const first = await failure(up(project));
      expect(first.remedy).toBe(
        "Mend the file. Then close the breaker: pantler migration repair 1 --status reverted",
      );
      project.write("supabase/migrations/1_a.sql", "select 1;");
      const second = await failure(up(project));
      expect(second).toMatchObject({ code: "breaker-open", exit: 3 });
      expect(second.detail).toContain("division by zero");
      expect((await listMigrations(project.target)).migrations[0]?.breaker?.status).toBe("failed");
      await repairMigration(project.target, { version: "1", status: "reverted" }, project.operation);
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied" });
    });
  });

  it("stops further work when a phase was left running by hand or by another tool", async () => {
    await withProject({ "1_a.sql": "select 1;", "2_b.sql": "select 2;" }, async (project) => {
      await up(project, { to: "1" });
      await query(project.url, "update pantler.migration_control set status = 'running' where version = '1'");
      const error = await failure(up(project));
      expect(error).toMatchObject({ code: "breaker-open", exit: 3 });
      expect(error.message).toContain("left running");
      await repairMigration(project.target, { version: "1", status: "applied" }, project.operation);
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
    });
  });

  it("marks the failed phase as failed and those of its transaction as rolled back", async () => {
    await withProject(
      { "1_a.sql": "select 1;", "2_b.sql": "select 1 / 0;", "3_c.sql": "select 1;" },
      async (project) => {
        await failure(up(project));
        expect(
          await query(project.url, "select version, status from pantler.migration_control order by version"),
        ).toEqual([
          { version: "1", status: "rolled_back" },
          { version: "2", status: "failed" },
          { version: "3", status: "rolled_back" },
        ]);
      },
    );
  });
});

describe("statements that cannot run in a transaction", () => {
  const files = {
    "1_a.sql": "create table a (id int);\ninsert into a values (1), (1);",
    "2_index.sql": "create index concurrently a_id_idx on a (id);",
    "3_b.sql": "create table b (id int);",
  };

  it("split the deployment and are recorded like any other", async () => {
    await withProject(files, async (project) => {
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "applied" });
      expect(
        await query(project.url, "select indisvalid from pg_index where indexrelid = 'a_id_idx'::regclass"),
      ).toEqual([{ indisvalid: true }]);
      expect(project.events).toContainEqual({
        type: "finding",
        level: "info",
        message: expect.stringContaining("the transaction ends with 1"),
      });
    });
  });

  it("leave no invalid index behind when they fail, and nothing else when they were the first", async () => {
    await withProject(
      { ...files, "2_index.sql": "create unique index concurrently a_id_uq on a (id);" },
      async (project) => {
        const error = await failure(up(project));
        expect(error).toMatchObject({ code: "statement-failed", exit: 5, sqlstate: "23505" });
        expect(error.state).toBe("Nothing of 2_index was done. Done before and staying: 1.");
        expect(await query(project.url, "select to_regclass('a_id_uq')::text as index")).toEqual([
          { index: null },
        ]);
        expect(await states(project)).toEqual({ 1: "applied", 2: "pending", 3: "pending" });
      },
    );
  });

  it("need hands when they stop half-way, and go back by the rollback script", async () => {
    const half =
      "create index concurrently a_id_idx on a (id);\ncreate unique index concurrently a_id_uq on a (id);";
    await withProject({ ...files, "2_index.sql": half }, async (project) => {
      const error = await failure(up(project));
      expect(error).toMatchObject({ code: "statement-failed", exit: 6 });
      expect(error.state).toBe(
        "2_index cannot run in a transaction; 1 of its 2 statements are done and stay. Done before and staying: 1.",
      );
      const refused = await failure(up(project));
      expect(refused).toMatchObject({ code: "breaker-open", exit: 3 });
      expect(refused.state).toBe("It ran outside of a transaction; 1 of its statements are done.");
      project.write("supabase/rollbacks/2_index.sql", "drop index concurrently a_id_idx;");
      await migrateDown(project.target, { count: 1 }, project.operation);
      expect(await query(project.url, "select to_regclass('a_id_idx')::text as index")).toEqual([
        { index: null },
      ]);
      project.write("supabase/migrations/2_index.sql", "create index concurrently a_id_idx on a (id);");
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "applied" });
    });
  });
});

describe("a file that cannot run in a transaction but opens one of its own", () => {
  it("keeps that one or loses it as a whole, and is told so", async () => {
    const file =
      "begin;\ncreate table a (id int);\nselect 1 / 0;\ncommit;\ncreate index concurrently a_idx on a (id);";
    await withProject({ "1_a.sql": file }, async (project) => {
      const error = await failure(up(project));
      expect(error).toMatchObject({ code: "statement-failed", exit: 5, state: "Nothing of 1_a was done." });
      expect(await query(project.url, "select to_regclass('a')::text as a")).toEqual([{ a: null }]);
    });
  });

  it("has it committed where it forgot to", async () => {
    await withProject({ "1_a.sql": "vacuum;\nbegin;\ncreate table a (id int);" }, async (project) => {
      await up(project);
      expect(await query(project.url, "select to_regclass('a')::text as a")).toEqual([{ a: "a" }]);
    });
  });

  it("may change its role without keeping Pantler from its records", async () => {
    const file =
      "create table a (id int);\nset role authenticated;\nselect 1;\nreset role;\ncreate index concurrently a_idx on a (id);";
    await withProject({ "1_a.sql": file }, async (project) => {
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied" });
    });
  });
});

describe("what the project's tables hold", () => {
  it("is not counted, and keeps nobody waiting, when a table is locked by somebody else", async () => {
    await withProject(
      { "1_a.sql": "create table a (id int);", "2_b.sql": "create table b (id int);" },
      async (project) => {
        await up(project, { to: "1" });
        const holder = new pg.Client({ connectionString: project.url });
        await holder.connect();
        try {
          await holder.query("begin; lock table a in access exclusive mode");
          await up(project);
        } finally {
          await holder.end();
        }
        expect(
          await query(
            project.url,
            "select rows_before, rows_after from pantler.migration_control where version = '2'",
          ),
        ).toEqual([{ rows_before: null, rows_after: null }]);
      },
    );
  });
});

describe("a second role that may use the ledger but does not own it", () => {
  it("can deploy", async () => {
    await withProject(
      { "1_a.sql": "create table a (id int);", "2_b.sql": "create table b (id int);" },
      async (project) => {
        await up(project, { to: "1" });
        const role = `deployer_${Date.now()}`;
        await query(
          project.url,
          `create role ${role} login password 'secret';
         grant usage, create on schema public to ${role};
         grant usage on schema supabase_migrations, pantler to ${role};
         grant all on all tables in schema supabase_migrations, pantler to ${role}`,
        );
        try {
          const url = project.url.replace("postgres:postgres@", `${role}:secret@`);
          project.write(".env", `PANTLER_ENGINE_URL=${url}\n`);
          await up(await project.reopen());
          expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
        } finally {
          await query(project.url, `grant ${role} to postgres; drop owned by ${role}; drop role ${role}`);
        }
      },
    );
  });
});

describe("a file that gives away every lock of the session", () => {
  it("is refused with all that ran beside it", async () => {
    await withProject(
      { "1_a.sql": "create table a (id int);\nselect pg_advisory_unlock_all();" },
      async (project) => {
        expect(await failure(up(project))).toMatchObject({ code: "lock-lost", exit: 5 });
        expect(await states(project)).toEqual({ 1: "pending" });
      },
    );
  });
});

describe("the record of an operation", () => {
  it("is a journal only its owner can read", async () => {
    await withProject({ "1_a.sql": "select 1;" }, async (project) => {
      const run = await pantler(["migration", "up", "--json"], { cwd: project.root });
      expect(run.code).toBe(0);
      const folder = join(project.root, ".pantler", "journal");
      const [name = ""] = readdirSync(folder);
      const lines = readFileSync(join(folder, name), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { type: string });
      expect(lines.map(({ type }) => type)).toEqual(["begun", "step-started", "step-ended", "ended"]);
    });
  });
});
