import { describe, expect, it } from "vitest";
import { backUp, restore } from "../support/backups.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query, schemaChanges, schemaOf } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

/** Runs a test with a project whose database holds something. */
async function withTables(sql: string, test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    await query(project.url, sql);
    await test(project);
  });
}

/** Where each row lies and which transaction wrote or locked it: the same as long as nobody touched it. */
async function places(url: string, table: string, condition = "true"): Promise<unknown> {
  return await query(
    url,
    `select count(*), md5(string_agg(concat_ws(' ', ctid, xmin, xmax, row.*), ',' order by ctid)) from ${table} as row where ${condition}`,
  );
}

const manyRows = `
  create table items (
    id int primary key, body text, price numeric, twice int generated always as (id * 2) stored, updated_at timestamptz
  );
  create function touch() returns trigger language plpgsql as 'begin new.updated_at := now(); return new; end';
  create trigger touched before insert or update on items for each row execute function touch();
  alter table items disable trigger touched;
  insert into items (id, body, price, updated_at) select n, 'row ' || n, n / 3.0, '2026-01-01' from generate_series(1, 10000) as n;
  alter table items enable always trigger touched;
`;

const damage = `
  alter table items disable trigger touched;
  delete from items where id % 100 = 0;
  update items set body = 'changed' where id % 200 = 1;
  insert into items values (10001, 'new since', 1);
  alter table items enable always trigger touched;
`;

const untouched = "id % 100 <> 0 and id % 200 <> 1";

