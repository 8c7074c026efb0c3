import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { renderSealed } from "../../src/backup/archive/sealed-json.js";
import { createBackup } from "../../src/backup/index.js";
import {
  type Backup,
  drillBackup,
  findBackup,
  isUsable,
  listBackups,
  Operation,
  type OperationEvent,
  openStore,
  pruneBackups,
  type Store,
  verifyBackup,
} from "../../src/index.js";
import { rewriteManifest } from "../support/backup-damage.js";
import { backUp, restore } from "../support/backups.js";
import { runApart } from "../support/backups-apart.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { trialSeed } from "../support/kill-trials.js";
import { changeGoods, contentOf, fillPantry } from "../support/pantry.js";
import { type TestProject, withProject } from "../support/project.js";

const newestOnly = { daily: 1, weekly: 0, monthly: 0 };

async function prune({ target, operation }: TestProject): Promise<readonly string[]> {
  const store = await openStore(target.environment.backups.store);
  const of = { project: target.project.name, environment: target.environment.name };
  return (await pruneBackups(store, of, newestOnly, operation)).removed;
}

/** What is wrong with the backups that are listed; nothing when each is whole. */
async function listedProblems({ target, operation }: TestProject): Promise<string[]> {
  const listed = await listBackups(await openStore(target.environment.backups.store));
  const problems = listed.map(async (backup) =>
    isUsable(backup) ? (await verifyBackup(backup, operation)).problems : [backup.problem.message],
  );
  return (await Promise.all(problems)).flat();
}

/** Does work while something happens right when a step begins. */
function whenStep(title: string, act: () => void): Operation {
  return new Operation((event: OperationEvent) => {
    if (event.type === "step-started" && event.title === title) act();
  });
}

/** Mounting a small file system takes root, which the tests have in CI. */
const isRoot = process.platform === "linux" && process.getuid?.() === 0;

/** Runs a test with a project whose backups are on a disk of their own, of a megabyte. */
async function withSmallDisk(
  test: (project: TestProject, disk: string, leave: (bytes: number) => void) => Promise<void>,
): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), "pantler-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
  const leave = (bytes: number) => {
    rmSync(join(disk, "ballast"), { force: true });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, "ballast"), Buffer.alloc(bavail * bsize - bytes));
  };
  try {
    await withProject({}, async (bare) => {
      bare.write("pantler.config.json", JSON.stringify({ backups: { store: join(disk, "backups") } }));
      await test(await bare.reopen(), disk, leave);
    });
  } finally {
    execFileSync("umount", ["--lazy", disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}

describe.runIf(isRoot)("a disk that is full (to mount one takes root)", () => {
  it("keeps the backups that are on it, lists none that does not fit, and can be pruned", async () => {
    const { seed, random } = trialSeed();
    await withSmallDisk(async (project, disk, leave) => {
      await fillPantry(project.url);
      const kept = await backUp(project);
      const needed = 1.02 * (await storedBytes(kept));
      for (let trial = 0; trial < 12; trial += 1) {
        const left = Math.floor(random() * needed);
        leave(left);
        const request = [{}, { incremental: true }, { passphrase: "a jar of honey" }][trial % 3];
        const made = await backUp(project, request).catch((error: unknown) => error);
        if (made instanceof Error) expect(made).toMatchObject({ code: "store-full", exit: 4 });
        const present = readdirSync(join(disk, "backups")).filter((name) => name !== ".gitignore");
        const listed = await listBackups(kept.store);
        expect(listed.map(({ id }) => id).sort(), `TRIAL_SEED=${seed}, ${left} bytes left`).toEqual(present);
        expect(listed).toHaveLength(made instanceof Error ? 1 : 2);
        expect(await listedProblems(project)).toEqual([]);
        if (listed.length > 1) rmSync(join(disk, "backups", String(listed[0]?.id)), { recursive: true });
      }
      leave(1_000);
      rmSync(join(disk, "ballast"));
      const newest = await backUp(project);
      leave(0);
      const undrilled = await failure(drillBackup(newest, {}, project.operation));
      expect(undrilled).toMatchObject({ code: "store-full", exit: 4 });
      expect((await findBackup(newest.store, newest.id)).proven).toBe(false);
      expect(await prune(project)).toEqual([kept.id]);
      expect(await listedProblems(project)).toEqual([]);
    });
  }, 120_000);
});

async function storedBytes({ store, id }: Backup): Promise<number> {
  // A disk keeps files in whole blocks.
  return (await store.list(id)).reduce((sum, { bytes }) => sum + Math.ceil(bytes / 4096) * 4096, 0);
}

describe("a store whose files go away while a backup is made", () => {
  it("gets no backup that lacks them, whether it is the whole store or a single file", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const { store } = await backUp(project);
      const folder = store.folder ?? "";
      const unlisted = () =>
        existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")) : [];
      for (const step of ["read the schema", "list the backup"]) {
        for (const what of ["store", "file"]) {
          const before = unlisted();
          const operation = whenStep(step, () => {
            const [made = ""] = unlisted().filter((name) => !before.includes(name));
            const path = what === "store" ? folder : join(folder, made, "data/public.goods.copy.gz");
            rmSync(path, { recursive: true });
          });
          const error = await failure(createBackup(project.target, {}, operation));
          expect(error).toMatchObject({ code: "store-changed", exit: 4 });
          expect(unlisted()).toEqual(what === "store" ? [] : before);
        }
      }
      await backUp(project);
      expect(await listedProblems(project)).toEqual([]);
    });
  });

  it("has rows copied anew that an incremental one would have referred to", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const parent = await backUp(project);
      rmSync(join(parent.store.folder ?? "", parent.id, "data/public.suppliers.copy.gz"));
      const child = await backUp(project, { incremental: true });
      const shared = child.manifest.tables.filter(({ files }) => files[0]?.backup === parent.id);
      expect(shared.map(({ name }) => name)).not.toContain("suppliers");
      expect(shared.map(({ name }) => name)).toContain("goods");
      expect(await verifyBackup(child, project.operation)).toMatchObject({ problems: [] });
    });
  });
});

