import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import {
  copyConnections,
  digestTable,
  listTables,
  lockForReading,
  requireReadable,
  requireUtf8,
  withSnapshot,
} from "../../src/copy/index.js";
import { addressOf, bothDigests, tableNamed, withCopySession } from "../support/copying.js";
import { withDatabase, withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query, waitForStatement } from "../support/inspect.js";

const notes = { schema: "public", name: "notes" };

describe("a snapshot", () => {
  it("shows all its sessions the same moment, while a writer goes on", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table accounts as select n, 100 as amount from generate_series(1, 50) n");
      const writer = new pg.Client({ connectionString: url });
      await writer.connect();
      let writing = true;
      const writes = (async () => {
        for (let turn = 0; writing; turn += 1) {
          await writer.query("insert into accounts values ($1, 100)", [turn]);
          await writer.query("update accounts set amount = amount + 1 where n % 10 = $1", [turn % 10]);
          if (turn % 7 === 0) await writer.query("delete from accounts where n % 10 = $1", [turn % 3]);
        }
      })();
      try {
        for (let turn = 0; turn < 10; turn += 1) {
          await withSnapshot(addressOf(url), async ({ client, readers }) => {
            expect(readers).toHaveLength(copyConnections());
            const table = await tableNamed(client, "accounts");
            const first = await digestTable(client, table);
            await sleep(10);
            for (const session of [client, ...readers, client]) {
              const { stream, server } = await bothDigests(session, "accounts");
              expect(stream).toEqual(first);
              expect(server).toEqual(first);
            }
          });
        }
      } finally {
        writing = false;
        await writes;
        await writer.end();
      }
    });
  });

  it("can be joined by others under its name, and is gone with all its sessions afterwards", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes as select 1 as n");
      const id = await withSnapshot(addressOf(url), async (snapshot) => {
        await query(url, "insert into notes values (2)");
        await withCopySession(url, async (other) => {
          await other.query("begin isolation level repeatable read");
          await other.query(`set transaction snapshot '${snapshot.id}'`);
          expect((await other.query("select from public.notes")).rowCount).toBe(1);
        });
        return snapshot.id;
      });
      expect(await sessionsOf(url)).toBe(0);
      await expect(
        withCopySession(url, async (other) => {
          await other.query("begin isolation level repeatable read");
          await other.query(`set transaction snapshot '${id}'`);
        }),
      ).rejects.toThrow("does not exist");
    });
  });

  it("changes nothing", async () => {
    await withDatabaseUrl(async (url) => {
      const work = withSnapshot(addressOf(url), async ({ client }) => {
        await client.query("create table public.notes (n int)");
      });
      await expect(work).rejects.toMatchObject({ code: "25006" });
    });
  });

  it("is closed when the work fails, and throws what the work threw", async () => {
    await withDatabaseUrl(async (url) => {
      const work = withSnapshot(addressOf(url), async () => {
        throw new Error("the store is full");
      });
      await expect(work).rejects.toThrow("the store is full");
      expect(await sessionsOf(url)).toBe(0);
    });
  });

  it("leaves no session behind when the server has no room for all of them", async () => {
    await withDatabaseUrl(async (url) => {
      const role = `copier_${randomBytes(4).toString("hex")}`;
      await asSuperuser(url, `create role ${role} login password 'x' connection limit 2`);
      try {
        const address = addressOf(url).with({ user: role, password: "x" });
        for (let turn = 0; turn < 5; turn += 1) {
          expect(await failure(withSnapshot(address, async () => {}))).toMatchObject({ code: "server-busy" });
          expect(await sessionsOf(url)).toBe(0);
        }
      } finally {
        await asSuperuser(url, `drop role ${role}`);
      }
    });
  });

  it.each(["LATIN1", "SQL_ASCII", "EUC_JP"])("is refused of a database in %s", async (encoding) => {
    await withDatabaseUrl(async (url) => {
      const database = `encoded_${randomBytes(4).toString("hex")}`;
      await asSuperuser(
        url,
        `create database ${database} encoding '${encoding}' template template0 locale_provider libc locale 'C'`,
      );
      try {
        const address = addressOf(url).with({ database });
        const error = await failure(withSnapshot(address, async () => {}));
        expect(error).toMatchObject({ code: "encoding-unsupported", exit: 4 });
        expect(error.message).toContain(encoding);
        await withCopySession(address.withPassword(), async (client) => {
          expect(await failure(requireUtf8(client))).toMatchObject({ code: "encoding-unsupported" });
        });
      } finally {
        await asSuperuser(url, `drop database ${database} with (force)`);
      }
    });
  });
});

