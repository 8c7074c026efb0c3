import pg from "pg";
import { describe, expect, it } from "vitest";
import { migrateUp } from "../../src/index.js";
import { backUp, restore } from "../support/backups.js";
import { failure } from "../support/failure.js";
import { states } from "../support/inspect.js";
import { changePantry, contentOf, fillPantry } from "../support/pantry.js";
import { withProduction } from "../support/production.js";
import { withProject } from "../support/project.js";

/** Has a session of somebody else hold a table while work goes on. */
async function whileHeld(url: string, statement: string, work: () => Promise<void>): Promise<void> {
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  try {
    await holder.query(`begin; ${statement}`);
    await work();
  } finally {
    await holder.end();
  }
}

// They do little but wait, so they wait together.
describe.concurrent("a table that somebody keeps for half a minute", () => {
  it("ends a migration in time, and who holds it is named", async () => {
    const files = { "1_a.sql": "create table a (id int);", "2_b.sql": "alter table a add column b int;" };
    await withProject(files, async (project) => {
      await migrateUp(project.target, { to: "1" }, project.operation);
      await whileHeld(project.url, "select count(*) as held_by_the_test from a", async () => {
        const error = await failure(migrateUp(project.target, {}, project.operation));
        expect(error).toMatchObject({ code: "statement-failed", exit: 5, sqlstate: "55P03" });
        expect(error.detail).toMatch(
          /blocked by process \d+ \(postgres, idle in transaction\): .*select count\(\*\) as held_by_the_test from a/,
        );
        expect(await states(project)).toEqual({ 1: "applied", 2: "pending" });
      });
    });
  }, 90_000);

  it("ends a restore, which leaves everything as it was", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const backup = await backUp(project);
      await changePantry(project.url);
      const content = await contentOf(project.url);
      await whileHeld(
        project.url,
        "lock table goods in access share mode; select 'I am the holder'",
        async () => {
          const error = await failure(restore(project, backup));
          expect(error).toMatchObject({ code: "lock-not-granted", exit: 5 });
          expect(error.detail).toMatch(
            /^blocked by process \d+ \(postgres, idle in transaction\): .*I am the holder/,
          );
        },
      );
      expect(await contentOf(project.url)).toBe(content);
    });
  }, 90_000);

  it("ends a deployment, which can be made once it is given back", async () => {
    const note = { "migrations/20260202000000_note.sql": "alter table public.jars add column note text;" };
    await withProduction(note, async (production) => {
      let release = async () => {};
      const error = await failure(
        production.deploy({
          confirm: async ({ phrase }) => {
            release = await production.holdTable("jars");
            return phrase;
          },
        }),
      );
      await release();
      expect(error).toMatchObject({ code: "lock-not-granted", exit: 5 });
      expect(error.detail).toMatch(
        /blocked by process \d+ \(postgres, idle in transaction\): begin; lock table jars/,
      );
      expect(await production.deploy()).toMatchObject({ outcome: "applied" });
    });
  }, 90_000);
});