describe("files of a store that cannot be read", () => {
  it("are told of, one archive at a time, and the others are listed", async () => {
    await withProject({}, async (project) => {
      await query(project.url, "create table goods (id int)");
      const [first, second, third] = [await backUp(project), await backUp(project), await backUp(project)];
      await drillBackup(third, {}, project.operation);
      const folder = first.store.folder ?? "";
      const of = (backup: Backup, name: string) => join(folder, backup.id, name);
      const record = readdirSync(join(folder, third.id)).find((name) => name.startsWith("drill-")) ?? "";
      const closed = [of(first, "manifest.json"), of(second, "schema.pre.sql"), of(third, record)];
      await asNobody(folder, closed, async () => {
        const listed = await listBackups(first.store);
        expect(listed.map(({ id }) => id)).toEqual([third.id, second.id, first.id]);
        expect(listed.at(-1)).toMatchObject({ problem: { code: "store-unreadable" } });
        expect(listed[0]).toMatchObject({ proven: false, drill: undefined });
        const { problems } = await verifyBackup(second, project.operation);
        expect(problems).toHaveLength(1);
        expect(await failure(restore(project, second))).toMatchObject({ code: "store-unreadable", exit: 4 });
      });
      expect((await findBackup(third.store, third.id)).proven).toBe(true);
    });
  });
});

/** Runs work without the right to read some files, which root gives up meanwhile. */
async function asNobody(folder: string, closed: readonly string[], work: () => Promise<void>): Promise<void> {
  const nobody = 65_534;
  chmodSync(join(folder, ".."), 0o755);
  if (isRoot) execFileSync("chown", ["-R", String(nobody), folder]);
  for (const path of closed) chmodSync(path, 0o000);
  try {
    if (isRoot) process.seteuid?.(nobody);
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
    for (const path of closed) chmodSync(path, 0o600);
  }
}

