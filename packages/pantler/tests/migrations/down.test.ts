import { describe, expect, it } from "vitest";
import { compareSchemas, migrateDown, migrateUp, repairMigration } from "../../src/index.js";
import { pantler } from "../support/cli.js";
import { failure } from "../support/failure.js";
import { query, schemaOf, states, waitForStatement } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const migrations = {
  "1_users.sql": "create table users (id int primary key, name text);",
  "2_notes.sql": "create table notes (id int primary key, user_id int references users);",
  "3_index.sql": "create index notes_user_idx on notes (user_id);",
};

const rollbacks = {
  "1_users.sql": "drop table users;",
  "2_notes.sql": "drop table notes;",
  "3_index.sql": "drop index notes_user_idx;",
};

async function withApplied(test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject(migrations, async (project) => {
    for (const [name, content] of Object.entries(rollbacks))
      project.write(`supabase/rollbacks/${name}`, content);
    await migrateUp(project.target, {}, project.operation);
    await test(project);
  });
}

const down = (project: TestProject, request: Parameters<typeof migrateDown>[1]) =>
  migrateDown(project.target, request, project.operation);

describe("migration down", () => {
  it("rolls back the newest migration when nothing else is said", async () => {
    await withApplied(async (project) => {
      const { rolledBack } = await down(project, {});
      expect(rolledBack.map(({ version }) => version)).toEqual(["3"]);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "pending" });
    });
  });

  it("rolls back everything newer than --to, newest first", async () => {
    await withApplied(async (project) => {
      const { rolledBack } = await down(project, { to: "1" });
      expect(rolledBack.map(({ version }) => version)).toEqual(["3", "2"]);
      expect(await states(project)).toEqual({ 1: "applied", 2: "pending", 3: "pending" });
    });
  });

  it("comes back to the same schema when the migrations are applied again", async () => {
    await withApplied(async (project) => {
      const before = await schemaOf(project.url);
      await down(project, { count: 3 });
      expect(compareSchemas(before, await schemaOf(project.url))).not.toEqual([]);
      await migrateUp(project.target, {}, project.operation);
      expect(compareSchemas(before, await schemaOf(project.url))).toEqual([]);
    });
  });

  it("keeps everything when one of the scripts fails", async () => {
    await withApplied(async (project) => {
      project.write("supabase/rollbacks/1_users.sql", "drop table strangers;");
      const error = await failure(down(project, { count: 3 }));
      expect(error).toMatchObject({ code: "statement-failed", exit: 5, sqlstate: "42P01" });
      expect(error.message).toMatch(/^supabase\/rollbacks\/1_users\.sql:1:1: /);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "applied" });
      expect(await query(project.url, "select to_regclass('notes')::text as notes")).toEqual([
        { notes: "notes" },
      ]);
    });
  });

  it("is no reason for the circuit breaker when it fails: what it would have rolled back is applied as before", async () => {
    await withApplied(async (project) => {
      project.write("supabase/rollbacks/1_users.sql", "drop table strangers;");
      const error = await failure(down(project, { count: 3 }));
      expect(error.remedy).toBe("Mend the file.");
      expect(await query(project.url, "select distinct status from pantler.migration_control")).toEqual([
        { status: "complete" },
      ]);
      project.write("supabase/rollbacks/1_users.sql", "drop table users;");
      expect((await down(project, { count: 3 })).rolledBack).toHaveLength(3);
    });
  });

  it("killed half-way leaves everything applied, and the next command goes ahead", async () => {
    await withApplied(async (project) => {
      project.write("supabase/rollbacks/2_notes.sql", "drop table notes;\nselect pg_sleep(30);");
      const { code } = await pantler(["migration", "down", "--count", "2"], {
        cwd: project.root,
        onStart: (child) => {
          void waitForStatement(project.url, "%pg_sleep(30)%").then(() => child.kill("SIGKILL"));
        },
      });
      expect(code).toBeNull();
      expect((await migrateUp(project.target, {}, project.operation)).applied).toEqual([]);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "applied" });
      expect(await query(project.url, "select distinct status from pantler.migration_control")).toEqual([
        { status: "complete" },
      ]);
    });
  });

  it("takes the migration that stopped half-way, whatever is newer, and nothing else before it", async () => {
    await withApplied(async (project) => {
      project.write(
        "supabase/migrations/15_half.sql",
        "create index concurrently half_idx on users (name);\nselect 1 / 0;",
      );
      project.write("supabase/rollbacks/15_half.sql", "drop index concurrently half_idx;");
      expect(await failure(migrateUp(project.target, { includeAll: true }, project.operation))).toMatchObject(
        {
          exit: 6,
          remedy:
            "Undo it with pantler migration down; or finish it by hand and run: pantler migration repair 15 --status applied",
        },
      );
      expect(await failure(down(project, { count: 2 }))).toMatchObject({ code: "breaker-open", exit: 3 });
      const { rolledBack } = await down(project, {});
      expect(rolledBack.map(({ version }) => version)).toEqual(["15"]);
      project.remove("supabase/migrations/15_half.sql");
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "applied" });
    });
  });

  it("that stops half-way outside of a transaction can only be finished by hand, and says so", async () => {
    await withApplied(async (project) => {
      project.write(
        "supabase/rollbacks/3_index.sql",
        "drop index concurrently notes_user_idx;\ndrop index concurrently no_such_idx;",
      );
      expect(await failure(down(project, {}))).toMatchObject({
        exit: 6,
        state: "3_index cannot run in a transaction; 1 of its 2 statements are done and stay.",
        remedy: "Finish it by hand and run: pantler migration repair 3 --status reverted",
      });
      expect(await failure(down(project, {}))).toMatchObject({
        code: "breaker-open",
        remedy: "Finish it by hand and run: pantler migration repair 3 --status reverted",
      });
      await repairMigration(project.target, { version: "3", status: "reverted" }, project.operation);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "pending" });
    });
  });

  it("refuses before it begins when a script is missing or unwritten", async () => {
    await withApplied(async (project) => {
      project.write("supabase/rollbacks/2_notes.sql", "-- not written yet\n");
      expect(await failure(down(project, { count: 3 }))).toMatchObject({ code: "nothing-to-run", exit: 2 });
      project.remove("supabase/rollbacks/2_notes.sql");
      const error = await failure(down(project, { count: 3 }));
      expect(error).toMatchObject({ code: "rollback-missing", exit: 2 });
      expect(error.remedy).toBe("Write supabase/rollbacks/2_notes.sql.");
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied", 3: "applied" });
    });
  });

  it("refuses a version that is not applied", async () => {
    await withApplied(async (project) => {
      expect(await failure(down(project, { to: "9" }))).toMatchObject({ code: "version-unknown", exit: 2 });
    });
  });

  it("does nothing where nothing is applied", async () => {
    await withProject(migrations, async (project) => {
      expect((await down(project, { count: 5 })).rolledBack).toEqual([]);
    });
  });
});

