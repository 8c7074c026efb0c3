import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { copyIn, copyOut, withSnapshot } from "../../src/copy/index.js";
import {
  addressOf,
  bothDigests,
  copiedText,
  rowsOf,
  tableNamed,
  wholeOf,
  withCopySession,
} from "../support/copying.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query, waitForStatement } from "../support/inspect.js";
import { withProxy } from "../support/proxy.js";

const thirtyMegabytes = `create table big as select n, repeat('x', 1000) as body from generate_series(1, 30000) n`;

async function sessions(url: string): Promise<number> {
  const [row] = await query(
    url,
    "select count(*)::int as sessions from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  return Number(row?.sessions);
}

/** Waits until nobody but the asker is connected, for the server notices a lost connection a moment later. */
async function nobodyIsLeft(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if ((await sessions(url)) === 0) return;
    await sleep(25);
  }
  throw new Error("a session is still open");
}

/** Copies a table within a snapshot, with one of its readers. */
async function copyInSnapshot(url: string, name: string): Promise<bigint> {
  return await withSnapshot(addressOf(url), async ({ client, readers }) => {
    const part = wholeOf(await tableNamed(client, name));
    return (await copiedText(readers[0] ?? client, part)).digest.rows;
  });
}

describe("a copy to us", () => {
  it("is whole however the bytes are cut into pieces", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        "create table notes as select n, repeat('é', n) as body from generate_series(1, 20) n",
      );
      await query(url, "create table nothing (id int)");
      await withProxy(url, async (proxy) => {
        await withCopySession(proxy.url, async (client) => {
          for (const size of [1, 2, 3, 5, 7, 64, 200]) {
            proxy.sendInPieces(size);
            const { stream, server } = await bothDigests(client, "notes");
            expect(stream).toEqual(server);
            expect(stream.rows).toBe(20n);
            expect((await bothDigests(client, "nothing")).stream.rows).toBe(0n);
          }
        });
      });
    });
  });

  it("never passes for whole when the connection is cut, wherever that is, and leaves no session behind", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        "create table notes as select n, repeat('x', 500) as body from generate_series(1, 2000) n",
      );
      await withProxy(url, async (proxy) => {
        const before = proxy.received();
        expect(await copyInSnapshot(proxy.url, "notes")).toBe(2000n);
        const bytes = proxy.received() - before;
        for (let trial = 0; trial < 100; trial += 1) {
          // Every fifth one is near the end, where the rows are there and the server's word about them is not.
          const at = trial % 5 === 0 ? bytes - randomInt(5, 50) : randomInt(1, bytes - 5);
          proxy.cutAfter(at);
          const { code } = await failure(copyInSnapshot(proxy.url, "notes"));
          expect(["connection-lost", "server-unreachable"], `cut after ${at} of ${bytes} bytes`).toContain(
            code,
          );
        }
      });
      await nobodyIsLeft(url);
    });
  });

  it("fails when its server process is ended, be the receiver quick or slow", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, thirtyMegabytes);
      for (const pause of [0, 5]) {
        const work = withSnapshot(addressOf(url), async ({ client, readers: [reader] }) => {
          await copyOut(reader ?? client, wholeOf(await tableNamed(client, "big")), async (rows) => {
            let first = true;
            for await (const _ of rows) {
              if (first)
                await query(
                  url,
                  "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'copy %'",
                );
              first = false;
              await sleep(pause);
            }
          });
        });
        expect(await failure(work)).toMatchObject({ code: "connection-lost", exit: 4 });
      }
      await nobodyIsLeft(url);
    });
  });

  it("fails as the server says when the statement is cancelled, and the session goes on", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, thirtyMegabytes);
      await withCopySession(url, async (client) => {
        const part = wholeOf(await tableNamed(client, "big"));
        let cancelled = false;
        const work = copyOut(client, part, async (rows) => {
          for await (const _ of rows) {
            if (!cancelled)
              await query(
                url,
                "select pg_cancel_backend(pid) from pg_stat_activity where datname = current_database() and query like 'copy %'",
              );
            cancelled = true;
          }
        });
        await expect(work).rejects.toMatchObject({ code: "57014" });
        expect((await bothDigests(client, "big")).stream.rows).toBe(30_000n);
      });
    });
  });

  it.each([
    [
      "throws at once",
      async () => {
        throw new Error("no room");
      },
    ],
    [
      "throws at the first bytes",
      async (rows: AsyncIterable<Buffer>) => {
        for await (const _ of rows) throw new Error("no room");
      },
    ],
  ])("stops at once when the receiver %s, and throws its error", async (_, receive) => {
    await withDatabaseUrl(async (url) => {
      await query(url, thirtyMegabytes);
      await withCopySession(url, async (client) => {
        const part = wholeOf(await tableNamed(client, "big"));
        let bytes = 0;
        const work = copyOut(client, part, receive, (size) => {
          bytes += size;
        });
        await expect(work).rejects.toThrow("no room");
        expect(bytes).toBeLessThan(2_000_000);
        // Nothing waits for the rows that nobody takes.
        await expect(client.query("select 1")).rejects.toThrow("closed");
      });
      await nobodyIsLeft(url);
    });
  });

  it.each([
    ["takes nothing", async () => {}],
    [
      "takes only the first bytes",
      async (rows: AsyncIterable<Buffer>) => {
        for await (const _ of rows) break;
      },
    ],
    [
      "takes only the first bytes and keeps the rest waiting",
      async (rows: AsyncIterable<Buffer>) => {
        await rows[Symbol.asyncIterator]().next();
      },
    ],
  ])("does not pass for whole when the receiver %s", async (_, receive) => {
    await withDatabaseUrl(async (url) => {
      await query(url, thirtyMegabytes);
      await withCopySession(url, async (client) => {
        const part = wholeOf(await tableNamed(client, "big"));
        await expect(copyOut(client, part, receive)).rejects.toThrow();
      });
      await nobodyIsLeft(url);
    });
  });

  it("ends when its connection is closed by us while it runs", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, thirtyMegabytes);
      await withCopySession(url, async (client) => {
        const part = wholeOf(await tableNamed(client, "big"));
        const work = copyOut(client, part, async (rows) => {
          for await (const _ of rows) await sleep(1);
        });
        const ended = expect(work).rejects.toThrow("Connection terminated");
        await sleep(20);
        await client.end();
        await ended;
        await expect(copiedText(client, part)).rejects.toThrow("closed");
      });
    });
  });

  it("leaves nothing on the connection that later copies would meet", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes as select n from generate_series(1, 1000) n");
      await withCopySession(url, async (client) => {
        const part = wholeOf(await tableNamed(client, "notes"));
        const warnings: string[] = [];
        const onWarning = ({ message }: Error) => warnings.push(message);
        process.on("warning", onWarning);
        for (let turn = 0; turn < 200; turn += 1)
          expect((await copiedText(client, part)).digest.rows).toBe(1000n);
        await sleep(1);
        process.off("warning", onWarning);
        expect(warnings).toEqual([]);
      });
    });
  });
});

