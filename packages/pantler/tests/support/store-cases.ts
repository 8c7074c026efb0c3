import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openStore, type Store } from "../../src/backup/index.js";
import type { StoreSettings } from "../../src/project/index.js";
import { failure } from "./failure.js";

/** Runs a test with a store that was never written to. */
export type WithStore = (test: (settings: StoreSettings) => Promise<void>) => Promise<void>;

/** Content for a store: the bytes in chunks as uneven as those of a network. */
export async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let from = 0, size = 1; from < bytes.length; from += size, size = (size * 7) % 100_003) {
    yield bytes.subarray(from, from + size);
  }
}

/** Content that breaks off after a while, as a lost connection to the database does. */
export async function* breakingOff(bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let given = 0; given < bytes; given += 1_000_000) yield Buffer.alloc(1_000_000, 1);
  throw new Error("the connection is gone");
}

export async function contentOf(store: Store, name: string): Promise<Buffer> {
  return await collect(await store.read(name));
}

export async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const namesIn = async (store: Store, folder: string) =>
  (await store.list(folder)).map(({ name }) => name);

/** Writes some megabytes in a process of its own. */
export async function writeApart(
  settings: StoreSettings,
  name: string,
  megabytes: number,
  onBegun: (child: ChildProcess) => void = () => {},
): Promise<{ readonly code: number | null; readonly peak: number; readonly stderr: string }> {
  const script = fileURLToPath(new URL("write-to-store.js", import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(settings), name, String(megabytes)]);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (stdout === "" && text.startsWith("begun")) onBegun(child);
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const last = stdout.trim().split("\n").at(-1) ?? "";
  const { peak } = last.startsWith("{") ? (JSON.parse(last) as { peak: number }) : { peak: Number.NaN };
  return { code, peak, stderr };
}