describe("tables locked for reading", () => {
  it("make a change of their shape wait, but no writer", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes (n int)");
      let altered: Promise<unknown> = Promise.resolve();
      let done = false;
      await withSnapshot(addressOf(url), async ({ client }) => {
        await lockForReading(client, [notes]);
        await query(url, "insert into notes values (1)");
        await query(url, "update notes set n = 2");
        await query(url, "create index on notes (n)");
        altered = query(url, "alter table notes add column body text").then(() => {
          done = true;
        });
        await waitForStatement(url, "alter table%");
        await sleep(200);
        expect(done).toBe(false);
      });
      await altered;
    });
  });

  it("make further sessions of the snapshot wait behind such a change, but not for ever", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes as select 1 as n");
      let altered: Promise<unknown> = Promise.resolve();
      const work = withSnapshot(addressOf(url), async ({ client, readers: [reader] }) => {
        await lockForReading(client, [notes]);
        const table = await tableNamed(client, "notes");
        altered = query(url, "alter table notes add column body text");
        await waitForStatement(url, "alter table%");
        expect((await digestTable(client, table)).rows).toBe(1n);
        await reader?.query("set local lock_timeout = 50");
        await digestTable(reader ?? client, table);
      });
      expect(await failure(work)).toMatchObject({ code: "table-locked", exit: 5, sqlstate: "55P03" });
      await altered;
    });
  });

  it.each([
    ["emptied", "truncate notes"],
    ["rewritten", "alter table notes alter n type bigint"],
    ["made anew", "drop table notes; create table notes as select 3 as n"],
    ["dropped", "drop table notes"],
    ["given another name", "alter table notes rename to comments"],
  ])(
    "are noticed to have been %s after the snapshot was taken, when they would look empty",
    async (_, change) => {
      await withDatabaseUrl(async (url) => {
        await query(url, "create table notes as select 1 as n; create table others as select 1 as n");
        const work = withSnapshot(addressOf(url), async ({ client }) => {
          const tables = await listTables(client, ["public"]);
          await query(url, change);
          await lockForReading(client, tables);
        });
        const error = await failure(work);
        expect(error).toMatchObject({ code: "table-replaced", exit: 5 });
        expect(error.message).toContain("notes");
        expect(error.message).not.toContain("others");
      });
    },
  );

  it("may have been written to, extended and cleaned up meanwhile", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes as select n from generate_series(1, 1000) n");
      await query(url, `create table "Ünï ""quoted""" (n int); create view seen as select from notes`);
      await withSnapshot(addressOf(url), async ({ client, readers }) => {
        const tables = await listTables(client, ["public"]);
        await query(url, "insert into notes values (1)");
        await query(url, "delete from notes where n % 2 = 0");
        await query(url, "vacuum notes");
        await query(url, "alter table notes add column body text default 'later'");
        await lockForReading(client, tables);
        await lockForReading(client, []);
        expect((await bothDigests(readers[0] ?? client, "notes")).stream.rows).toBe(1000n);
      });
    });
  });

  it("are more than one statement takes", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        "do $$ begin for i in 1..450 loop execute format('create table t_%s (n int)', i); end loop; end $$",
      );
      await withSnapshot(addressOf(url), async ({ client }) => {
        await lockForReading(client, await listTables(client, ["public"]));
        const { rows } = await client.query<{ locks: number }>(
          "select count(*)::int as locks from pg_locks where pid = pg_backend_pid() and relation in (select oid from pg_class where relname like 't\\_%')",
        );
        expect(rows[0]?.locks).toBe(450);
      });
    });
  });

  it("that cannot be had in time are told from other failures", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, "create table notes as select 1 as n");
      const holder = new pg.Client({ connectionString: url });
      await holder.connect();
      try {
        await holder.query("begin; lock table notes in access exclusive mode");
        const work = withSnapshot(addressOf(url), async ({ client }) => {
          await client.query("set local lock_timeout = 50");
          await lockForReading(client, [notes]);
        });
        expect(await failure(work)).toMatchObject({ code: "table-locked", exit: 5, sqlstate: "55P03" });
      } finally {
        await holder.end();
      }
    });
  });
});

