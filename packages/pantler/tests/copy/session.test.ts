import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { copyOut, digestTable, withSnapshot } from "../../src/copy/index.js";
import { addressOf, bothDigests, tableNamed, wholeOf, withCopySession } from "../support/copying.js";
import { withDatabase, withDatabaseUrl } from "../support/database.js";
import { query } from "../support/inspect.js";
import { withProxy } from "../support/proxy.js";

/** Settings of a role or a database that change how rows are printed, or end what takes long. */
const unfriendly = {
  datestyle: "'SQL, DMY'",
  intervalstyle: "'sql_standard'",
  timezone: "'Asia/Kathmandu'",
  extra_float_digits: "-10",
  bytea_output: "'escape'",
  xmlbinary: "'hex'",
  xmloption: "'document'",
  lc_monetary: "'C.UTF-8'",
  array_nulls: "off",
  standard_conforming_strings: "off",
  quote_all_identifiers: "on",
  client_encoding: "'LATIN1'",
  search_path: "'shadow, public'",
  row_security: "on",
  default_transaction_isolation: "'serializable'",
  default_transaction_read_only: "on",
  statement_timeout: "300",
  transaction_timeout: "300",
  idle_in_transaction_session_timeout: "150",
  idle_session_timeout: "150",
  lock_timeout: "1",
};

describe("a session prepared to copy", () => {
  it("prints and digests rows the same whatever the role's settings are, and is not ended by them", async () => {
    await withDatabase(async ({ client, admin, url }) => {
      await client.query(`
        create table kinds (t timestamptz, d date, i interval, f8 float8, f4 real, b bytea, x xml, m money, a text[], c regclass, s text);
        insert into kinds values ('2026-03-04 05:06:07.123456+08', '2026-03-04', '1 year 2 days -03:04:05', 0.1::float8 + 0.2, 1e-7,
          '\\xdeadbeef', 'only text', 1234567.89, array['NULL', null], 'kinds', 'Žé日🙂');
        create table big as select n, repeat('x', 1000) as body from generate_series(1, 30000) n;
        create schema shadow; create table shadow.kinds ();
      `);
      const role = `copier_${randomBytes(4).toString("hex")}`;
      const settings = Object.entries(unfriendly).map(
        ([name, value]) => `alter role ${role} set ${name} = ${value};`,
      );
      await admin.query(
        `create role ${role} login password 'x' in role postgres bypassrls; ${settings.join(" ")}`,
      );
      try {
        const address = addressOf(url).with({ user: role, password: "x" });
        const plain = await withCopySession(url, async (session) => await bothDigests(session, "kinds"));
        await withSnapshot(address, async ({ client: leader, readers }) => {
          for (const session of [leader, ...readers])
            expect(await bothDigests(session, "kinds")).toEqual(plain);
          await sleep(400);
          const part = wholeOf(await tableNamed(leader, "big"));
          const { digest } = await copyOut(readers[0] ?? leader, part, async (rows) => {
            for await (const _ of rows) await sleep(5);
          });
          expect(digest.rows).toBe(30_000n);
          await sleep(400);
          expect(await digestTable(leader, part.table)).toEqual(digest);
        });
        await withCopySession(address.withPassword(), async (session) => {
          expect(await bothDigests(session, "kinds")).toEqual(plain);
          await sleep(400);
          await session.query("select pg_sleep(0.5)");
        });
        expect(plain.text).toBe(
          [
            "2026-03-03 21:06:07.123456+00",
            "2026-03-04",
            "1 year 2 days -03:04:05",
            "0.30000000000000004",
            "1e-07",
            "\\\\xdeadbeef",
            "only text",
            "$1,234,567.89",
            '{"NULL",NULL}',
            "public.kinds",
            "Žé日🙂\n",
          ].join("\t"),
        );
      } finally {
        await admin.query(`drop owned by ${role} cascade; drop role ${role}`);
      }
    });
  });

  it("takes rows in at the receiver's pace, so that memory stays flat and the server waits", async () => {
    await withDatabaseUrl(async (url) => {
      // 200 MB of text, of which the server keeps 2 MB.
      await query(
        url,
        "create table big as select n, repeat('0123456789', 1000) as body from generate_series(1, 20000) n",
      );
      await withProxy(url, async (proxy) => {
        await withCopySession(proxy.url, async (client) => {
          const part = wholeOf(await tableNamed(client, "big"));
          const before = process.memoryUsage.rss();
          const sentBefore = proxy.received();
          let most = 0;
          let taken = 0;
          let furthestAhead = 0;
          const { bytes } = await copyOut(client, part, async (rows) => {
            let chunks = 0;
            for await (const chunk of rows) {
              chunks += 1;
              if (chunks % 20 === 0) await sleep(20);
              taken += chunk.length;
              furthestAhead = Math.max(furthestAhead, proxy.received() - sentBefore - taken);
              most = Math.max(most, process.memoryUsage.rss());
            }
          });
          expect(bytes).toBeGreaterThan(200_000_000);
          expect(taken).toBe(bytes);
          // What is on its way is in the buffers of the system's sockets, a few megabytes each.
          expect(furthestAhead).toBeLessThan(16_000_000);
          expect(most - before).toBeLessThan(100_000_000);
        });
      });
    });
  });
});
