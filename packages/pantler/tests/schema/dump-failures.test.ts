import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { withDatabase, withDatabaseUrl } from "../support/database.js";
import { dumpOf } from "../support/dumping.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { withProxy } from "../support/proxy.js";

/** Runs a test as a role that may do nothing but what everybody may. */
async function asReader(url: string, test: (url: string) => Promise<void>): Promise<void> {
  const name = `reader_${Math.random().toString(36).slice(2)}`;
  await query(url, `create role ${name} login password 'reader'`);
  const address = new URL(url);
  address.username = name;
  address.password = "reader";
  try {
    await test(address.href);
  } finally {
    await query(url, `drop role ${name}`);
  }
}

describe("a dump that cannot be made", () => {
  it("names the tables that the role may not read", async () => {
    await withDatabase(async ({ client, url }) => {
      await client.query(`
        create schema shop;
        grant usage on schema shop to public;
        create table shop.open (id int);
        create table shop."hidden; one" (id int);
        create table shop.other (id int);
        grant select on shop.open to public;
        grant insert on shop.other to public;
      `);
      await asReader(url, async (reader) => {
        const error = await failure(dumpOf(reader));
        expect(error).toMatchObject({ code: "schema-unreadable", sqlstate: "42501" });
        expect(error.message).toMatch(/ reader_\w+ has no right to shop\."hidden; one"\.$/);
        expect(error.detail).toMatch(
          /^pg_dump: error: query failed: ERROR: {2}permission denied for table hidden; one\n/,
        );
      });
    });
  });

  it("names a schema that the role may not use", async () => {
    await withDatabase(async ({ client, url }) => {
      await client.query(
        "create schema closed; create table closed.t (id int); grant select on closed.t to public",
      );
      await asReader(url, async (reader) => {
        const error = await failure(dumpOf(reader));
        expect(error).toMatchObject({ code: "schema-unreadable" });
        expect(error.message).toMatch(/ cannot be read: permission denied for schema closed\.$/);
      });
    });
  });

  it("tells that the connection was lost, wherever that happens", async () => {
    await withDatabaseUrl(async (source) => {
      await query(source, "create table public.items (id int primary key)");
      for (const at of ["BEGIN", "LOCK TABLE", "pg_get_indexdef"]) {
        for (const after of [false, true]) {
          await withProxy(source, async ({ url, cutAt }) => {
            cutAt(at, after);
            expect(await failure(dumpOf(url))).toMatchObject({ code: "connection-lost" });
          });
        }
      }
    });
  });

  it("tells that its session was ended", async () => {
    await withDatabase(async ({ client, admin, url }) => {
      await client.query("create table items (id int)");
      await client.query("begin; lock table items in access exclusive mode");
      const dump = failure(dumpOf(url));
      await endWaiting(admin);
      expect(await dump).toMatchObject({ code: "connection-lost" });
    });
  });

  it("waits for a table that is locked only so long", async () => {
    await withDatabase(async ({ client, url }) => {
      await client.query("create table items (id int)");
      await client.query("begin; lock table items in access exclusive mode");
      expect(await failure(dumpOf(url, { lockTimeout: 200 }))).toMatchObject({
        code: "table-locked",
        message: expect.stringContaining("for 0.2 seconds"),
      });
    });
  });

  it("names a snapshot that is no more", async () => {
    await withDatabaseUrl(async (url) => {
      await expect(dumpOf(url, { snapshot: "00000003-0000001B-1" })).rejects.toThrow("00000003-0000001B-1");
    });
  });
});

describe("an interrupted dump", () => {
  it("ends at once, on the server too", async () => {
    await withDatabase(async ({ client, admin, url }) => {
      await client.query("create table items (id int)");
      await client.query("begin; lock table items in access exclusive mode");
      const abort = new AbortController();
      const dump = failure(dumpOf(url, { signal: abort.signal }));
      await waiting(admin);
      abort.abort();
      expect(await dump).toMatchObject({ code: "interrupted" });
      while ((await admin.query(waits)).rows.length > 0) await sleep(10);
    });
  });

  it("does not begin when it was interrupted before", async () => {
    await withDatabaseUrl(async (url) => {
      expect(await failure(dumpOf(url, { signal: AbortSignal.abort() }))).toMatchObject({
        code: "interrupted",
      });
    });
  });
});

describe("a process that dumped", () => {
  it("ends by itself and gives the memory back", async () => {
    await withDatabaseUrl(async (url) => {
      const dist = new URL("../../dist/", import.meta.url);
      const script = `
        import { DatabaseUrl } from "${dist}project/index.js";
        import { dumpSchema } from "${dist}schema/index.js";
        const url = DatabaseUrl.parse(${JSON.stringify(url)}, "the test");
        const sizes = [];
        for (let time = 0; time < 8; time += 1) {
          const { entries } = await dumpSchema(url);
          if (entries.length < 5) throw new Error("nothing was dumped");
          globalThis.gc();
          sizes.push(process.memoryUsage().rss);
        }
        console.log(JSON.stringify(sizes.map((size) => Math.round(size / 1024 / 1024))));
      `;
      const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "--eval", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let printed = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
      });
      expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
      const sizes = JSON.parse(printed) as number[];
      expect(Math.max(...sizes) - (sizes[1] ?? 0)).toBeLessThan(60);
    });
  });
});

const waits =
  "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

type Session = Parameters<Parameters<typeof withDatabase>[0]>[0]["admin"];

async function waiting(admin: Session): Promise<void> {
  while ((await admin.query(waits)).rows.length === 0) await sleep(10);
}

async function endWaiting(admin: Session): Promise<void> {
  await waiting(admin);
  await admin.query(`select pg_terminate_backend(pid) from (${waits}) as waiting`);
}
