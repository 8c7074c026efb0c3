import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openStore } from "../../src/backup/index.js";
import { failure } from "../support/failure.js";
import { withFolder } from "../support/project.js";
import { chunksOf, contentOf, describeStore, namesIn } from "../support/store-cases.js";

const settingsOf = (folder: string) => ({ kind: "folder", folder }) as const;
const text = (content: string) => chunksOf(Buffer.from(content));

describeStore("a folder as a store", async (test) => {
  await withFolder({}, async (folder) => await test(settingsOf(join(folder, "deep/backups"))));
});

describe("a folder as a store", () => {
  it("is made when it is written to, for its owner alone, and kept out of the repository", async () => {
    await withFolder({}, async (folder) => {
      const store = await openStore(settingsOf(join(folder, "backups")));
      expect(store).toMatchObject({ folder: join(folder, "backups"), location: join(folder, "backups") });
      await store.folders();
      expect(existsSync(join(folder, "backups"))).toBe(false);
      await store.write("one/data/a.gz", text("a"));
      const modeOf = (path: string) => (statSync(join(folder, path)).mode & 0o777).toString(8);
      expect(["backups", "backups/one", "backups/one/data"].map(modeOf)).toEqual(["700", "700", "700"]);
      expect(modeOf("backups/one/data/a.gz")).toBe("600");
      execFileSync("git", ["init", "--quiet"], { cwd: folder });
      const options = { cwd: folder, encoding: "utf8" } as const;
      expect(execFileSync("git", ["status", "--short", "--untracked-files=all"], options)).toBe("");
    });
  });

  it("leaves a .gitignore alone that is there", async () => {
    await withFolder({ "backups/.gitignore": "!kept.txt\n" }, async (folder) => {
      const store = await openStore(settingsOf(join(folder, "backups")));
      await store.write("one/a", text("a"));
      expect(readFileSync(join(folder, "backups/.gitignore"), "utf8")).toBe("!kept.txt\n");
      expect(await store.folders()).toEqual(["one"]);
    });
  });

  it("is refused when something else has its path, or that of a folder above it", async () => {
    await withFolder({ file: "" }, async (folder) => {
      expect(await failure(openStore(settingsOf(join(folder, "file"))))).toMatchObject({
        code: "store-no-folder",
        exit: 2,
        message: `Backups cannot be kept in ${folder}/file: it is no folder.`,
      });
      const below = await openStore(settingsOf(join(folder, "file/backups")));
      expect(await failure(below.write("one/a", text("a")))).toMatchObject({ code: "store-unwritable" });
    });
  });

  it("follows no link in it, whether to a folder or to a file", async () => {
    await withFolder({ "outside/a": "secret", "backups/one/a": "a" }, async (folder) => {
      symlinkSync(join(folder, "outside"), join(folder, "backups/linked"));
      symlinkSync(join(folder, "outside/a"), join(folder, "backups/one/linked"));
      const store = await openStore(settingsOf(join(folder, "backups")));
      for (const name of ["linked/a", "one/linked"]) {
        const work = [store.read(name), store.write(name, text("b")), store.remove([name])];
        for (const error of await Promise.all(work.map(failure))) {
          expect(error).toMatchObject({ code: "store-leads-out", exit: 4 });
        }
      }
      expect(await failure(store.list("linked"))).toMatchObject({ code: "store-leads-out" });
      expect(await namesIn(store, "one")).toEqual(["one/a"]);
      expect(await store.folders()).toEqual(["one"]);
      await store.sweep(0);
      expect(readFileSync(join(folder, "outside/a"), "utf8")).toBe("secret");
    });
  });

  it("may itself be a link, such as to another disk", async () => {
    await withFolder({}, async (folder) => {
      mkdirSync(join(folder, "disk"));
      symlinkSync(join(folder, "disk"), join(folder, "backups"));
      const store = await openStore(settingsOf(join(folder, "backups")));
      await store.write("one/a", text("a"));
      expect(readFileSync(join(folder, "disk/one/a"), "utf8")).toBe("a");
      expect(await store.folders()).toEqual(["one"]);
    });
  });

  it("is swept of temporary files and empty folders that are old enough, and of nothing else", async () => {
    await withFolder({ "backups/one/a": "a", "backups/one/.pantler-1.part": "" }, async (folder) => {
      const root = join(folder, "backups");
      mkdirSync(join(root, "two/data"), { recursive: true });
      mkdirSync(join(root, "three"));
      writeFileSync(join(root, "one/.pantler-2.part"), "");
      const old = new Date(Date.now() - 2 * 60 * 60 * 1000);
      for (const path of ["one/.pantler-1.part", "one/a", "two/data", "two"])
        utimesSync(join(root, path), old, old);
      const store = await openStore(settingsOf(root));
      expect(await store.sweep(60 * 60 * 1000)).toBe(3);
      expect(readdirSync(join(root, "one"))).toEqual([".pantler-2.part", "a"]);
      expect(existsSync(join(root, "two"))).toBe(false);
      expect(existsSync(join(root, "three"))).toBe(true);
    });
  });

  it("takes neither a folder nor a pipe for a file", async () => {
    await withFolder({}, async (folder) => {
      const store = await openStore(settingsOf(folder));
      await store.write("one/data/a", text("a"));
      execFileSync("mkfifo", [join(folder, "one/pipe")]);
      for (const name of ["one/data", "one/pipe"]) {
        expect(await failure(store.read(name))).toMatchObject({ code: "store-file-missing" });
      }
    });
  });
});