describe("tables to copy", () => {
  it("are those with rows of their own, with the columns that are stored", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `create table "Ünï ""quoted""" (gone int, b int, "select" text, c int generated always as (b + 1) stored, i int generated always as identity);
         alter table "Ünï ""quoted""" drop column gone;
         create unlogged table fast (n int); create table bare ();
         create view v as select; create materialized view mv as select 1 as n; create temporary table t (n int);
         create table years (y int) partition by range (y); create table years_1 partition of years default;
         create schema other; create table other.far (n int); create table other.wanted (n int);
         create extension if not exists hstore`,
      );
      await withCopySession(url, async (client) => {
        const tables = await listTables(
          client,
          ["public"],
          [
            { schema: "other", name: "wanted" },
            { schema: "other", name: "missing" },
          ],
        );
        expect(tables.map(({ schema, name, columns }) => [schema, name, columns])).toEqual([
          ["other", "wanted", ["n"]],
          ["public", "bare", []],
          ["public", "fast", ["n"]],
          ["public", "years_1", ["y"]],
          ["public", 'Ünï "quoted"', ["b", "select", "i"]],
        ]);
        requireReadable(tables);
      });
    });
  });

  it("are refused by name when the role may not read them, or row security hides rows of them", async () => {
    await withDatabase(async ({ client, admin, url }) => {
      const role = `reader_${randomBytes(4).toString("hex")}`;
      await admin.query(`create role ${role} login password 'x' nobypassrls`);
      try {
        await client.query(`
          create schema closed; create table closed.inside as select 1 as n; grant select on closed.inside to public;
          create table open as select 1 as n; grant select on open to public;
          create table refused as select 1 as n; revoke all on refused from public, anon, authenticated;
          create table hidden as select 1 as n; alter table hidden enable row level security; grant select on hidden to public;
          create table "Forced ""one""" as select 1 as n; alter table "Forced ""one""" enable row level security;
        `);
        await admin.query(`alter table public."Forced ""one""" owner to ${role}`);
        const address = addressOf(url).with({ user: role, password: "x" });
        const list = async () =>
          await withSnapshot(
            address,
            async (snapshot) => await listTables(snapshot.client, ["public", "closed"]),
          );
        const unreadable = async () =>
          (await list()).filter((table) => table.unreadable).map(({ name, unreadable: why }) => [name, why]);
        expect(await unreadable()).toEqual([
          ["inside", "no right to select"],
          ["hidden", "row security hides rows"],
          ["refused", "no right to select"],
        ]);
        const tables = await list();
        const error = await failure((async () => requireReadable(tables))());
        expect(error).toMatchObject({ code: "right-missing", exit: 4 });
        expect(error.message).toBe(
          'The role lacks the right to select from "closed"."inside", "public"."refused".',
        );
        await admin.query(
          `grant usage on schema closed to ${role}; grant select on public.refused to ${role}`,
        );
        await admin.query(`alter table public."Forced ""one""" force row level security`);
        const later = await list();
        expect((await failure((async () => requireReadable(later))())).message).toBe(
          'The role lacks the right to see every row of "public"."Forced ""one""", "public"."hidden": row security hides some.',
        );
        // Nobody who forgets to ask gets a part for the whole.
        await withSnapshot(address, async (snapshot) => {
          const work = bothDigests(snapshot.client, "hidden");
          await expect(work).rejects.toMatchObject({ code: "42501" });
        });
        await withCopySession(url, async (bypassing) => {
          requireReadable(await listTables(bypassing, ["public", "closed"]));
        });
      } finally {
        await admin.query(`drop owned by ${role} cascade; drop role ${role}`);
      }
    });
  });
});

async function sessionsOf(url: string): Promise<number> {
  for (let attempt = 0; ; attempt += 1) {
    const [row] = await query(
      url,
      "select count(*)::int as sessions from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    if (row?.sessions === 0 || attempt > 100) return Number(row?.sessions);
    await sleep(20);
  }
}

async function asSuperuser(url: string, statement: string): Promise<void> {
  const { database } = addressOf(url);
  await query(addressOf(inject("superuserUrl")).with({ database }).withPassword(), statement);
}
