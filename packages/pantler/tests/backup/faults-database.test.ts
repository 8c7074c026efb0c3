import type { AddressInfo } from "node:net";
import { createConnection, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { createBackup, previewRestore } from "../../src/backup/index.js";
import { type Begun, emptyAgain } from "../../src/backup/restore/empty-again.js";
import {
  DatabaseUrl,
  drillBackup,
  listBackups,
  openStore,
  restoreBackup,
  type Target,
} from "../../src/index.js";
import { backUp, restore, targetAt } from "../support/backups.js";
import { withDatabaseUrl, withRole } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { contentOf, fillPantry } from "../support/pantry.js";
import { type TestProject, withProject } from "../support/project.js";

/** Runs statements over a connection of its own, again and again, until it is stopped; those that fail are counted. */
class Writer {
  readonly written: { readonly name: string; readonly begun: number; readonly ended: number }[] = [];
  failed = 0;
  #goesOn = true;
  readonly #ended: Promise<void>;

  constructor(url: string, number: number) {
    this.#ended = this.#write(url, number);
  }

  async stop(): Promise<void> {
    this.#goesOn = false;
    await this.#ended;
  }

  async #write(url: string, number: number): Promise<void> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (let turn = 0; this.#goesOn; turn += 1) {
      const name = `writer ${number}, ${turn}`;
      const begun = performance.now();
      try {
        await client.query(
          `with added as (insert into suppliers (name) values ($1) returning id)
           insert into goods (supplier, price) select 1 + $2 % 600, 1 from added`,
          [name, turn],
        );
        this.written.push({ name, begun, ended: performance.now() });
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error;
        this.failed += 1;
      }
      await sleep(1);
    }
    await client.end();
  }
}

describe("a restore while others write", () => {
  it("is done, or refused with everything as it was; nobody sees anything in between", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const backup = await backUp(project);
      const ofBackup = await query(project.url, "select id, name, note from suppliers order by id");
      let done = 0;
      for (let round = 0; round < 4; round += 1) {
        const writers = [1, 2, 3].map((number) => new Writer(project.url, 10 * round + number));
        await sleep(150);
        const begun = performance.now();
        const outcome = await restore(project, backup).catch((error: unknown) => error);
        const ended = performance.now();
        await sleep(150);
        for (const writer of writers) await writer.stop();
        const isDone = !(outcome instanceof Error);
        if (isDone) done += 1;
        else expect(outcome).toMatchObject({ code: "lock-not-granted", exit: 5 });
        const now = await query(project.url, "select id, name, note from suppliers order by id");
        const names = new Set(now.map(({ name }) => name));
        const written = writers.flatMap((writer) => writer.written);
        const kept = written.filter(({ name }) => names.has(name));
        for (const row of written) {
          if (isDone && row.ended < begun) expect(names.has(row.name), "written before").toBe(false);
          if (row.begun > ended || !isDone) expect(names.has(row.name), "written after").toBe(true);
        }
        if (isDone) {
          expect(now.slice(0, ofBackup.length)).toEqual(ofBackup);
          expect(now).toHaveLength(ofBackup.length + kept.length);
          const [pairs] = await query(
            project.url,
            "select count(*)::int as goods from goods where id > 1500",
          );
          expect(pairs?.goods).toBe(kept.length);
        }
      }
      expect(done).toBeGreaterThan(0);
    });
  });
});

const superuser = () => DatabaseUrl.parse(inject("superuserUrl"), "the test setup");

/** Runs a test with a database that belongs to a role without special rights, on a server that is not Supabase's. */
async function withOwned(role: string, test: (url: string) => Promise<void>): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const { database } = DatabaseUrl.parse(url, "the test");
    const admin = superuser().with({ database }).withPassword();
    const name = pg.escapeIdentifier(role);
    await query(admin, `alter database ${database} owner to ${name}; alter schema public owner to ${name}`);
    await test(superuser().with({ database, user: role, password: "x" }).withPassword());
  }, "template0");
}