describe("a copy into a table", () => {
  it("leaves nothing when the connection is cut, and fails", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int, body text)");
      await withProxy(url, async (proxy) => {
        const row = `1\t${"x".repeat(1000)}\n`;
        for (const text of ["copy ", "x".repeat(900)]) {
          for (const after of [false, true]) {
            proxy.cutAt(text, after);
            const work = withCopySession(proxy.url, async (client) => {
              await client.query("begin");
              await copyIn(
                client,
                { schema: "public", name: "notes" },
                ["n", "body"],
                rowsOf(...Array(200).fill(row)),
              );
              await client.query("commit");
            });
            expect(await failure(work)).toMatchObject({ code: "connection-lost" });
          }
        }
      });
      await nobodyIsLeft(url);
      expect(await query(url, "select from notes")).toEqual([]);
    });
  });

  it("never passes for done when the server's answer is cut, wherever that is", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      await withProxy(url, async (proxy) => {
        const copyTwo = async (cutAfter: number) =>
          await withCopySession(proxy.url, async (client) => {
            const before = proxy.received();
            proxy.cutAfter(cutAfter);
            expect(
              await copyIn(client, { schema: "public", name: "notes" }, ["n"], rowsOf("1\n", "2\n")),
            ).toBe(2);
            return proxy.received() - before;
          });
        const answer = await copyTwo(Number.POSITIVE_INFINITY);
        expect(answer).toBeGreaterThan(10);
        for (let bytes = 1; bytes < answer; bytes += 1) {
          expect(await failure(copyTwo(bytes))).toMatchObject({ code: "connection-lost" });
        }
      });
    });
  });

  it("fails at once when the server process is ended, even while the source gives nothing", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      let release = () => {};
      const stalled = new Promise<void>((resolve) => {
        release = resolve;
      });
      async function* source() {
        yield Buffer.from("1\n");
        await stalled;
        yield Buffer.from("2\n");
      }
      const work = withCopySession(url, async (client) => {
        await copyIn(client, { schema: "public", name: "notes" }, ["n"], source());
      });
      const failed = failure(work);
      const pid = await waitForStatement(url, "copy %");
      await query(url, "select pg_terminate_backend($1)", [pid]);
      expect(await failed).toMatchObject({ code: "connection-lost" });
      release();
      expect(await query(url, "select from notes")).toEqual([]);
    });
  });
});
