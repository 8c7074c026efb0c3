import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openStore, type Store } from "../../src/backup/index.js";
import { failure } from "../support/failure.js";
import { type S3Server, withS3Server } from "../support/s3-server.js";
import { breakingOff, chunksOf, collect, contentOf, describeStore, namesIn } from "../support/store-cases.js";

const settingsOf = ({ endpoint, bucket }: S3Server, prefix = "pantry/backups") =>
  ({ kind: "s3", bucket, prefix, endpoint, region: undefined }) as const;

const text = (content: string) => chunksOf(Buffer.from(content));

/** Runs a test with a store in a bucket of its own. */
async function withStore(test: (store: Store, server: S3Server) => Promise<void>): Promise<void> {
  await withS3Server(async (server) => await test(await openStore(settingsOf(server)), server));
}

/** Larger than a part, so that it goes up in several. */
const large = randomBytes(20_000_000);

describeStore("a bucket as a store", async (test) => {
  await withS3Server(async (server) => await test(settingsOf(server)));
});

describe("a bucket as a store", () => {
  it("is named without keys, and is no folder of this machine", async () => {
    await withStore(async (store, { endpoint }) => {
      expect(store.folder).toBeUndefined();
      expect(store.location).toBe(`s3://kept/pantry/backups at ${new URL(endpoint).host}`);
    });
  });

  it("keeps to its prefix", async () => {
    await withS3Server(async (server) => {
      const inside = await openStore(settingsOf(server, "pantry"));
      const beside = await openStore(settingsOf(server, "pantry-2"));
      const whole = await openStore(settingsOf(server, ""));
      await inside.write("one/a", text("a"));
      await beside.write("two/b", text("b"));
      await whole.write("three/c", text("c"));
      expect(await inside.folders()).toEqual(["one"]);
      expect(await beside.folders()).toEqual(["two"]);
      expect(await whole.folders()).toEqual(["pantry", "pantry-2", "three"]);
      expect(await namesIn(whole, "pantry")).toEqual(["pantry/one/a"]);
    });
  });

  it("lists 1,500 files, which takes several pages", async () => {
    await withStore(async (store, { place, requests }) => {
      const names = Array.from({ length: 1500 }, (_, number) => `one/${String(number).padStart(4, "0")}`);
      for (const name of names) place(`pantry/backups/${name}`, name);
      expect(await namesIn(store, "one")).toEqual(names);
      expect(requests).toHaveLength(2);
      expect(await store.folders()).toEqual(["one"]);
      await store.remove(names.slice(0, 100));
      expect(await namesIn(store, "one")).toEqual(names.slice(100));
    });
  });

  it("sends a large file in parts of 8 MB, a small one at once", async () => {
    await withStore(async (store, { requests }) => {
      await store.write("one/large", chunksOf(large));
      await store.write("one/small", text("a"));
      const puts = requests.filter(({ method }) => method === "PUT");
      expect(puts.map(({ bytes }) => bytes)).toEqual([8_388_608, 8_388_608, 3_222_784, 1]);
    });
  });
});

describe("a service that is busy or stumbles", () => {
  it("is asked again until it does what it should", async () => {
    await withStore(async (store, { faults }) => {
      faults.answer(503, "SlowDown", { times: 1 });
      faults.answer(503, "ServiceUnavailable", { times: 2 });
      faults.answer(500, "InternalError", { times: 2 });
      await store.write("one/a", chunksOf(large));
      faults.answer(500, "InternalError", { times: 2 });
      expect((await contentOf(store, "one/a")).equals(large)).toBe(true);
      faults.answer(503, "ServiceUnavailable", { times: 2 });
      expect(await namesIn(store, "one")).toEqual(["one/a"]);
      faults.answer(503, "ServiceUnavailable", { times: 2 });
      await store.remove(["one/a"]);
      expect(await store.folders()).toEqual([]);
    });
  });

  it("is given up when that goes on, and holds nothing of what was to be written", async () => {
    await withStore(async (store, { faults, requests, unfinishedUploads }) => {
      faults.answer(503, "ServiceUnavailable", {
        when: ({ method, path }) => method === "PUT" && path.includes("partNumber=2"),
      });
      const error = await failure(store.write("one/a", chunksOf(large)));
      expect(error).toMatchObject({ code: "store-unreachable", exit: 4 });
      expect(error.message).toMatch(/ cannot be reached: ServiceUnavailable, HTTP status 503\.$/);
      expect(requests.filter(({ path }) => path.includes("partNumber=2"))).toHaveLength(8);
      expect(unfinishedUploads()).toEqual([]);
      faults.none();
      expect(await store.folders()).toEqual([]);
    });
  });

  it("that lost the answer to the end of an upload has the file all the same", async () => {
    await withStore(async (store, { faults }) => {
      faults.loseAnswer(({ method, path }) => method === "POST" && path.includes("uploadId="));
      await store.write("one/a", chunksOf(large));
      expect((await contentOf(store, "one/a")).equals(large)).toBe(true);
    });
  });

  it("that keeps less than it was given is found out", async () => {
    await withStore(async (store, { faults }) => {
      faults.loseBytes(3);
      expect(await failure(store.write("one/a", text("abcdef")))).toMatchObject({
        code: "store-incomplete",
        exit: 4,
      });
    });
  });
});