describe("migration repair", () => {
  it("writes and removes a ledger row without running SQL", async () => {
    await withProject(migrations, async (project) => {
      await repairMigration(project.target, { version: "1", status: "applied" }, project.operation);
      expect(await states(project)).toEqual({ 1: "applied", 2: "pending", 3: "pending" });
      expect(await query(project.url, "select to_regclass('users')::text as users")).toEqual([
        { users: null },
      ]);
      await repairMigration(project.target, { version: "1", status: "reverted" }, project.operation);
      expect(await states(project)).toEqual({ 1: "pending", 2: "pending", 3: "pending" });
    });
  });

  it("forgets a version whose file is gone", async () => {
    await withApplied(async (project) => {
      project.remove("supabase/migrations/3_index.sql");
      await repairMigration(project.target, { version: "3", status: "reverted" }, project.operation);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
    });
  });

  it("cannot mark a version as applied whose file is gone", async () => {
    await withApplied(async (project) => {
      project.remove("supabase/migrations/3_index.sql");
      const error = await failure(
        repairMigration(project.target, { version: "3", status: "applied" }, project.operation),
      );
      expect(error).toMatchObject({ code: "file-missing", exit: 2 });
    });
  });

  it("refuses a version that nobody knows", async () => {
    await withProject(migrations, async (project) => {
      for (const status of ["applied", "reverted"] as const) {
        const error = await failure(
          repairMigration(project.target, { version: "77", status }, project.operation),
        );
        expect(error).toMatchObject({ code: "version-unknown", exit: 2 });
      }
    });
  });
});