/** What has to hold for every store, wherever it keeps its files. */
export function describeStore(kind: string, withSettings: WithStore): void {
  const withStore = (test: (store: Store, settings: StoreSettings) => Promise<void>) =>
    withSettings(async (settings) => await test(await openStore(settings), settings));

  describe(kind, () => {
    it("gives back what was written, with its size and its hash", async () => {
      await withStore(async (store) => {
        for (const size of [0, 1, 65_536, 3_000_001]) {
          const bytes = randomBytes(size);
          const sha256 = createHash("sha256").update(bytes).digest("hex");
          const name = `one/data/${size}.gz`;
          expect(await store.write(name, chunksOf(bytes))).toEqual({ bytes: size, sha256 });
          expect((await contentOf(store, name)).equals(bytes)).toBe(true);
        }
      });
    });

    it("lists folders, and all that is below one, by name", async () => {
      await withStore(async (store) => {
        for (const name of [
          "two/manifest.json",
          "one/schema.sql",
          "one/data/a.gz",
          "one/data/Ä b.gz",
          "ones/x",
        ]) {
          await store.write(name, chunksOf(Buffer.from(name)));
        }
        expect(await store.folders()).toEqual(["one", "ones", "two"]);
        expect(await namesIn(store, "one")).toEqual(["one/data/a.gz", "one/data/Ä b.gz", "one/schema.sql"]);
        const [file] = await store.list("two");
        expect(file).toMatchObject({ name: "two/manifest.json", bytes: 17 });
        expect(Math.abs(Date.now() - Number(file?.modified))).toBeLessThan(60_000);
      });
    });

    it("holds nothing before it was written to", async () => {
      await withStore(async (store) => {
        expect(await store.folders()).toEqual([]);
        expect(await store.list("one")).toEqual([]);
        expect(await store.sweep(0)).toBe(0);
        await store.remove(["one/manifest.json"]);
        expect(await failure(store.read("one/manifest.json"))).toMatchObject({
          code: "store-file-missing",
          exit: 4,
        });
      });
    });

    it("writes over what is there", async () => {
      await withStore(async (store) => {
        await store.write("one/pending.json", chunksOf(Buffer.from("a long text")));
        await store.write("one/pending.json", chunksOf(Buffer.from("short")));
        expect((await contentOf(store, "one/pending.json")).toString()).toBe("short");
      });
    });

    it("removes files, and with the last one their folder; those that are gone are no matter", async () => {
      await withStore(async (store) => {
        const names = ["one/manifest.json", "one/data/a.gz", "one/data/b.gz", "two/manifest.json"];
        for (const name of names) await store.write(name, chunksOf(Buffer.from(name)));
        await store.remove(["one/data/a.gz", "one/nothing.json", "three/nothing.json"]);
        expect(await namesIn(store, "one")).toEqual(["one/data/b.gz", "one/manifest.json"]);
        await store.remove(["one/data/b.gz", "one/manifest.json", "one/data/a.gz"]);
        expect(await store.folders()).toEqual(["two"]);
      });
    });

    it("takes no name that could lead out of it, or that a terminal should not be shown", async () => {
      const names = [
        "../outside",
        "one/../../outside",
        "one/..",
        "/etc/passwd",
        "one//two",
        "one/",
        "./one",
        "",
        "C:\\outside",
        "one\\..\\outside",
        "one/\u001b[2J",
        "one/\u0000",
        "one/\u009b2J",
        "one/\ud800",
        "one/.pantler-0.part",
        `one/${"a".repeat(256)}`,
        "a/".repeat(500),
      ];
      await withStore(async (store) => {
        for (const name of names) {
          const work = [
            store.write(name, chunksOf(Buffer.from("x"))),
            store.read(name),
            store.list(name),
            store.remove([name]),
          ];
          for (const error of await Promise.all(work.map(failure))) {
            expect(error).toMatchObject({ code: "store-name-unsafe", exit: 2 });
            // biome-ignore lint/suspicious/noControlCharactersInRegex: none may get to a terminal
            expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
          }
        }
        expect(await store.folders()).toEqual([]);
      });
    });

    it("keeps nothing of content that breaks off, and what was there before stays", async () => {
      await withStore(async (store) => {
        await store.write("one/data/a.gz", chunksOf(Buffer.from("before")));
        for (const bytes of [0, 1_000_000, 20_000_000]) {
          for (const name of ["one/data/a.gz", "one/data/b.gz"]) {
            await expect(store.write(name, breakingOff(bytes))).rejects.toThrow("the connection is gone");
          }
        }
        expect(await namesIn(store, "one")).toEqual(["one/data/a.gz"]);
        expect((await contentOf(store, "one/data/a.gz")).toString()).toBe("before");
        expect(await store.sweep(0)).toBe(0);
      });
    });

    it("holds one of two files that are written to one name at once, whole", async () => {
      await withStore(async (store) => {
        const contents = [Buffer.alloc(9_000_000, "a"), Buffer.alloc(8_500_000, "b"), Buffer.from("c")];
        await Promise.all(contents.map((bytes) => store.write("one/data/a.gz", chunksOf(bytes))));
        const found = await contentOf(store, "one/data/a.gz");
        expect(contents.some((bytes) => bytes.equals(found))).toBe(true);
        expect(await namesIn(store, "one")).toEqual(["one/data/a.gz"]);
      });
    });

    it("lets a reader stop early, or not begin", async () => {
      await withStore(async (store) => {
        await store.write("one/data/a.gz", chunksOf(randomBytes(5_000_000)));
        for (let time = 0; time < 100; time += 1) {
          const stream = await store.read("one/data/a.gz");
          if (time % 2 === 0) for await (const _ of stream) break;
          else stream.destroy();
          expect(stream.destroyed).toBe(true);
        }
      });
    });

    it("needs no more memory for a large file than for a small one", async () => {
      await withStore(async (store, settings) => {
        const small = await writeApart(settings, "one/data/small.gz", 16);
        const large = await writeApart(settings, "one/data/large.gz", 256);
        expect(small).toMatchObject({ code: 0, stderr: "" });
        expect(large).toMatchObject({ code: 0, stderr: "" });
        expect(large.peak - small.peak).toBeLessThan(64);
        expect((await store.list("one")).map(({ bytes }) => bytes)).toEqual([256 * 2 ** 20, 16 * 2 ** 20]);
      });
    });

    it("holds nothing of a writer that was killed, and is swept of what it left", async () => {
      await withStore(async (store, settings) => {
        const { code } = await writeApart(settings, "one/data/a.gz", 2000, (child) => {
          setTimeout(() => child.kill("SIGKILL"), 200);
        });
        expect(code).toBeNull();
        expect(await store.list("one")).toEqual([]);
        expect(await store.sweep(60_000)).toBe(0);
        expect(await store.sweep(0)).toBeGreaterThan(0);
        expect(await store.sweep(0)).toBe(0);
        expect(await store.folders()).toEqual([]);
      });
    });
  });
}
