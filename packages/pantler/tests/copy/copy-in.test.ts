import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { copyIn, copyOut, digestTable, type QualifiedName } from "../../src/copy/index.js";
import { bothDigests, copiedText, rowsOf, tableNamed, wholeOf, withCopySession } from "../support/copying.js";
import { withDatabaseUrl } from "../support/database.js";
import { query, waitForStatement } from "../support/inspect.js";

const notes: QualifiedName = { schema: "public", name: "notes" };

describe("rows copied into a table", () => {
  it("are those that came out of another, whatever is in them", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query(
          "create table public.notes (a text, b bytea); create table public.again (b bytea, a text)",
        );
        const table = await tableNamed(client, "notes");
        const again = { ...table, name: "again" };
        const anyText = fc.oneof(
          fc.string({ unit: "binary" }).map((any) => Buffer.from(any.replaceAll("\0", "")).toString()),
          fc.constantFrom("", "\\N", "\\.", "\t", "\r\n", "\\"),
        );
        const row = fc.tuple(fc.option(anyText), fc.option(fc.uint8Array({ maxLength: 20 })));
        await fc.assert(
          fc.asyncProperty(
            fc.array(row, { maxLength: 10 }),
            fc.integer({ min: 1, max: 50 }),
            async (rows, size) => {
              await client.query("truncate public.notes, public.again");
              await client.query("insert into public.notes select * from unnest($1::text[], $2::bytea[])", [
                rows.map(([a]) => a),
                rows.map(([, b]) => (b === null ? null : Buffer.from(b))),
              ]);
              const { written } = await copiedText(client, wholeOf(table));
              expect(await copyIn(client, again, table.columns, inPieces(written, size))).toBe(rows.length);
              expect(await digestTable(client, again)).toEqual(await digestTable(client, table));
            },
          ),
          { numRuns: 60 },
        );
      });
    });
  });

  it("go from one database to another without being held in between", async () => {
    await withDatabaseUrl(async (from) => {
      await withDatabaseUrl(async (to) => {
        await query(
          from,
          "create table notes as select n, repeat('x', n % 2000) as body from generate_series(1, 20000) n",
        );
        await query(to, "create table notes (n int, body text)");
        await withCopySession(from, async (source) => {
          await withCopySession(to, async (target) => {
            const table = await tableNamed(source, "notes");
            const { digest, written } = await copyOut(
              source,
              wholeOf(table),
              async (rows) => await copyIn(target, table, table.columns, rows),
            );
            expect(written).toBe(20_000);
            expect(await digestTable(target, table)).toEqual(digest);
          });
        });
      });
    });
  });

  it("may go into quoted, non-ASCII and generated surroundings, and into a table without columns", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `create schema "Schéma; drop"; create table "Schéma; drop"."T""; drop table notes;--" (
           id int generated always as identity, "select" text, "Ünï ""q""" int, twice int generated always as (2 * "Ünï ""q""") stored);
         create table notes ()`,
      );
      await withCopySession(url, async (client) => {
        const odd = { schema: "Schéma; drop", name: 'T"; drop table notes;--' };
        expect(
          await copyIn(client, odd, ['Ünï "q"', "id", "select"], rowsOf("5\t77\tx\n", "6\t78\t\\N\n")),
        ).toBe(2);
        const { rows } = await client.query(`select * from "Schéma; drop"."T""; drop table notes;--"`);
        expect(rows).toEqual([
          { id: 77, select: "x", 'Ünï "q"': 5, twice: 10 },
          { id: 78, select: null, 'Ünï "q"': 6, twice: 12 },
        ]);
        expect(await copyIn(client, notes, [], rowsOf("\n\n\n"))).toBe(3);
        expect((await bothDigests(client, "notes")).stream.rows).toBe(3n);
      });
    });
  });

  it("may be none", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      await withCopySession(url, async (client) => {
        expect(await copyIn(client, notes, ["n"], rowsOf())).toBe(0);
        expect(await copyIn(client, notes, ["n"], rowsOf("", "1\n", "", "2\n"))).toBe(2);
      });
    });
  });

  it("may be marked as frozen in the transaction that made the table, and only there", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      await withCopySession(url, async (client) => {
        await client.query("begin; truncate public.notes");
        expect(await copyIn(client, notes, ["n"], rowsOf("1\n2\n"), { freeze: true })).toBe(2);
        await client.query("commit");
        const work = copyIn(client, notes, ["n"], rowsOf("3\n"), { freeze: true });
        await expect(work).rejects.toMatchObject({ code: "55000" });
        expect((await client.query("select n from public.notes order by n")).rows).toEqual([
          { n: 1 },
          { n: 2 },
        ]);
      });
    });
  });
});

