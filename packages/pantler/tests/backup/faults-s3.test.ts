import { describe, expect, it } from "vitest";
import {
  type Backup,
  drillBackup,
  findBackup,
  isUsable,
  listBackups,
  openStore,
  pruneBackups,
  type Store,
  verifyBackup,
} from "../../src/index.js";
import { backUp, restore } from "../support/backups.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { trialSeed } from "../support/kill-trials.js";
import { changeGoods, changePantry, contentOf, fillPantry } from "../support/pantry.js";
import { type TestProject, withProject } from "../support/project.js";
import { type S3Server, withS3Server } from "../support/s3-server.js";

interface Bucket {
  readonly project: TestProject;
  readonly server: S3Server;
  readonly store: Store;
}

/** Runs a test with a project whose backups are kept in a bucket. */
async function withBucket(test: (bucket: Bucket) => Promise<void>): Promise<void> {
  await withS3Server(async (server) => {
    await withProject({}, async (bare) => {
      const backups = { store: `s3://${server.bucket}/pantry`, endpoint: server.endpoint };
      bare.write("pantler.config.json", JSON.stringify({ backups }));
      const project = await bare.reopen();
      await fillPantry(project.url);
      await test({ project, server, store: await openStore(project.target.environment.backups.store) });
    });
  });
}

async function listed({ store, project }: Bucket): Promise<Backup[]> {
  const all = await listBackups(store);
  const backups = all.filter(isUsable);
  expect(backups).toHaveLength(all.length);
  for (const backup of backups) {
    expect(await verifyBackup(backup, project.operation)).toMatchObject({ problems: [] });
  }
  return backups;
}

async function prune({ store, project }: Bucket): Promise<readonly string[]> {
  const of = { project: project.target.project.name, environment: "local" };
  const newestOnly = { daily: 1, weekly: 0, monthly: 0 };
  return (await pruneBackups(store, of, newestOnly, project.operation)).removed;
}

/** Requests that write a file of an archive, by its name. */
const writes =
  (name: string) =>
  ({ method, path }: { method: string; path: string }) =>
    method === "PUT" && path.includes(name);