describe("a connection that is cut", () => {
  it("while a file goes up is made again", async () => {
    await withStore(async (store, { faults }) => {
      for (const after of [1, 100_000, 8_000_000]) {
        faults.cutUploads(after, 2);
        await store.write("one/a", chunksOf(large));
        expect((await contentOf(store, "one/a")).equals(large)).toBe(true);
      }
    });
  });

  it("again and again leaves nothing", async () => {
    await withStore(async (store, { faults, unfinishedUploads }) => {
      await store.write("one/a", text("before"));
      faults.cutUploads(1_000_000, Number.POSITIVE_INFINITY);
      expect(await failure(store.write("one/a", chunksOf(large)))).toMatchObject({
        code: "store-unreachable",
      });
      expect(unfinishedUploads()).toEqual([]);
      expect((await contentOf(store, "one/a")).toString()).toBe("before");
    });
  });

  it("while a file comes down is made again where it broke off", async () => {
    await withStore(async (store, { faults, requests }) => {
      await store.write("one/a", chunksOf(large));
      for (const after of [0, 1, 70_000, 5_000_000]) {
        faults.cutDownloads(after, 3);
        const before = requests.length;
        expect((await contentOf(store, "one/a")).equals(large)).toBe(true);
        expect(requests.length - before).toBe(4);
      }
    });
  });

  it("again and again is an error, never an end", async () => {
    await withStore(async (store, { faults }) => {
      await store.write("one/a", chunksOf(large));
      faults.cutDownloads(1_000_000, 1);
      const stream = await store.read("one/a");
      faults.cutDownloads(0, Number.POSITIVE_INFINITY);
      const error = await failure(collect(stream));
      expect(error).toMatchObject({ code: "store-unreachable", exit: 4 });
      expect(error.message).toContain("one/a broke off: 1000000 of 20000000 bytes came");
    });
  });

  it("from a file that is removed or replaced meanwhile is an error too", async () => {
    await withStore(async (store, { faults }) => {
      for (const meanwhile of [
        () => store.remove(["one/a"]),
        () => store.write("one/a", chunksOf(randomBytes(20_000_000))),
      ]) {
        await store.write("one/a", chunksOf(large));
        faults.cutDownloads(1_000_000);
        const stream = await store.read("one/a");
        await meanwhile();
        expect((await failure(collect(stream))).exit).toBe(4);
      }
    });
  });
});

describe("a bucket that cannot be used", () => {
  const uses = (store: Store): Promise<unknown>[] => [
    store.folders(),
    store.list("one"),
    store.write("one/a", text("a")),
    store.write("one/a", breakingOff(20_000_000)),
    store.read("one/a"),
    store.remove(["one/a"]),
    store.sweep(0),
  ];

  it("because it is not there is said to be missing", async () => {
    await withS3Server(async (server) => {
      const store = await openStore({ ...settingsOf(server), bucket: "elsewhere" });
      for (const error of await Promise.all(uses(store).map(failure))) {
        expect(error).toMatchObject({ code: "store-missing", exit: 4 });
      }
    });
  });

  it("because a right is missing has it named", async () => {
    await withStore(async (store, { faults }) => {
      faults.answer(403, "AccessDenied");
      const errors = await Promise.all(uses(store).map(failure));
      expect(errors.every(({ code, exit }) => code === "store-refused" && exit === 4)).toBe(true);
      expect(errors.map(({ remedy }) => /s3:\w+/.exec(remedy)?.[0])).toEqual([
        "s3:ListBucket",
        "s3:ListBucket",
        "s3:PutObject",
        "s3:PutObject",
        "s3:GetObject",
        "s3:DeleteObject",
        "s3:ListBucketMultipartUploads",
      ]);
    });
  });

  it("because the keys are wrong, or none are to be found, says so and shows none", async () => {
    await withS3Server(async (server) => {
      const wrong = { AWS_ACCESS_KEY_ID: "AKIAWRONG", AWS_SECRET_ACCESS_KEY: "hunter2-hunter2" };
      const mixed = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "hunter2-hunter2" };
      const none = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" };
      for (const variables of [wrong, mixed, none]) {
        Object.assign(process.env, variables);
        const store = await openStore(settingsOf(server));
        for (const error of await Promise.all(
          [store.write("one/a", text("a")), store.read("one/a")].map(failure),
        )) {
          expect(error).toMatchObject({ code: "store-refused", exit: 4 });
          expect(error.remedy).toContain("AWS_ACCESS_KEY_ID");
          expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toMatch(/hunter2|AKIAWRONG/);
          expect(error.cause).toBeUndefined();
        }
      }
    });
  });

  it("because nobody answers at its endpoint is said to be unreachable", async () => {
    await withS3Server(async (server) => {
      for (const endpoint of ["http://127.0.0.1:1", "http://s3.invalid"]) {
        const store = await openStore({ ...settingsOf(server), endpoint });
        expect(await failure(store.write("one/a", text("a")))).toMatchObject({
          code: "store-unreachable",
          exit: 4,
        });
      }
    });
  });

  it("because nothing says in which region it is, is refused before anything is sent", async () => {
    await withS3Server(async (server) => {
      const amazon = { ...settingsOf(server), endpoint: undefined };
      expect(await failure(openStore(amazon))).toMatchObject({ code: "store-region-missing", exit: 2 });
      expect((await openStore({ ...amazon, region: "eu-central-1" })).location).toBe(
        "s3://kept/pantry/backups",
      );
    });
  });

  it("because it is full says so", async () => {
    await withStore(async (store, { faults }) => {
      faults.answer(507, "XMinioStorageFull", { when: ({ method }) => method === "PUT" });
      expect(await failure(store.write("one/a", text("a")))).toMatchObject({ code: "store-full" });
    });
  });
});