/** Mounting a small file system takes root, which the tests have in CI. */
const canMount = process.platform === "linux" && process.getuid?.() === 0;

async function withDisk(test: (disk: string) => Promise<void>): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), "pantler-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]);
  try {
    await test(disk);
  } finally {
    execFileSync("umount", ["--lazy", disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}

describe.runIf(canMount)("a disk (to mount one takes root)", () => {
  it("that is full fails the write, keeps nothing of it, and all that was there", async () => {
    await withDisk(async (disk) => {
      const store = await openStore(settingsOf(join(disk, "backups")));
      await store.write("one/a", text("before"));
      for (const name of ["one/a", "one/b", "two/b"]) {
        const error = await failure(store.write(name, chunksOf(Buffer.alloc(6_000_000, 1))));
        expect(error).toMatchObject({ code: "store-full", exit: 4 });
      }
      expect(readdirSync(join(disk, "backups/one"))).toEqual(["a"]);
      expect((await contentOf(store, "one/a")).toString()).toBe("before");
      await store.write("one/b", chunksOf(Buffer.alloc(3_000_000, 1)));
    });
  });

  it("that can only be read is read, and refuses writes in words", async () => {
    await withDisk(async (disk) => {
      const store = await openStore(settingsOf(join(disk, "backups")));
      await store.write("one/a", text("a"));
      execFileSync("mount", ["-o", "remount,ro", disk]);
      expect((await contentOf(store, "one/a")).toString()).toBe("a");
      for (const work of [store.write("one/b", text("b")), store.remove(["one/a"])]) {
        expect(await failure(work)).toMatchObject({ code: "store-unwritable", exit: 4 });
      }
    });
  });
});

describe.runIf(process.getuid?.() !== 0)("a folder without rights (root has them all)", () => {
  it("is neither written nor read, and says so", async () => {
    await withFolder({ "backups/one/a": "a" }, async (folder) => {
      const store = await openStore(settingsOf(join(folder, "backups")));
      chmodSync(join(folder, "backups/one"), 0o000);
      try {
        expect(await failure(store.write("one/b", text("b")))).toMatchObject({ code: "store-unreadable" });
        expect(await failure(store.read("one/a"))).toMatchObject({ code: "store-unreadable" });
        expect(await failure(store.list("one"))).toMatchObject({ code: "store-unreadable" });
      } finally {
        chmodSync(join(folder, "backups/one"), 0o700);
      }
    });
  });
});
