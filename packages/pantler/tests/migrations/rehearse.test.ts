import { describe, expect, it } from "vitest";
import { query, waitForStatement } from "../support/inspect.js";
import { rehearse, rehearseOne, withPast } from "../support/rehearsing.js";

const jars = `
  create table jars (id int primary key, label text, weight int);
  insert into jars select n, 'jar ' || n, n from generate_series(1, 1000) as n`;

describe("a rehearsal measures that", () => {
  it("changing a column's type rewrites the table and keeps everybody out", async () => {
    await rehearseOne("alter table jars alter column weight type bigint;", { before: jars }, (rehearsal) => {
      const [statement] = rehearsal.statements;
      expect(statement).toMatchObject({
        version: "1",
        file: "supabase/migrations/1_it.sql",
        line: 1,
        text: "alter table jars alter column weight type bigint",
        locks: [{ table: "public.jars", mode: "AccessExclusiveLock" }],
        rewritten: ["public.jars"],
        rows: [],
        blocks: "everything",
      });
      expect(statement?.milliseconds).toBeGreaterThan(0);
      expect(rehearsal.tables).toMatchObject([
        { table: "public.jars", rows: 1000, mode: "AccessExclusiveLock", line: 1 },
      ]);
      expect(rehearsal.tables[0]?.heldMilliseconds).toBeGreaterThanOrEqual(statement?.milliseconds ?? 0);
      // The values are the same, and it did not take long.
      expect(rehearsal.rows).toEqual([
        { schema: "public", name: "jars", before: 1000, after: 1000, changed: false },
      ]);
      expect(rehearsal.risks).toEqual([]);
    });
  });

  it("a column with a constant default is added without rewriting or reading the table", async () => {
    await rehearseOne(
      "alter table jars add column lid boolean not null default true;",
      { before: jars },
      ({ statements, rows }) => {
        expect(statements).toMatchObject([
          { blocks: "everything", rewritten: [], scanned: [], locks: [{ mode: "AccessExclusiveLock" }] },
        ]);
        expect(rows).toMatchObject([{ changed: false }]);
      },
    );
  });

  it("a column with a default that differs from row to row rewrites it", async () => {
    await rehearseOne(
      "alter table jars add column key uuid default gen_random_uuid();",
      { before: jars },
      ({ statements }) => expect(statements).toMatchObject([{ rewritten: ["public.jars"] }]),
    );
  });

  it("not null, a check, a foreign key and an index make the server read the whole table", async () => {
    const script = `
      alter table jars alter column weight set not null;
      alter table jars add constraint heavy check (weight > 0);
      alter table jars add constraint light check (weight < 5000) not valid;
      create index jars_weight on jars (weight);
      alter table lids add constraint on_jar foreign key (jar) references jars;`;
    const before = `${jars}; create table lids (id int, jar int); insert into lids select n, n from generate_series(1, 500) as n`;
    await rehearseOne(script, { before }, ({ statements }) => {
      expect(statements.map(({ scanned }) => scanned)).toEqual([
        ["public.jars"],
        ["public.jars"],
        [],
        ["public.jars"],
        expect.arrayContaining(["public.lids"]),
      ]);
      // What the first has locked stays locked while the others run.
      expect(statements.every(({ blocks }) => blocks === "everything")).toBe(true);
      expect(statements.map(({ locks }) => locks.map(({ mode }) => mode))).toEqual([
        ["AccessExclusiveLock"],
        [],
        [],
        [],
        ["ShareRowExclusiveLock"],
      ]);
    });
  });

  it("building an index keeps writers out, and readers not", async () => {
    await rehearseOne("create index on jars (weight);", { before: jars }, ({ statements, tables }) => {
      expect(statements).toMatchObject([
        { locks: [{ table: "public.jars", mode: "ShareLock" }], blocks: "writes", scanned: ["public.jars"] },
      ]);
      expect(tables).toMatchObject([{ mode: "ShareLock" }]);
    });
  });

  it("building an index concurrently keeps out nobody but other changes of the schema", async () => {
    await rehearseOne(
      "create index concurrently jars_weight on jars (weight);",
      {
        before: jars.replace("1000", "50000"),
        rollbacks: { "1_it.sql": "drop index concurrently jars_weight;" },
      },
      ({ statements, tables, rollback, risks }) => {
        expect(statements).toMatchObject([
          {
            locks: [{ table: "public.jars", mode: "ShareUpdateExclusiveLock" }],
            blocks: "schema changes",
            scanned: ["public.jars"],
            rewritten: [],
          },
        ]);
        expect(tables).toMatchObject([{ mode: "ShareUpdateExclusiveLock" }]);
        expect(risks).toEqual([]);
        expect(rollback).toEqual({ status: "proven", details: [] });
      },
    );
  });

  it("rows are inserted, updated and deleted", async () => {
    const script = `
      update jars set label = upper(label) where id <= 300;
      delete from jars where id > 900;
      insert into jars select n, 'new', n from generate_series(2001, 2050) as n;
      truncate lids;`;
    const before = `${jars}; create table lids (id int); insert into lids select generate_series(1, 70)`;
    await rehearseOne(script, { before }, ({ statements, rows, tables, risks }) => {
      const of = (table: string, inserted: number, updated: number, deleted: number) => [
        { table, inserted, updated, deleted },
      ];
      expect(statements.map((statement) => statement.rows)).toEqual([
        of("public.jars", 0, 300, 0),
        of("public.jars", 0, 0, 100),
        of("public.jars", 50, 0, 0),
        of("public.lids", 0, 0, 70),
      ]);
      expect(statements[3]?.rewritten).toEqual([]);
      expect(risks).toEqual([
        "1_it.sql:5 empties public.lids of its 70 rows: what is not kept elsewhere is then only in a backup.",
      ]);
      expect(rows).toEqual([
        { schema: "public", name: "jars", before: 1000, after: 950, changed: true },
        { schema: "public", name: "lids", before: 70, after: 0, changed: true },
      ]);
      expect(tables.find(({ table }) => table === "public.jars")).toMatchObject({
        mode: "RowExclusiveLock",
        rows: 1000,
        line: 2,
      });
    });
  });

  it("a lock is held until the commit, through statements and checks that come after", async () => {
    await rehearseOne(
      "alter table jars add column lid text;\nselect pg_sleep(0.2);",
      {
        before: jars,
        checks: {
          "1_it.sql":
            "-- check: slow\n-- expect: no rows\nselect from pg_sleep(0.2) where false;\n-- check: sleeps\n-- expect: rows 1\nselect pg_sleep(0.15);\n",
        },
      },
      ({ statements, tables, risks, checks }) => {
        const [altered, slept] = statements;
        expect(altered?.milliseconds).toBeLessThan(150);
        expect(slept).toMatchObject({ line: 2, blocks: "everything", locks: [] });
        expect(slept?.milliseconds).toBeGreaterThanOrEqual(200);
        expect(tables).toHaveLength(1);
        expect(tables[0]?.heldMilliseconds).toBeGreaterThanOrEqual(350);
        expect(checks.map(({ outcome }) => outcome)).toEqual(["passed", "passed"]);
        expect(risks).toHaveLength(1);
        expect(risks[0]).toMatch(
          /^1_it\.sql:1 locks public\.jars \(1,000 rows\): every read and write of it waits for about \d+ ms, until the deployment commits(, most of it for (1_it\.sql:2|checks))?\.$/,
        );
      },
    );
  });

  it("somebody who wants to read waits about as long as it says", async () => {
    const script = "alter table jars alter weight type bigint;\nselect pg_sleep(0.6);";
    await withPast({ "1_it.sql": script }, { before: jars }, async (project) => {
      const work = rehearse(project);
      await waitForStatement(project.url, "select pg_sleep%");
      const started = performance.now();
      await query(project.url, "select count(*) from jars");
      const waited = performance.now() - started;
      const [held] = (await work).tables;
      expect(held?.heldMilliseconds).toBeGreaterThan(waited * 0.9);
      expect(held?.heldMilliseconds).toBeLessThan(waited + 600);
    });
  });

  it("replacing a view keeps everybody from it", async () => {
    const before = `${jars}; create view heavy as select * from jars where weight > 500`;
    const script = "create or replace view heavy as select * from jars where weight > 600;";
    await rehearseOne(script, { before }, ({ statements }) => {
      expect(statements[0]?.locks).toContainEqual({ table: "public.heavy", mode: "AccessExclusiveLock" });
    });
  });

  it("what was locked before a savepoint's rollback is let go with it", async () => {
    await rehearseOne(
      "savepoint one; alter table jars add column lid text; rollback to one; select pg_sleep(0.2);",
      { before: jars },
      ({ tables, risks }) => {
        expect(tables[0]?.heldMilliseconds).toBeLessThan(150);
        expect(risks).toEqual([]);
      },
    );
  });

  it("tables that are made in the same run are nobody's concern", async () => {
    const script =
      "create table lids (id int); insert into lids values (1); alter table lids alter id type bigint;";
    await rehearseOne(script, {}, ({ statements, tables, rows }) => {
      expect(statements.every(({ locks, rewritten }) => locks.length + rewritten.length === 0)).toBe(true);
      expect(tables).toEqual([]);
      expect(rows).toEqual([{ schema: "public", name: "lids", before: null, after: 1, changed: true }]);
    });
  });

  it("names are what SQL writes", async () => {
    const before = `create schema "My ""schema"""; create table "My ""schema"""."A table" (id int)`;
    await rehearseOne(`alter table "My ""schema"""."A table" add column b int;`, { before }, (rehearsal) => {
      const table = `"My ""schema"""."A table"`;
      expect(rehearsal.statements[0]?.locks).toEqual([{ table, mode: "AccessExclusiveLock" }]);
      expect(rehearsal.tables).toMatchObject([{ table }]);
    });
  });

  it("partitions are locked and rewritten with their table, which has the rows of all", async () => {
    const before = `
      create table moves (id int, amount int) partition by range (id);
      create table moves_low partition of moves for values from (0) to (100);
      create table moves_high partition of moves for values from (100) to (1000);
      insert into moves select n, n from generate_series(1, 500) as n`;
    const script =
      "alter table moves alter amount type bigint;\nupdate moves set amount = 0 where id < 150;\nselect pg_sleep(0.1);";
    await rehearseOne(script, { before }, ({ statements, tables, risks }) => {
      expect(statements[0]?.locks.map(({ table }) => table).sort()).toEqual([
        "public.moves",
        "public.moves_high",
        "public.moves_low",
      ]);
      expect([...(statements[0]?.rewritten ?? [])].sort()).toEqual(["public.moves_high", "public.moves_low"]);
      expect(statements[1]?.rows).toHaveLength(2);
      expect(tables.find(({ table }) => table === "public.moves")).toMatchObject({ rows: 500 });
      expect(risks).toHaveLength(1);
      expect(risks[0]).toMatch(
        /^1_it\.sql:1 rewrites public\.moves \(500 rows\): every read and write of it waits for about \d+ ms, until the deployment commits, most of it for 1_it\.sql:3\.$/,
      );
    });
  });

  it("a foreign key locks the table that it refers to, Supabase's as well", async () => {
    await rehearseOne(
      "create table keepers (id uuid references auth.users);",
      {},
      ({ statements, tables }) => {
        expect(statements[0]).toMatchObject({
          locks: [{ table: "auth.users", mode: "ShareRowExclusiveLock" }],
          blocks: "writes",
        });
        expect(tables).toMatchObject([{ table: "auth.users" }]);
      },
    );
  });

  it("a table that is dropped takes its rows with it", async () => {
    await rehearseOne("drop table jars;", { before: jars }, ({ risks, rows, statements }) => {
      expect(statements[0]?.locks).toEqual([{ table: "public.jars", mode: "AccessExclusiveLock" }]);
      expect(risks[0]).toBe(
        "1_it.sql:1 drops public.jars with its 1,000 rows: what is not kept elsewhere is then only in a backup.",
      );
      expect(rows).toEqual([{ schema: "public", name: "jars", before: 1000, after: null, changed: true }]);
    });
  });
});