describe("several at work in one store at once", () => {
  it("each list a whole backup of their own", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const content = await contentOf(project.url);
      const job = { root: project.root, action: "create" } as const;
      const apart = [runApart(job), runApart({ ...job, create: { incremental: true } })];
      const inside = [backUp(project), backUp(project, { incremental: true })];
      const ids = [...(await Promise.all(apart)), ...(await Promise.all(inside))].map(({ id }) => id);
      const listed = await listBackups(await openStore(project.target.environment.backups.store));
      expect(listed.map(({ id }) => id).sort()).toEqual(ids.sort());
      expect(await listedProblems(project)).toEqual([]);
      for (const backup of listed.filter(isUsable)) {
        await restore(project, backup);
        expect(await contentOf(project.url)).toBe(content);
      }
    });
  });

  it("take no file from a backup that one of them makes while another one prunes its parent", async () => {
    const { seed, random } = trialSeed();
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      await backUp(project);
      const outcomes = new Set<string>();
      for (let round = 0; round < 8; round += 1) {
        await changeGoods(project.url);
        const later = async <Result>(work: () => Promise<Result>) => {
          await sleep(random() * 500);
          return await work();
        };
        const [child] = await Promise.all([
          later(() => backUp(project, { incremental: true })),
          later(() => backUp(project, { incremental: true })),
          ...Array.from({ length: 4 }, () => later(() => prune(project))),
          later(() => sleep(300)).then(() => prune(project)),
        ]);
        outcomes.add(child.manifest.parent === undefined ? "alone" : "child");
        expect(await listedProblems(project), `TRIAL_SEED=${seed}, round ${round}`).toEqual([]);
      }
      const newest = await findBackup(await openStore(project.target.environment.backups.store), "latest");
      const content = await contentOf(project.url);
      await withDatabaseUrl(async (url) => {
        await restore(project, newest, {}, url);
        expect(await contentOf(url)).toBe(content);
      });
    });
  }, 120_000);

  it("take none whichever of their steps come first", async () => {
    await withProject({}, async (project) => {
      await query(project.url, "create table goods as select 1 as id");
      const parent = await backUp(project);
      const child = await backUp(project, { incremental: true });
      await backUp(project);
      const folder = child.store.folder ?? "";
      rewriteManifest(folder, child.id, () => ({ sequence: 9 }));
      const [manifest, aside] = [join(folder, child.id, "manifest.json"), join(project.root, "aside.json")];
      renameSync(manifest, aside);
      const claim = join(folder, child.id, "pending.json");
      writeFileSync(claim, renderSealed({ backups: [parent.id] }));
      const spare = join(project.root, "spare");
      cpSync(folder, spare, { recursive: true });
      let steps = 1;
      for (let at = 0; at < steps; at += 1) {
        rmSync(folder, { recursive: true });
        cpSync(spare, folder, { recursive: true });
        // The creation ends, as it does: its manifest is there, then its claim is not.
        const store = withStep(child.store, at, () => {
          cpSync(aside, manifest);
          rmSync(claim);
        });
        const of = { project: "test", environment: "local" };
        await pruneBackups(store.store, of, newestOnly, project.operation);
        steps = Math.max(steps, store.calls());
        if (at < store.calls()) expect((await findBackup(child.store, "latest")).id).toBe(child.id);
        expect(await listedProblems(project), `before call ${at}`).toEqual([]);
      }
      expect(steps).toBeGreaterThan(20);
    });
  });
});

/** A store that lets something happen before one of its calls. */
function withStep(store: Store, at: number, act: () => void): { store: Store; calls: () => number } {
  let calls = 0;
  const step = async <Result>(work: () => Promise<Result>) => {
    if (calls === at) act();
    calls += 1;
    return await work();
  };
  const stepping: Store = {
    location: store.location,
    folder: store.folder,
    folders: () => step(() => store.folders()),
    list: (folder) => step(() => store.list(folder)),
    read: (name) => step(() => store.read(name)),
    write: (name, content) => step(() => store.write(name, content)),
    remove: async (names) => {
      for (const name of names) await step(() => store.remove([name]));
    },
    sweep: (age) => step(() => store.sweep(age)),
  };
  return { store: stepping, calls: () => calls };
}
