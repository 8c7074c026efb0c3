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
import { query, states } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";
import { withProxy } from "../support/proxy.js";

const slow = {
  "1_a.sql": "create table a (id int);",
  "2_b.sql": "create table b (id int);\nselect pg_sleep(30);",
};

/** Waits until some session of the database runs a statement like this. */
async function waitForStatement(url: string, like: string): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const [row] = await query(
      url,
      `select pid from pg_stat_activity
       where datname = current_database() and query like $1 and pid <> pg_backend_pid() and state = 'active'`,
      [like],
    );
    if (row) return Number(row.pid);
    await sleep(25);
  }
  throw new Error(`no session runs ${like}`);
}

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
          const superuser = inject("superuserUrl").replace(/postgres$/, "template1");
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
        const applied = up(project);
        await waitForStatement(project.url, "alter table a add column b int");
        await sleep(4500);
        await holder.query("commit");
        expect((await applied).applied).toHaveLength(1);
        expect(project.events).toContainEqual({
          type: "finding",
          level: "warning",
          message: expect.stringContaining("a lock was not granted; trying again in"),
        });
      });
    });
  });

  it("ends the deployment in time, naming who holds it", async () => {
    await withProject(files, async (project) => {
      await migrateUp(project.target, { to: "1" }, project.operation);
      await withHeldTable(project, async () => {
        const error = await failure(up(project));
        expect(error).toMatchObject({ code: "statement-failed", exit: 5, sqlstate: "55P03" });
        expect(error.detail).toMatch(
          /blocked by process \d+ \(postgres, idle in transaction\): select count\(\*\) as held_by_the_test from a/,
        );
        expect(await states(project)).toEqual({ 1: "applied", 2: "pending" });
      });
    });
  });
});
