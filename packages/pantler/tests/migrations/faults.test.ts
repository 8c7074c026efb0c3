import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { migrateUp, repairMigration } from "../../src/index.js";
import { pantler } from "../support/cli.js";
import { failure } from "../support/failure.js";
import { query, states, waitForStatement } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";
import { withProxy } from "../support/proxy.js";
import { sharedDesk } from "../support/shared-server.js";

const slow = {
  "1_a.sql": "create table a (id int);",
  "2_b.sql": "create table b (id int);\nselect pg_sleep(30);",
};

const up = (project: TestProject, signal?: AbortSignal) =>
  migrateUp(project.target, {}, project.operation, signal);

describe("twenty deployments at once on one empty database", () => {
  it("apply each migration once, and those that lose say that another deployment is running", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 8 }, (_, index) => [
        `${index + 1}_t.sql`,
        `create table t${index + 1} (id int);\ninsert into t${index + 1} values (1);`,
      ]),
    );
    await withProject(files, async (project) => {
      const runs = await Promise.all(
        Array.from({ length: 20 }, () => pantler(["migration", "up", "--json"], { cwd: project.root })),
      );
      const winners = runs.filter(({ result }) => (result.applied as unknown[] | undefined)?.length === 8);
      expect(winners).toHaveLength(1);
      for (const { code, result } of runs) {
        if (code === 0) continue;
        expect({ code, error: (result.error as { code: string }).code }).toEqual({
          code: 3,
          error: "deployment-running",
        });
      }
      expect(new Set(Object.values(await states(project)))).toEqual(new Set(["applied"]));
      expect(await query(project.url, "select count(*)::int as count from t1")).toEqual([{ count: 1 }]);
    });
  });
});

describe("a deployment that is interrupted", () => {
  it("by Ctrl-C rolls back, says so, and may be run again at once", async () => {
    await withProject(slow, async (project) => {
      const run = pantler(["migration", "up", "--json"], {
        cwd: project.root,
        onStart: (child) => {
          void waitForStatement(project.url, "%pg_sleep(30)%").then(() => child.kill("SIGINT"));
        },
      });
      const { code, result } = await run;
      expect(code).toBe(5);
      expect(result.error).toMatchObject({
        code: "interrupted",
        state: "Nothing of the 2 migrations was kept; the database is as it was.",
      });
      project.write("supabase/migrations/2_b.sql", "create table b (id int);");
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
    });
  });

  it("by kill -9 leaves nothing half-applied, and the next one goes ahead", async () => {
    await withProject(slow, async (project) => {
      const { code } = await pantler(["migration", "up"], {
        cwd: project.root,
        onStart: (child) => {
          void waitForStatement(project.url, "%pg_sleep(30)%").then(() => child.kill("SIGKILL"));
        },
      });
      expect(code).toBeNull();
      expect(await states(project)).toEqual({ 1: "pending", 2: "pending" });
      project.write("supabase/migrations/2_b.sql", "create table b (id int);");
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
    });
  });
});

describe("an index that is built concurrently", () => {
  const files = {
    "1_a.sql": "create table a (id int);",
    "2_index.sql": "create index concurrently a_id_idx on a (id);",
  };

  async function withOldTransaction(
    project: TestProject,
    work: (old: pg.Client) => Promise<void>,
  ): Promise<void> {
    await migrateUp(project.target, { to: "1" }, project.operation);
    const old = new pg.Client({ connectionString: project.url });
    await old.connect();
    try {
      await old.query("begin; insert into a values (1)");
      await work(old);
    } finally {
      await old.end();
    }
  }

  it("waits for older transactions longer than other statements do, since nobody waits for it", async () => {
    await withProject(files, async (project) => {
      await withOldTransaction(project, async (old) => {
        const applied = up(project);
        await waitForStatement(project.url, "create index concurrently%");
        await sleep(5000);
        await old.query("commit");
        expect((await applied).applied).toHaveLength(1);
      });
    });
  });

  it("is gone after Ctrl-C, and the breaker stays closed", async () => {
    await withProject(files, async (project) => {
      await withOldTransaction(project, async (old) => {
        const run = pantler(["migration", "up", "--json"], {
          cwd: project.root,
          onStart: (child) => {
            void waitForStatement(project.url, "create index concurrently%").then(async () => {
              child.kill("SIGINT");
              await sleep(500);
              await old.query("commit");
            });
          },
        });
        const { code, result } = await run;
        expect({ code, error: result.error }).toMatchObject({
          code: 5,
          error: { code: "interrupted", state: "Nothing of 2_index was done." },
        });
      });
      expect(await query(project.url, "select to_regclass('a_id_idx')::text as index")).toEqual([
        { index: null },
      ]);
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
    });
  });
});