describe("a rehearsal says in a sentence what others will notice", () => {
  it("of several tables that wait for the same commit, and for what", async () => {
    const before = `${jars}; create table lids (id int); create table pans (id int); create table pots (id int)`;
    const script = `
      alter table lids add column a text;
      alter table jars alter column weight type bigint;
      alter table pans add column a text;
      alter table pots add column a text;`;
    const checks = { "smoke.sql": "-- check: slow\n-- expect: rows 1\nselect pg_sleep(0.5);\n" };
    await rehearseOne(script, { before, checks }, ({ risks }) => {
      expect(risks.map((risk) => risk.replaceAll(/\d+ ms/g, "<time>"))).toEqual([
        "1_it.sql:3 rewrites public.jars (1,000 rows): every read and write of it waits for about <time>, until the deployment commits, most of it for checks.",
        "1_it.sql:2 locks public.lids (0 rows): every read and write of it waits for about <time>, until the deployment commits, most of it for checks, and so for public.pans and public.pots.",
      ]);
    });
  });

  it("of a table that is rewritten under a lock that was taken before", async () => {
    const script =
      "alter table jars add column lid text;\nalter table jars alter weight type bigint;\nselect pg_sleep(0.2);";
    await rehearseOne(script, { before: jars }, ({ risks }) => {
      expect(risks.map((risk) => risk.replaceAll(/\d+ ms/g, "<time>"))).toEqual([
        "1_it.sql:1 locks public.jars (1,000 rows), which 1_it.sql:2 rewrites: every read and write of it waits for about <time>, until the deployment commits, most of it for 1_it.sql:3.",
      ]);
    });
  });

  it("of rows that many want to change, and of an index that takes its time", async () => {
    const before = `${jars}; create table lids (id int); insert into lids select generate_series(1, 20000)`;
    const script = "update lids set id = id + 1;\ncreate index on jars (label);\nselect pg_sleep(0.4);";
    await rehearseOne(script, { before }, ({ risks }) => {
      expect(risks.map((risk) => risk.replaceAll(/\d+ ms/g, "<time>"))).toEqual([
        "1_it.sql:2 locks public.jars (1,000 rows): every write to it waits for about <time>, until the deployment commits, most of it for 1_it.sql:3.",
        "1_it.sql:1 updates 20,000 rows of public.lids: whoever changes one of these rows waits for about <time>, until the deployment commits.",
      ]);
    });
  });
});

