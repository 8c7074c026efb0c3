import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeDrill } from "../../src/backup/drill-record.js";
import { createBackup } from "../../src/backup/index.js";
import {
  drillBackup,
  findBackup,
  isUsable,
  listBackups,
  Operation,
  type OperationEvent,
  openStore,
  pruneBackups,
  verifyBackup,
} from "../../src/index.js";
import { backUp } from "../support/backups.js";
import { type Outcome, runApart, runApartMeanwhile } from "../support/backups-apart.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const day = 24 * 60 * 60 * 1000;
const newestOnly = { daily: 1, weekly: 0, monthly: 0 };
const of = { project: "test", environment: "local" };

async function withGoods(test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    await query(project.url, "create table goods as select 1 as id");
    await test(project);
  });
}

describe("a clock that is set back", () => {
  it("changes nothing about which backup is the newest, the parent of the next, and kept", async () => {
    await withGoods(async (project) => {
      const { root } = project;
      const ids: (string | undefined)[] = [];
      for (const ahead of [0, 3 * day, -2 * day, 9 * day, -9 * day]) {
        ids.unshift((await runApart({ root, action: "create" }, ahead)).id);
      }
      const store = await openStore(project.target.environment.backups.store);
      expect((await listBackups(store)).map(({ id }) => id)).toEqual(ids);
      expect((await findBackup(store, "latest")).id).toBe(ids[0]);
      const child = await backUp(project, { incremental: true });
      expect(child.manifest.parent).toBe(ids[0]);
      expect(project.events).toContainEqual(
        expect.objectContaining({
          level: "warning",
          message: expect.stringMatching(/^the clock was set back/),
        }),
      );
      const { kept } = await pruneBackups(store, of, newestOnly, project.operation);
      expect(kept.map(({ id }) => id)).toEqual([child.id]);
      expect(await verifyBackup(child, project.operation)).toMatchObject({ problems: [] });
    });
  });

  it("lets no drill that was passed before outlive one that found something", async () => {
    await withGoods(async (project) => {
      const backup = await backUp(project);
      const passed = await drillBackup(backup, {}, project.operation);
      const before = new Date(Date.parse(passed.at) - day).toISOString();
      const found = { ...passed, at: before, proven: false, differences: ["the rows of goods differ"] };
      await writeDrill(backup.store, backup.id, found);
      expect(await findBackup(backup.store, backup.id)).toMatchObject({
        proven: false,
        drill: { at: before },
      });
      await writeDrill(backup.store, backup.id, { ...passed, at: before });
      expect(await findBackup(backup.store, backup.id)).toMatchObject({
        proven: true,
        drill: { at: before },
      });
    });
  });
});

describe("a prune whose clock goes wrong while a backup is made", () => {
  it("removes nothing of it when it is behind, and leads to no broken one when it is ahead", async () => {
    await withGoods(async (project) => {
      const { root, target } = project;
      const first = await backUp(project);
      const meanwhile = (ahead: number) => {
        let pruned: Outcome | undefined;
        const operation = new Operation((event: OperationEvent) => {
          if (event.type !== "step-started" || event.title !== "list the backup") return;
          pruned = runApartMeanwhile({ root, action: "prune", retention: newestOnly }, ahead);
        });
        return { operation, outcome: () => pruned };
      };
      const behind = meanwhile(-2 * day);
      const second = await createBackup(target, { incremental: true }, behind.operation);
      expect(behind.outcome()).toMatchObject({ exit: 0, stderr: "" });
      expect(await verifyBackup(second, project.operation)).toMatchObject({ problems: [] });
      const ahead = meanwhile(2 * day);
      const error = await failure(createBackup(target, {}, ahead.operation));
      expect(ahead.outcome()).toMatchObject({ exit: 0, stderr: "" });
      expect(error).toMatchObject({ code: "store-changed", exit: 4 });
      const listed = await listBackups(first.store);
      for (const backup of listed.filter(isUsable)) {
        expect(await verifyBackup(backup, project.operation)).toMatchObject({ problems: [] });
      }
      expect(listed[0]?.id).toBe(second.id);
      expect(readdirSync(join(root, "backups")).filter((name) => !name.startsWith("."))).toEqual(
        expect.arrayContaining(listed.map(({ id }) => id)),
      );
    });
  });
});