describe("backups in a bucket whose service misbehaves", () => {
  it("are made, drilled, restored and pruned all the same when it is busy, or cuts what goes up and down", async () => {
    await withBucket(async (bucket) => {
      const { project, server } = bucket;
      const content = await contentOf(project.url);
      server.faults.answer(503, "SlowDown", { times: 2 });
      server.faults.answer(500, "InternalError", { times: 2, when: writes("schema.pre.sql") });
      server.faults.cutUploads(100, 3);
      server.faults.loseAnswer(writes("manifest.json"));
      const backup = await backUp(project);
      expect((await listed(bucket)).map(({ id }) => id)).toEqual([backup.id]);
      server.faults.answer(503, "SlowDown", { times: 1 });
      server.faults.cutDownloads(200, 3);
      expect(await drillBackup(backup, {}, project.operation)).toMatchObject({ proven: true });
      await changePantry(project.url);
      server.faults.cutDownloads(300, 3);
      await restore(project, backup);
      expect(await contentOf(project.url)).toBe(content);
      server.faults.cutUploads(50, 2);
      const child = await backUp(project, { incremental: true });
      expect(child.manifest.parent).toBe(backup.id);
      server.faults.answer(503, "ServiceUnavailable", {
        times: 2,
        when: ({ method }) => method === "DELETE",
      });
      // The newest proven one stays.
      expect(await prune(bucket)).toEqual([]);
      await drillBackup(child, {}, project.operation);
      expect(await prune(bucket)).toEqual([backup.id]);
      await withDatabaseUrl(async (url) => {
        await restore(project, child, {}, url);
        expect(await contentOf(url)).toBe(content);
      });
    });
  }, 120_000);

  it("are not listed when it refuses a file, goes on being busy or keeps cutting, whichever file it is", async () => {
    await withBucket(async (bucket) => {
      const { project, server, store } = bucket;
      const kept = await backUp(project);
      const trials = [
        ["data/", "refuses", "store-refused"],
        ["schema.post.sql", "refuses", "store-refused"],
        ["manifest.json", "refuses", "store-refused"],
        ["pending.json", "refuses", "store-refused"],
        ["restore.sql", "is full", "store-full"],
        ["roles.sql", "loses bytes", "store-incomplete"],
      ] as const;
      for (const [name, what, code] of trials) {
        const when = writes(name);
        if (what === "refuses") server.faults.answer(403, "AccessDenied", { when });
        if (what === "is full") server.faults.answer(507, "XMinioStorageFull", { when });
        if (what === "loses bytes") server.faults.loseBytes(1);
        const error = await failure(backUp(project, { incremental: name === "pending.json" }));
        expect(error, name).toMatchObject({ code, exit: 4 });
        server.faults.none();
        expect((await listed(bucket)).map(({ id }) => id)).toEqual([kept.id]);
        expect(await store.folders(), name).toEqual([kept.id]);
      }
      expect(server.unfinishedUploads()).toEqual([]);
    });
  }, 120_000);

  it("are listed when it lets nothing be removed, and stay whole when a prune is refused", async () => {
    await withBucket(async (bucket) => {
      const { project, server } = bucket;
      server.faults.answer(403, "AccessDenied", { when: ({ method }) => method === "DELETE" });
      const first = await backUp(project);
      await changeGoods(project.url);
      const second = await backUp(project, { incremental: true });
      expect((await listed(bucket)).map(({ id }) => id)).toEqual([second.id, first.id]);
      expect(project.events).toContainEqual(expect.objectContaining({ type: "finding", level: "warning" }));
      expect(await failure(prune(bucket))).toMatchObject({ code: "store-refused", exit: 4 });
      expect((await listed(bucket)).map(({ id }) => id)).toEqual([second.id, first.id]);
      server.faults.none();
      expect(await prune(bucket)).toEqual([first.id]);
      expect((await listed(bucket)).map(({ id }) => id)).toEqual([second.id]);
    });
  });

  it("keep their proof, and the database what it holds, when it cannot be reached", async () => {
    await withBucket(async (bucket) => {
      const { project, server, store } = bucket;
      const backup = await backUp(project);
      await drillBackup(backup, {}, project.operation);
      const content = await contentOf(project.url);
      server.faults.answer(403, "AccessDenied", { when: ({ path }) => path.includes("data/public.goods") });
      expect(await failure(drillBackup(backup, {}, project.operation))).toMatchObject({
        code: "store-refused",
      });
      expect(await failure(restore(project, backup))).toMatchObject({ code: "store-refused" });
      await withDatabaseUrl(async (url) => {
        const empty = await contentOf(url);
        expect(await failure(restore(project, backup, {}, url))).toMatchObject({ code: "store-refused" });
        expect(await contentOf(url)).toBe(empty);
      });
      server.faults.none();
      expect(await contentOf(project.url)).toBe(content);
      expect((await findBackup(store, backup.id)).proven).toBe(true);
    });
  });
});

describe("several at work in one bucket at once", () => {
  it("each list a whole backup of their own, whatever a prune removes meanwhile", async () => {
    const { random } = trialSeed();
    await withBucket(async (bucket) => {
      const { project } = bucket;
      await backUp(project);
      for (let round = 0; round < 3; round += 1) {
        await changeGoods(project.url);
        const later = async (work: () => Promise<unknown>) => {
          await new Promise((resolve) => setTimeout(resolve, random() * 600));
          await work();
        };
        await Promise.all([
          later(() => backUp(project, { incremental: true })),
          later(() => backUp(project, { incremental: true })),
          later(() => prune(bucket)),
          later(() => prune(bucket)),
        ]);
        expect((await listed(bucket)).length).toBeGreaterThan(0);
      }
      const content = await contentOf(project.url);
      await changePantry(project.url);
      await restore(project, await findBackup(bucket.store, "latest"));
      expect(await contentOf(project.url)).toBe(content);
    });
  }, 120_000);
});
