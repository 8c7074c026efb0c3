import { describe, expect, it } from "vitest";
import { recordBegun } from "../../src/deploy/deployments.js";
import { repairMigration } from "../../src/index.js";
import { Operation } from "../../src/operation/index.js";
import { withClient } from "../../src/postgres/index.js";
import { standingOf } from "../support/deploy-standing.js";
import { failure } from "../support/failure.js";
import { waitForStatement } from "../support/inspect.js";
import { type Production, withProduction } from "../support/production.js";

const version = "20260203000000";

const index = {
  [`migrations/${version}_index.sql`]:
    "create index concurrently jars_label_idx on public.jars (label);\ncreate index concurrently jars_id_idx on public.jars (id);",
};

const backup = "20260203T000000Z-abcdef";

/** Leaves what a deployment leaves whose process is killed after it began. */
async function leaveRunning(
  { target }: Production,
  id: string,
  migrations: readonly string[],
): Promise<void> {
  const environment = target.environment.name;
  const begun = { id, environment, commit: undefined, migrations, backup };
  await withClient(target.url, (client) =>
    recordBegun(client, { ...begun, schemaBefore: "0", schemaAfter: undefined }, []),
  );
}

/** The same for one that was killed between two statements outside of a transaction. */
async function leaveHalfDone(production: Production): Promise<void> {
  await leaveRunning(production, "killed", [version]);
  await production.sql("create index jars_label_idx on jars (label)");
  await production.sql(
    `insert into pantler.migration_control (version, phase_number, name, status, transactional, statements_done)
    values ('${version}', 2, 'index', 'running', false, 1)`,
  );
}

describe("a deployment that is recorded as running and belongs to nobody", () => {
  it("is recorded as applied when everything is, and as unchanged when nothing is", async () => {
    await withProduction({}, async (production) => {
      await leaveRunning(production, "finished", ["20260101000000"]);
      await leaveRunning(production, "rolled-back", ["20250101000000"]);
      await leaveRunning(production, "between", ["20250101000000", "20260101000000"]);
      const result = await production.deploy();
      const settled = [
        { id: "finished", outcome: "applied" },
        { id: "rolled-back", outcome: "unchanged" },
        { id: "between", outcome: "interrupted" },
      ];
      expect(result).toMatchObject({ outcome: "nothing-pending", settled });
      expect((await standingOf(production)).deployments).toMatchObject(settled);
      expect((await production.deploy()).settled).toEqual([]);
    });
  });

  it("and stopped half-way is undone by its rollback script, and deployed anew", async () => {
    const undoable = {
      ...index,
      [`rollbacks/${version}_index.sql`]:
        "drop index if exists public.jars_label_idx;\ndrop index if exists public.jars_id_idx;",
    };
    await withProduction(undoable, async (production) => {
      await leaveHalfDone(production);
      const result = await production.deploy();
      expect(result).toMatchObject({
        outcome: "applied",
        settled: [{ id: "killed", outcome: "unchanged" }],
      });
      expect(production.events).toContainEqual({
        type: "finding",
        level: "warning",
        message: `the deployment killed ended half-way through ${version}, which is undone`,
      });
      expect(await standingOf(production)).toMatchObject({
        ledger: [version],
        halfDone: undefined,
        deployments: [{ outcome: "unchanged" }, { outcome: "applied" }],
      });
    });
  });

  it("and stopped half-way without a rollback script is left to a person, who is told what to run", async () => {
    await withProduction(index, async (production) => {
      await leaveHalfDone(production);
      const before = await standingOf(production);
      const error = await failure(production.deploy());
      expect(error).toMatchObject({ code: "deployment-half-done", exit: 6 });
      expect(error.message).toContain("has no rollback script");
      expect(error.remedy).toContain(`pantler migration repair ${version} --status applied|reverted`);
      expect(error.remedy).toContain(`pantler restore ${backup} --env production`);
      expect(await standingOf(production)).toEqual(before);
      await production.sql("create index jars_id_idx on jars (id)");
      await repairMigration(production.target, { version, status: "applied" }, new Operation());
      expect(await production.deploy()).toMatchObject({
        outcome: "nothing-pending",
        settled: [{ id: "killed", outcome: "applied" }],
      });
    });
  });

  it("and stopped half-way stays so when its rollback script fails, however often that is tried", async () => {
    const rollback = `rollbacks/${version}_index.sql`;
    const failing = "drop index public.jars_label_idx;\ndrop index public.jars_id_idx;";
    await withProduction({ ...index, [rollback]: failing }, async (production) => {
      await leaveHalfDone(production);
      const before = await standingOf(production);
      for (let time = 0; time < 2; time += 1) {
        const error = await failure(production.deploy());
        expect(error).toMatchObject({ code: "deployment-half-done", exit: 6 });
        expect(error.message).toContain('index "jars_id_idx" does not exist');
        expect(await standingOf(production)).toEqual(before);
      }
    });
  });

  it("and stopped half-way is undone by the next one when the undoing was cut off as well", async () => {
    const rollback = `rollbacks/${version}_index.sql`;
    await withProduction(
      { ...index, [rollback]: "drop index public.jars_label_idx;\nselect pg_sleep(60);" },
      async (production) => {
        await leaveHalfDone(production);
        const before = await standingOf(production);
        const deployed = failure(production.deploy());
        const pid = await waitForStatement(production.url, "%pg_sleep(60)%", 2000);
        await production.sql(`select pg_terminate_backend(${pid})`);
        expect(await deployed).toMatchObject({ code: "connection-lost", exit: 4 });
        expect(await standingOf(production)).toEqual(before);
        production.write(`supabase/${rollback}`, "drop index public.jars_label_idx;");
        const error = await failure(production.deploy());
        // It is found out in the rehearsal that the script leaves the other index.
        expect(error).toMatchObject({ code: "rollback-wrong", exit: 3 });
        expect(await standingOf(production)).toMatchObject({
          ledger: [],
          halfDone: undefined,
          deployments: [{ outcome: "unchanged" }],
        });
      },
    );
  });
});