describe("a connection that is lost", () => {
  it("in the middle of a statement leaves everything as it was", async () => {
    await withProject(slow, async (project) => {
      const error = failure(up(project));
      const pid = await waitForStatement(project.url, "%pg_sleep(30)%");
      await query(project.url, "select pg_terminate_backend($1)", [pid]);
      expect(await error).toMatchObject({
        code: "connection-lost",
        exit: 4,
        state: "Nothing of the 2 migrations was kept; the database is as it was.",
      });
      expect(await states(project)).toEqual({ 1: "pending", 2: "pending" });
      project.write("supabase/migrations/2_b.sql", "create table b (id int);");
      await up(project);
      expect(await states(project)).toEqual({ 1: "applied", 2: "applied" });
    });
  });

  it.each([
    ["after the server had it counts as done, since the ledger says so", true],
    ["before the server had it counts as not done, since the ledger says so", false],
  ])("at the commit, %s", async (_, after) => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      await withProxy(project.url, async (proxy) => {
        project.write(".env", `PANTLER_ENGINE_URL=${proxy.url}\n`);
        const through = await project.reopen();
        proxy.cutAt("commit\0", after);
        if (after) {
          expect((await up(through)).applied).toHaveLength(1);
          expect(await states(project)).toEqual({ 1: "applied" });
        } else {
          expect(await failure(up(through))).toMatchObject({ code: "connection-lost", exit: 4 });
          expect(await states(project)).toEqual({ 1: "pending" });
        }
      });
    });
  });
});

describe("a connection that is lost during a long commit", () => {
  const slowCommit = {
    "1_a.sql": `create table a (id int);
create function linger() returns trigger language plpgsql as $$ begin perform pg_sleep(3); return null; end $$;
create constraint trigger linger after insert on a deferrable initially deferred for each row execute function linger();
insert into a values (1);`,
  };

  it("is followed by a look at the ledger once the server has ended it", async () => {
    await withProject(slowCommit, async (project) => {
      await withProxy(project.url, async (proxy) => {
        project.write(".env", `PANTLER_ENGINE_URL=${proxy.url}\n`);
        const through = await project.reopen();
        proxy.cutAt("commit\0", true);
        expect((await up(through)).applied).toHaveLength(1);
        expect(await states(project)).toEqual({ 1: "applied" });
        expect(await query(project.url, "select status from pantler.migration_control")).toEqual([
          { status: "complete" },
        ]);
      });
    });
  });

  it("says that the outcome is not known when the server cannot be asked", async () => {
    await withProject(slowCommit, async (project) => {
      await withProxy(project.url, async (proxy) => {
        project.write(".env", `PANTLER_ENGINE_URL=${proxy.url}\n`);
        const through = await project.reopen();
        proxy.cutAt("commit\0", true, true);
        expect(await failure(up(through))).toMatchObject({
          code: "commit-unknown",
          exit: 6,
          state: "Either everything was done or nothing was.",
        });
      });
    });
  });
});

/** Mounting a small file system takes root, which the tests have in CI. */
const canMount = process.platform === "linux" && process.getuid?.() === 0;

describe("a disk that is full", () => {
  it.runIf(canMount)(
    "fails the migration, keeps nothing of it, and leaves a database that works",
    async () => {
      const disk = mkdtempSync(join(tmpdir(), "pantler-disk-"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
      try {
        const files = {
          "1_small.sql": "create table small (id int);",
          "2_big.sql":
            "create table big (body text) tablespace full_disk;\ninsert into big select repeat(md5(n::text), 20) from generate_series(1, 20000) as n;",
        };
        await withProject(files, async (project) => {
          // Not the template database: a session in it would keep other tests from copying it.
          const superuser = inject("superuserUrl").replace(/postgres$/, sharedDesk);
          const [row] = await query(superuser, "select current_setting('data_directory') as folder");
          const { uid, gid } = statSync(String(row?.folder));
          chownSync(disk, uid, gid);
          await query(superuser, `create tablespace full_disk owner postgres location '${disk}'`);
          try {
            const error = await failure(up(project));
            expect(error).toMatchObject({ code: "statement-failed", exit: 5, sqlstate: "53100" });
            expect(error.message).toContain("supabase/migrations/2_big.sql:2:1: could not extend file");
            expect(await states(project)).toEqual({ 1: "pending", 2: "pending" });
            await repairMigration(project.target, { version: "2", status: "reverted" }, project.operation);
            await migrateUp(project.target, { to: "1" }, project.operation);
            expect(await states(project)).toEqual({ 1: "applied", 2: "pending" });
          } finally {
            await query(superuser, "drop tablespace full_disk");
          }
        });
      } finally {
        execFileSync("umount", [disk]);
        rmdirSync(disk);
      }
    },
  );
});

describe("a lock that is not granted", () => {
  const files = { "1_a.sql": "create table a (id int);", "2_b.sql": "alter table a add column b int;" };

  async function withHeldTable(
    project: TestProject,
    work: (holder: pg.Client) => Promise<void>,
  ): Promise<void> {
    const holder = new pg.Client({ connectionString: project.url });
    await holder.connect();
    try {
      await holder.query("begin");
      await holder.query("select count(*) as held_by_the_test from a");
      await work(holder);
    } finally {
      await holder.end();
    }
  }

  it("is waited for in short turns, between which others can work, until it is", async () => {
    await withProject(files, async (project) => {
      await migrateUp(project.target, { to: "1" }, project.operation);
      await withHeldTable(project, async (holder) => {
        const run = pantler(["migration", "up"], { cwd: project.root });
        await waitForStatement(project.url, "alter table a add column b int");
        await sleep(4500);
        await holder.query("commit");
        const { code, stdout, stderr } = await run;
        expect([code, stdout]).toEqual([0, "1 migration applied to local.\n"]);
        expect(stderr).toContain("a lock was not granted; trying again in");
      });
    });
  });
});