describe("a role without any special right", () => {
  it("backs up, proves and restores what it owns, over what is there and into nothing", async () => {
    await withRole(
      async (role) => {
        await withProject({}, async (project) => {
          await withOwned(role, async (url) => {
            await query(
              url,
              `create table goods (id serial primary key, name text);
               insert into goods (name) select 'good ' || n from generate_series(1, 100) as n;
               create schema cellar; create table cellar.wine (year int, good int references goods)`,
            );
            const content = await contentOf(url);
            const backup = await backUp(project, {}, url);
            expect(await drillBackup(backup, {}, project.operation)).toMatchObject({ proven: true });
            await query(url, "delete from goods where id > 50; drop schema cellar cascade");
            await restore(project, backup, {}, url);
            expect(await contentOf(url)).toBe(content);
            await withOwned(role, async (other) => {
              await restore(project, backup, {}, other);
              expect(await contentOf(other)).toBe(content);
            });
          });
        });
      },
      { options: "login password 'x'" },
    );
  });

  it("is told which table or sequence it may not read, and gets no backup without it", async () => {
    await withRole(
      async (role) => {
        await withProject({}, async (project) => {
          await fillPantry(project.url);
          const { database } = DatabaseUrl.parse(project.url, "the test");
          const admin = superuser().with({ database }).withPassword();
          const url = superuser().with({ database, user: role, password: "x" }).withPassword();
          const name = pg.escapeIdentifier(role);
          await query(
            admin,
            `grant usage on schema public, auth to ${name};
             grant select on all tables in schema public, auth to ${name};
             grant select on all sequences in schema public to ${name};
             revoke select on public.movements_old from ${name}`,
          );
          const store = await openStore(project.target.environment.backups.store);
          const refused = async (message: RegExp) => {
            const error = await failure(backUp(project, {}, url));
            expect(error).toMatchObject({ code: "right-missing", exit: 4 });
            expect(error.message).toMatch(message);
            expect(await store.folders()).toEqual([]);
          };
          await refused(/"public"\."movements_old"/);
          await query(admin, `grant select on public.movements_old to ${name}`);
          // Row security hides rows of it from a role that is not its owner.
          await refused(/"public"\."suppliers"/);
          await query(
            admin,
            `alter role ${name} bypassrls; revoke select on sequence goods_id_seq from ${name}`,
          );
          await refused(/"public"\."goods_id_seq"/);
          await query(admin, `grant select on sequence goods_id_seq to ${name}`);
          const backup = await backUp(project, {}, url);
          expect(await drillBackup(backup, {}, project.operation)).toMatchObject({ proven: true });
          const content = await contentOf(project.url);
          expect(await failure(restore(project, backup, {}, url))).toMatchObject({
            code: "right-missing",
            exit: 4,
          });
          expect(await contentOf(project.url)).toBe(content);
        });
      },
      { options: "login password 'x' nobypassrls" },
    );
  });
});

describe("an address that cannot be worked with", () => {
  const uses = (
    target: Target,
    { backup, operation }: { backup: Awaited<ReturnType<typeof backUp>> } & TestProject,
  ) => [
    createBackup(target, {}, operation),
    restoreBackup(target, backup, { keys: {} }, operation),
    previewRestore(target, backup, {}),
  ];

  it("because it is a pooler's in transaction mode is refused before anything is asked of it", async () => {
    await withProject({}, async (project) => {
      await query(project.url, "create table goods ()");
      const backup = await backUp(project);
      const pooled = { ...project.target, url: project.target.url.with({ port: 6543 }) };
      for (const error of await Promise.all(uses(pooled, { ...project, backup }).map(failure))) {
        expect(error).toMatchObject({ code: "transaction-pooler", exit: 4 });
      }
      expect((await listBackups(backup.store)).map(({ id }) => id)).toEqual([backup.id]);
    });
  });

  it("because its server is too old is refused, and nothing is listed nor changed", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const content = await contentOf(project.url);
      const backup = await backUp(project);
      await withOlderServer(project.url, async (url) => {
        const works = uses(targetAt(project, url), { ...project, backup });
        for (const error of await Promise.all(works.map(failure))) {
          expect(error).toMatchObject({ code: "server-too-old", exit: 4 });
        }
      });
      expect((await listBackups(backup.store)).map(({ id }) => id)).toEqual([backup.id]);
      expect(await backup.store.folders()).toEqual([backup.id]);
      expect(await contentOf(project.url)).toBe(content);
    });
  });
});

/** Runs a test with a server that says that it is of version 14. */
async function withOlderServer(url: string, test: (url: string) => Promise<void>): Promise<void> {
  const { port } = DatabaseUrl.parse(url, "the test");
  const server: Server = createServer((client) => {
    const upstream = createConnection({ host: "127.0.0.1", port });
    client.pipe(upstream);
    upstream.on("data", (bytes) => {
      client.write(Buffer.from(bytes.toString("latin1").replaceAll(/17(\d{4})/g, "14$1"), "latin1"));
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const older = new URL(url);
  older.port = String((server.address() as AddressInfo).port);
  try {
    await test(older.href);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("a restore into an empty database that finds out late that it failed", () => {
  it("leaves alone what another one has made since, and says so", async () => {
    await withProject({}, async (project) => {
      await fillPantry(project.url);
      const content = await contentOf(project.url);
      const { url } = targetAt(project, project.url);
      const begun: Begun = {
        id: "20261121T000000Z-abcdef",
        before: { extensions: [], missingRoles: [], schema: "" },
        token: "its own",
        filled: false,
        sessions: [],
        authTables: [],
      };
      const lost = new Error("the connection broke long ago");
      const others = { code: "restored-by-another", exit: 6 };
      expect(await failure(emptyAgain(url, begun, lost))).toMatchObject(others);
      expect(await contentOf(project.url)).toBe(content);
      await query(
        project.url,
        "create schema if not exists pantler; create table pantler.restore_in_progress as select 'another' as token",
      );
      expect(await failure(emptyAgain(url, { ...begun, filled: true }, lost))).toMatchObject(others);
      await query(project.url, "drop schema pantler cascade");
      expect(await contentOf(project.url)).toBe(content);
    });
  });
});
