import { describe, expect, it } from "vitest";
import {
  addDigests,
  copyOut,
  digestPart,
  digestTable,
  emptyDigest,
  partsOf,
  withSnapshot,
} from "../../src/copy/index.js";
import type { Client } from "../../src/postgres/index.js";
import { addressOf, copiedText, tableNamed, wholeOf, withCopySession } from "../support/copying.js";
import { withDatabaseUrl } from "../support/database.js";
import { query } from "../support/inspect.js";

async function ignore(rows: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of rows);
}

/** Copies all parts of a table, and compares with the whole of it: no row may be missing or be there twice. */
async function expectPartsToMakeUpTheWhole(client: Client, name: string): Promise<number> {
  const table = await tableNamed(client, name);
  const parts = partsOf(table);
  let stream = emptyDigest;
  let server = emptyDigest;
  for (const part of parts) {
    stream = addDigests(stream, (await copyOut(client, part, ignore)).digest);
    server = addDigests(server, await digestPart(client, part));
  }
  const whole = await digestTable(client, table);
  expect(stream).toEqual(whole);
  expect(server).toEqual(whole);
  expect(parts.map(({ index, of }) => [index, of])).toEqual(parts.map((_, index) => [index, parts.length]));
  return parts.length;
}

describe("the parts of a table", () => {
  it("hold every row once, also after deletes, updates and a vacuum", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        // Ten pages in a hundred are filled, so that the table is large with few rows.
        await client.query("create unlogged table public.big (n int, body text) with (fillfactor = 10)");
        await client.query("insert into public.big select n, 'row ' || n from generate_series(1, 350000) n");
        expect(await expectPartsToMakeUpTheWhole(client, "big")).toBeGreaterThan(1);
        await client.query("delete from public.big where n % 7 = 0 or n between 100000 and 150000");
        await client.query("update public.big set body = body || ' again' where n % 5 = 0");
        expect(await expectPartsToMakeUpTheWhole(client, "big")).toBeGreaterThan(1);
        await client.query("delete from public.big where n > 300000");
        await client.query("vacuum public.big");
        await client.query("insert into public.big select n, 'late ' || n from generate_series(1, 50000) n");
        expect(await expectPartsToMakeUpTheWhole(client, "big")).toBeGreaterThan(1);
      });
    });
  });

  it("are read without looking at the pages of the others", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create unlogged table big (n int) with (fillfactor = 10)");
      await query(url, "insert into big select n from generate_series(1, 350000) n");
      await withCopySession(url, async (client) => {
        for (const part of partsOf(await tableNamed(client, "big"))) {
          const before = await pagesRead(client);
          await copiedText(client, part);
          const read = (await pagesRead(client)) - before;
          expect(read).toBeGreaterThan(part.table.pages / part.of - 100);
          expect(read).toBeLessThan(part.table.pages / part.of + 100);
        }
      });
    });
  });

  it("are cut by size with what is stored out of line", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query("create unlogged table public.fat (n int, pad char(2000), body text)");
        await client.query(
          "alter table public.fat alter pad set storage plain, alter body set storage external",
        );
        await client.query(
          "insert into public.fat select n, '', repeat('0123456789', 100000) from generate_series(1, 100) n",
        );
        expect(await expectPartsToMakeUpTheWhole(client, "fat")).toBe(2);
      });
    });
  });

  it("are one for a table without pages, and one for a table that is small", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query("create table public.nothing (n int); create table public.small as select 1 as n");
        expect(await expectPartsToMakeUpTheWhole(client, "nothing")).toBe(1);
        expect(await expectPartsToMakeUpTheWhole(client, "small")).toBe(1);
      });
    });
  });

  it("are taken of the leaves of a partitioned table and of the members of an inheritance, each once", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `create table parent (n int, body text) with (fillfactor = 10);
         create table child (more int) inherits (parent);
         insert into parent select n, 'p' from generate_series(1, 350000) n;
         insert into child select n, 'c', n from generate_series(1, 10) n;
         create table years (y int, body text) partition by range (y);
         create table years_1 partition of years for values from (1) to (10) partition by list (y);
         create table years_1_1 partition of years_1 for values in (1);
         create table years_rest partition of years default;
         insert into years values (1, 'one'), (77, 'other')`,
      );
      await withCopySession(url, async (client) => {
        expect(await expectPartsToMakeUpTheWhole(client, "parent")).toBeGreaterThan(1);
        expect((await digestTable(client, await tableNamed(client, "parent"))).rows).toBe(350_000n);
        expect((await digestTable(client, await tableNamed(client, "child"))).rows).toBe(10n);
        await expect(tableNamed(client, "years")).rejects.toThrow("no table");
        await expect(tableNamed(client, "years_1")).rejects.toThrow("no table");
        const leaf = wholeOf(await tableNamed(client, "years_1_1"));
        expect((await copiedText(client, leaf)).written).toBe("1\tone\n");
      });
    });
  });

  it("hold nothing that was added after the snapshot, though the last part is open", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create unlogged table big (n int) with (fillfactor = 10)");
      await query(url, "insert into big select n from generate_series(1, 350000) n");
      await withSnapshot(addressOf(url), async ({ client, readers }) => {
        const parts = partsOf(await tableNamed(client, "big"));
        await query(url, "insert into big select n from generate_series(1, 100000) n");
        await query(url, "delete from big where n % 3 = 0");
        await query(url, "update big set n = -n where n % 3 = 1");
        let rows = 0n;
        for (const [index, part] of parts.entries()) {
          const reader = readers[index % readers.length] ?? client;
          rows += (await copiedText(reader, part)).digest.rows;
        }
        expect(rows).toBe(350_000n);
      });
    });
  });
});

/** How many pages of its data this session has looked at so far. */
async function pagesRead(client: Client): Promise<number> {
  await client.query("select pg_stat_force_next_flush(), pg_stat_clear_snapshot()");
  const { rows } = await client.query<{ pages: string }>(
    "select heap_blks_read + heap_blks_hit as pages from pg_statio_all_tables where relid = 'public.big'::regclass",
  );
  return Number(rows[0]?.pages);
}