describe("a copy into a table that fails", () => {
  it.each([
    ["a bad value in the first row", ["x\n", "2\n"], "22P02", "COPY notes, line 1"],
    [
      "a bad value among many",
      [...Array(300).fill("1\n".repeat(5000)), "x\n", ...Array(300).fill("1\n".repeat(5000))],
      "22P02",
      "line 1500001",
    ],
    ["too many values", ["1\t2\n"], "22P04", "line 1"],
    ["bytes that are no text", [Buffer.from([0xff, 0x0a])], "22021", "line 1"],
    ["a refused row at the very end", ["1\n", "-5\n"], "23514", "line 2"],
  ])(
    "because of %s throws what the server said, and the session goes on after a rollback",
    async (_, texts, code, where) => {
      await withDatabaseUrl(async (url) => {
        await query(url, "create table notes (n int check (n > 0))");
        await withCopySession(url, async (client) => {
          for (let turn = 0; turn < 3; turn += 1) {
            await client.query("begin");
            await copyIn(client, notes, ["n"], rowsOf("7\n"));
            const work = copyIn(client, notes, ["n"], chunks(texts));
            await expect(work).rejects.toMatchObject({ code, where: expect.stringContaining(where) });
            await client.query("rollback");
          }
          await copyIn(client, notes, ["n"], rowsOf("8\n"));
          expect((await client.query("select n from public.notes")).rows).toEqual([{ n: 8 }]);
        });
      });
    },
  );

  it("says so at once, even while the source gives nothing", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      await withCopySession(url, async (client) => {
        let release = () => {};
        const stalled = new Promise<void>((resolve) => {
          release = resolve;
        });
        async function* source() {
          yield Buffer.from(`${"1\n".repeat(100_000)}x\n`);
          await stalled;
          yield Buffer.from("1\n");
        }
        await expect(copyIn(client, notes, ["n"], source())).rejects.toMatchObject({ code: "22P02" });
        release();
        expect(await copyIn(client, notes, ["n"], rowsOf("1\n"))).toBe(1);
      });
    });
  });

  it.each([
    ["before the first row", 0],
    ["after some rows", 3],
    ["after many", 2000],
  ])("because its source throws %s leaves nothing, and throws the source's error", async (_, count) => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      async function* source() {
        for (let row = 0; row < count; row += 1) yield Buffer.from("1\n".repeat(1000));
        throw new Error("the archive is damaged");
      }
      await withCopySession(url, async (client) => {
        await expect(copyIn(client, notes, ["n"], source())).rejects.toThrow("the archive is damaged");
        expect((await client.query("select from public.notes")).rowCount).toBe(0);
        await client.query("begin");
        await expect(copyIn(client, notes, ["n"], source())).rejects.toThrow("the archive is damaged");
        await expect(client.query("select 1")).rejects.toMatchObject({ code: "25P02" });
        await client.query("rollback");
        expect(await copyIn(client, notes, ["n"], rowsOf("1\n"))).toBe(1);
      });
    });
  });

  it("because the table is not there, or its columns are not, throws what the server said", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      await withCopySession(url, async (client) => {
        const missing = copyIn(client, { schema: "public", name: "nowhere" }, ["n"], rowsOf("1\n"));
        await expect(missing).rejects.toMatchObject({ code: "42P01" });
        await expect(copyIn(client, notes, ["m"], rowsOf("1\n"))).rejects.toMatchObject({ code: "42703" });
        expect(await copyIn(client, notes, ["n"], rowsOf("1\n"))).toBe(1);
      });
    });
  });

  it("because it is cancelled throws what the server said", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      await withCopySession(url, async (client) => {
        async function* source() {
          for (;;) {
            yield Buffer.from("1\n");
            await sleep(5);
          }
        }
        const failed = expect(copyIn(client, notes, ["n"], source())).rejects.toMatchObject({
          code: "57014",
        });
        const pid = await waitForStatement(url, "copy %");
        await query(url, "select pg_cancel_backend($1)", [pid]);
        await failed;
        expect((await client.query("select from public.notes")).rowCount).toBe(0);
      });
    });
  });

  it("because the session is closed throws that", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      await withCopySession(url, async (client) => {
        async function* source() {
          yield Buffer.from("1\n");
          await sleep(20);
          await client.end();
          yield Buffer.from("2\n");
        }
        await expect(copyIn(client, notes, ["n"], source())).rejects.toThrow("Connection terminated");
        await expect(copyIn(client, notes, ["n"], rowsOf("1\n"))).rejects.toThrow("closed");
      });
    });
  });
});

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function* chunks(texts: readonly (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text as string);
}