describe("a merge", () => {
  it("with update brings back exactly the rows that are gone or different, and fires no trigger", async () => {
    await withTables(manyRows, async (project) => {
      const backup = await backUp(project);
      const before = await query(project.url, "select * from items order by id");
      const schema = await schemaOf(project.url);
      await query(project.url, damage);
      const others = await places(project.url, "items", untouched);
      const result = await restore(project, backup, { tables: ["items"], merge: "update" });
      expect(result).toMatchObject({
        way: "rows",
        tables: [{ schema: "public", name: "items", merged: { inserted: 100, updated: 50 } }],
      });
      expect(await places(project.url, "items", untouched)).toEqual(others);
      const after = await query(project.url, "select * from items order by id");
      expect(after.slice(0, -1)).toEqual(before);
      expect(after.at(-1)).toMatchObject({ id: 10001, body: "new since" });
      expect(await schemaChanges(schema, project.url)).toEqual([]);
    });
  });

  it("with skip brings back only the rows that are gone", async () => {
    await withTables(manyRows, async (project) => {
      const backup = await backUp(project);
      await query(project.url, damage);
      const present = await places(project.url, "items", "id % 100 <> 0");
      const result = await restore(project, backup, { tables: ["items"], merge: "skip" });
      expect(result.tables).toMatchObject([{ merged: { inserted: 100, updated: 0 } }]);
      expect(await places(project.url, "items", "id % 100 <> 0")).toEqual(present);
      expect(await query(project.url, "select count(*)::int from items where id % 100 = 0")).toEqual([
        { count: 100 },
      ]);
    });
  });

  it("of what was not changed changes nothing", async () => {
    await withTables(manyRows, async (project) => {
      const backup = await backUp(project);
      const before = await places(project.url, "items");
      const { tables } = await restore(project, backup, { merge: "update" });
      expect(tables.map(({ merged }) => merged)).toEqual(tables.map(() => ({ inserted: 0, updated: 0 })));
      expect(await places(project.url, "items")).toEqual(before);
    });
  });

  it("tells rows apart by keys of every kind, as their indexes do", async () => {
    await withTables(
      `
      create extension citext with schema extensions;
      create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create type mood as enum ('sad', 'glad');
      create domain code as text check (value <> '');
      create table composite (a int, b text, c int, body text, primary key (b, a) include (c));
      create table identified (id int generated always as identity primary key, body text);
      create table counted (name text primary key, n int generated always as identity, body text);
      create table citexts (name extensions.citext primary key, body text);
      create table blinds (name text collate blind primary key, body text);
      create table numerics (n numeric primary key, body text);
      create table odd ("a ""key""" mood, list int[], tag code, "json" json, x xml, p point, primary key ("a ""key""", list, tag));
      create table only_key (a int, b int, primary key (a, b));
      create table later (id int primary key deferrable initially deferred, body text);
      create table ruled (id int primary key, body text);
      create rule keep_out as on insert to ruled do instead nothing;
      create rule keep_as_is as on update to ruled do instead nothing;
      alter table ruled disable rule keep_out, disable rule keep_as_is;
      create table parts (id int, body text, primary key (id)) partition by hash (id);
      create table parts_0 partition of parts for values with (modulus 2, remainder 0);
      create table parts_1 partition of parts for values with (modulus 2, remainder 1);
      create table base (id int primary key, body text);
      create table derived (primary key (id)) inherits (base);
      insert into composite values (1, 'x', 1, 'a'), (1, 'y', 2, 'b'), (2, 'x', 3, 'c');
      insert into identified (body) values ('a'), ('b'), ('c');
      insert into counted (name, body) values ('a', 'a'), ('b', 'b'), ('c', 'c');
      insert into citexts values ('A', 'a'), ('B', 'b'), ('C', 'c');
      insert into blinds values ('A', 'a'), ('B', 'b'), ('C', 'c');
      insert into numerics values (1.0, 'a'), (2.0, 'b'), (3.0, 'c');
      insert into odd values ('sad', '{1,2}', 'x', '{"a": 1,  "a": 2}', '<a/>', '(1,2)'), ('glad', '{}', 'x', null, null, null), ('sad', '{3}', 'y', 'null', null, null);
      insert into only_key values (1, 1), (1, 2), (2, 1);
      insert into later values (1, 'a'), (2, 'b'), (3, 'c');
      insert into ruled values (1, 'a'), (2, 'b'), (3, 'c');
      alter table ruled enable rule keep_out, enable replica rule keep_as_is;
      insert into parts select n, 'part ' || n from generate_series(1, 20) as n;
      insert into base values (1, 'base');
      insert into derived values (1, 'derived'), (2, 'derived');
      `,
      async (project) => {
        const backup = await backUp(project);
        const tables = backup.manifest.tables.flatMap(({ schema, name }) =>
          schema === "public" ? name : [],
        );
        const contents = async () =>
          await Promise.all(
            tables.map(async (table) => [
              table,
              await query(project.url, `select row::text from only public."${table}" as row order by 1`),
            ]),
          );
        const before = await contents();
        const schema = await schemaOf(project.url);
        await query(
          project.url,
          `
          alter table ruled disable rule keep_out, disable rule keep_as_is;
          delete from composite where a = 2; update composite set body = 'changed', c = 9 where b = 'y';
          delete from identified where id = 2; update identified set body = 'changed' where id = 3;
          delete from counted where name = 'b'; update counted set body = 'changed', n = default where name = 'c';
          delete from citexts where name = 'b'; update citexts set name = 'c', body = 'changed' where name = 'c';
          delete from blinds where name = 'b'; update blinds set name = 'c' where name = 'c';
          delete from numerics where n = 2; update numerics set n = 3.000;
          delete from odd where list = '{}'; update odd set "json" = '{"a": 1, "a": 2}' where list = '{1,2}';
          delete from only_key where a = 2;
          delete from later where id = 2; update later set body = 'changed' where id = 3;
          delete from ruled where id = 2; update ruled set body = 'changed' where id = 3;
          delete from parts where id % 5 = 0; update parts set body = 'changed' where id % 5 = 1;
          delete from only base; update derived set body = 'changed' where id = 1;
          alter table ruled enable rule keep_out, enable replica rule keep_as_is;
          `.replace("update numerics set n = 3.000", "update numerics set n = 3.000 where n = 3"),
        );
        const result = await restore(project, backup, { merge: "update" });
        expect(await contents()).toEqual(before);
        expect(await schemaChanges(schema, project.url)).toEqual([]);
        const counts = Object.fromEntries(
          result.tables.map(({ name, merged }) => [name, `${merged?.inserted} ${merged?.updated}`]),
        );
        expect(counts).toMatchObject({
          composite: "1 1",
          identified: "1 1",
          counted: "1 1",
          citexts: "1 1",
          blinds: "1 1",
          numerics: "1 1",
          odd: "1 1",
          only_key: "1 0",
          later: "1 1",
          ruled: "1 1",
          base: "1 0",
          derived: "0 1",
        });
      },
    );
  });

  it("follows foreign keys between tables in any order, in circles too", async () => {
    await withTables(
      `
      create table authors (id int primary key, favourite int);
      create table books (id int primary key, author int not null references authors on delete cascade);
      alter table authors add constraint favourite foreign key (favourite) references books;
      comment on constraint favourite on authors is 'in a circle';
      create table reviews (id int primary key, book int not null references books on delete cascade);
      create table readers (id int primary key, mentor int references readers deferrable initially deferred);
      insert into authors values (1, null), (2, null);
      insert into books values (1, 1), (2, 2);
      insert into reviews select n, n % 2 + 1 from generate_series(1, 10) as n;
      update authors set favourite = 3 - id;
      insert into readers values (1, 2), (2, 1);
      `,
      async (project) => {
        const backup = await backUp(project);
        const schema = await schemaOf(project.url);
        await query(
          project.url,
          "update authors set favourite = null; delete from authors where id = 2; delete from readers",
        );
        await restore(project, backup, { merge: "update" });
        expect(await query(project.url, "select * from authors order by id")).toEqual([
          { id: 1, favourite: 2 },
          { id: 2, favourite: 1 },
        ]);
        expect(await query(project.url, "select count(*)::int from reviews")).toEqual([{ count: 10 }]);
        expect(await query(project.url, "select count(*)::int from readers")).toEqual([{ count: 2 }]);
        expect(await schemaChanges(schema, project.url)).toEqual([]);
      },
    );
  });

  it("moves the sequences of the tables past what came back", async () => {
    await withTables(
      "create table items (id serial primary key, body text); insert into items (body) select 'x' from generate_series(1, 50)",
      async (project) => {
        const backup = await backUp(project);
        await query(project.url, "delete from items; select setval('items_id_seq', 7)");
        await restore(project, backup, { merge: "skip" });
        expect(await query(project.url, "insert into items (body) values ('next') returning id")).toEqual([
          { id: 51 },
        ]);
      },
    );
  });

  it("of users brings back one who was deleted, keeps those who are new, and their sessions", async () => {
    await withTables(
      `
      create table profiles (id uuid primary key references auth.users on delete cascade, made_by text default 'trigger');
      create function welcome() returns trigger language plpgsql security definer set search_path = '' as $$begin insert into public.profiles (id) values (new.id); return new; end$$;
      create trigger welcome after insert on auth.users for each row execute function welcome();
      insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000001', 'one@test.local'), ('00000000-0000-4000-8000-000000000002', 'two@test.local');
      insert into auth.identities (provider_id, user_id, identity_data, provider) select id::text, id, '{}', 'email' from auth.users;
      update profiles set made_by = 'hand';
      `,
      async (project) => {
        const backup = await backUp(project);
        await query(
          project.url,
          `delete from auth.users where email like 'two%';
           insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000003', 'three@test.local');
           insert into auth.sessions (id, user_id) values ('30000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001')`,
        );
        await restore(project, backup, { merge: "update" });
        expect(
          await query(
            project.url,
            "select email, made_by from auth.users join profiles using (id) order by email",
          ),
        ).toEqual([
          { email: "one@test.local", made_by: "hand" },
          { email: "three@test.local", made_by: "trigger" },
          { email: "two@test.local", made_by: "hand" },
        ]);
        expect(await query(project.url, "select count(*)::int from auth.identities")).toEqual([{ count: 2 }]);
        expect(await query(project.url, "select count(*)::int from auth.sessions")).toEqual([{ count: 1 }]);
      },
    );
  });

  it("is refused for a table without a primary key, and nothing of other tables is changed", async () => {
    await withTables(
      "create table items (id int primary key); create table bare (id int unique); insert into items values (1); insert into bare values (1)",
      async (project) => {
        const backup = await backUp(project);
        await query(project.url, "delete from items");
        const error = await failure(restore(project, backup, { merge: "update" }));
        expect(error).toMatchObject({ code: "key-missing-for-merge", exit: 2 });
        expect(error.message).toContain("public.bare");
        expect(await query(project.url, "select from items")).toEqual([]);
      },
    );
  });

  it("that would break another unique key, or a foreign key, changes nothing", async () => {
    await withTables(
      `
      create table kinds (id int primary key);
      create table items (id int primary key, code text unique, kind int references kinds);
      insert into kinds values (1), (2);
      insert into items values (1, 'a', 1), (2, 'b', 2);
      `,
      async (project) => {
        const backup = await backUp(project);
        await query(project.url, "delete from items where id = 2; insert into items values (3, 'b', 1)");
        const before = await places(project.url, "items");
        expect(await failure(restore(project, backup, { tables: ["items"], merge: "skip" }))).toMatchObject({
          code: "restore-failed",
          exit: 5,
          sqlstate: "23505",
        });
        expect(await places(project.url, "items")).toEqual(before);
        await query(project.url, "delete from items where id = 3; delete from kinds where id = 2");
        const missing = await places(project.url, "items");
        const error = await failure(restore(project, backup, { tables: ["items"], merge: "skip" }));
        expect(error).toMatchObject({ code: "foreign-key-broken", exit: 5 });
        expect(await places(project.url, "items")).toEqual(missing);
        await restore(project, backup, { tables: ["items", "kinds"], merge: "skip" });
        expect(await query(project.url, "select * from items order by id")).toEqual([
          { id: 1, code: "a", kind: 1 },
          { id: 2, code: "b", kind: 2 },
        ]);
      },
    );
  });

  it("makes a table that is gone", async () => {
    await withTables(
      "create table items (id int primary key, body text); insert into items values (1, 'a')",
      async (project) => {
        const backup = await backUp(project);
        const schema = await schemaOf(project.url);
        await query(project.url, "drop table items");
        await restore(project, backup, { tables: ["items"], merge: "skip" });
        expect(await schemaChanges(schema, project.url)).toEqual([]);
        await withDatabaseUrl(async (copy) => {
          await restore(project, backup, { merge: "update" }, copy);
          expect(await query(copy, "select * from items")).toEqual([{ id: 1, body: "a" }]);
        });
      },
    );
  });
});