describe("a rehearsal runs as the real run does", () => {
  it("in as many transactions as enum values ask for", async () => {
    const migrations = {
      "1_add.sql": "alter table jars add column lid text;\nalter type size add value 'huge';",
      "2_use.sql": "alter table jars add column size size default 'huge';\nselect pg_sleep(0.2);",
    };
    await withPast(migrations, { before: `create type size as enum ('small'); ${jars}` }, async (project) => {
      const { migrations: versions, tables, statements } = await rehearse(project);
      expect(versions).toEqual(["1", "2"]);
      // Taken again in the second transaction, which is the slow one.
      expect(statements.map(({ locks }) => locks.length)).toEqual([1, 0, 1, 0]);
      expect(tables).toMatchObject([
        { table: "public.jars", file: "supabase/migrations/2_use.sql", line: 1 },
      ]);
      expect(tables[0]?.heldMilliseconds).toBeGreaterThanOrEqual(200);
    });
  });

  it("outside of a transaction statement by statement, with the file's own blocks as they are", async () => {
    const script = `
      create index concurrently jars_label on jars (label);
      alter table jars add column lid text;
      begin;
      update jars set lid = 'tin';
      commit;
      do $$ begin update jars set weight = 0 where id < 11; commit; end $$;
      vacuum full jars;`;
    await withPast({ "1_it.sql": script }, { before: jars }, async (project) => {
      const { statements } = await rehearse(project);
      expect(statements.map(({ text }) => text.split(" ")[0])).toEqual([
        "create",
        "alter",
        "update",
        "do",
        "vacuum",
      ]);
      expect(statements[1]).toMatchObject({ blocks: "everything" });
      expect(statements[2]?.rows).toEqual([{ table: "public.jars", inserted: 0, updated: 1000, deleted: 0 }]);
      expect(statements[3]?.rows).toMatchObject([{ table: "public.jars", updated: 10 }]);
      expect(statements[4]).toMatchObject({ rewritten: ["public.jars"], blocks: "everything" });
    });
  });

  it("and records in the ledger of the copy what it has applied", async () => {
    await withPast(
      { "1_it.sql": "alter table jars add column lid text;" },
      { before: jars },
      async (project) => {
        await rehearse(project);
        expect(await query(project.url, "select version, status from pantler.migration_control")).toEqual([
          { version: "1", status: "complete" },
        ]);
        const again = await rehearse(project);
        expect(again).toMatchObject({ migrations: [], statements: [], rollback: { status: "proven" } });
      },
    );
  });

  it("whoever a file becomes, and whatever it sets", async () => {
    const script = `
      create role watcher;
      grant watcher to postgres with set true;
      alter table jars add column lid text;
      grant update (lid), select on jars to watcher;
      set search_path = '';
      set role watcher;
      update public.jars set lid = 'tin';
      reset role;
      drop owned by watcher;
      drop role watcher;`.replaceAll("watcher", `watcher_${process.pid}`);
    await rehearseOne(script, { before: jars }, ({ statements }) => {
      expect(statements.flatMap(({ rows }) => rows)).toEqual([
        { table: "public.jars", inserted: 0, updated: 1000, deleted: 0 },
      ]);
    });
  });

  it("up to the version that is asked for", async () => {
    await withPast(
      { "1_it.sql": "create table a (id int);", "2_more.sql": "create table b (id int);" },
      {},
      async (project) => expect((await rehearse(project, { to: "1" })).migrations).toEqual(["1"]),
    );
  });
});
