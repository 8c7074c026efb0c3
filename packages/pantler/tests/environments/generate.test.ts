import fc from "fast-check";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { type GeneratedTable, generateRows, type SeedDefinition } from "../../src/index.js";
import { withDatabase } from "../support/database.js";
import { failure } from "../support/failure.js";
import { fillSchema, randomSchema } from "../support/random-schemas.js";

async function generate(
  client: pg.Client,
  definition: SeedDefinition,
  scale = 1,
): Promise<readonly GeneratedTable[]> {
  await client.query("begin");
  try {
    const tables = await generateRows(client, { definition, users: [], scale });
    await client.query("commit");
    return tables;
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

async function count(client: pg.Client, from: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from ${from}`);
  return rows[0]?.count ?? -1;
}

describe("generated rows", () => {
  it("insert into schemas of all kinds", async () => {
    await withDatabase(async ({ client }) => {
      await fc.assert(
        fc.asyncProperty(randomSchema, async (schema) => {
          const { found, wanted } = await fillSchema(client, schema);
          expect(found).toEqual(wanted);
        }),
        { numRuns: 30 },
      );
    });
  });

  it("are the same for the same definition, and others for another seed", async () => {
    const made = async (seed: number) => {
      let rows: unknown;
      await withDatabase(async ({ client }) => {
        await client.query(
          "create table people (id int generated always as identity primary key, first_name text, email text unique, born date, paid numeric(8,2))",
        );
        await generate(client, { seed, tables: { people: { rows: 20 } } });
        rows = (await client.query("select * from people order by id")).rows;
      });
      return rows;
    };
    const first = await made(1);
    expect(await made(1)).toEqual(first);
    expect(await made(2)).not.toEqual(first);
  });

  it("are added until there are enough, and not again", async () => {
    await withDatabase(async ({ client }) => {
      await client.query("create table jars (id serial primary key, label text not null unique)");
      await client.query("insert into jars (label) values ('mine')");
      const definition = { tables: { jars: { rows: 5 } } };
      expect(await generate(client, definition)).toEqual([{ table: "jars", added: 4, changed: 0, rows: 5 }]);
      expect(await generate(client, definition)).toEqual([{ table: "jars", added: 0, changed: 0, rows: 5 }]);
      expect(await generate(client, definition, 10)).toEqual([
        { table: "jars", added: 45, changed: 0, rows: 50 },
      ]);
      expect(await count(client, "jars where label = 'mine'")).toBe(1);
    });
  });

  it("find the row that has a listed key, and change it only where it differs", async () => {
    await withDatabase(async ({ client }) => {
      await client.query(
        "create table tags (id serial primary key, name text unique, color text not null, since timestamptz default now())",
      );
      await client.query("insert into tags (name, color) values ('old', 'red')");
      const definition = {
        tables: {
          tags: { rows: [{ name: "old" }, { name: "new" }], key: ["name"], columns: { color: "blue" } },
        },
      };
      expect(await generate(client, definition)).toEqual([{ table: "tags", added: 1, changed: 1, rows: 2 }]);
      expect(await generate(client, definition)).toEqual([{ table: "tags", added: 0, changed: 0, rows: 2 }]);
      expect((await client.query("select name, color from tags order by id")).rows).toEqual([
        { name: "old", color: "blue" },
        { name: "new", color: "blue" },
      ]);
    });
  });

  it("satisfy a check that only the server can judge", async () => {
    await withDatabase(async ({ client }) => {
      await client.query(`
        create function is_lucky(number int) returns boolean immutable language sql as 'select number % 4 = 1';
        create table draws (id serial primary key, number int not null check (is_lucky(number)))`);
      await generate(client, { tables: { draws: { rows: 200 } } });
      expect(await count(client, "draws where is_lucky(number)")).toBe(200);
    });
  });

  it("tell which check of which table no row satisfies, and keep nothing", async () => {
    await withDatabase(async ({ client }) => {
      await client.query(`
        create table jars (id serial primary key, label text);
        create table lids (id serial primary key, code int not null, constraint lids_magic_ck check (md5(code::text) like '00000000%'))`);
      const error = await failure(generate(client, { tables: { jars: { rows: 3 }, lids: { rows: 2 } } }));
      expect(error).toMatchObject({ code: "seed-rows-impossible", exit: 2, state: "Nothing was kept." });
      expect(error.message).toBe("No row for lids was found that satisfies lids_magic_ck.");
      expect(await count(client, "jars")).toBe(0);
    });
  });

  it("refer to rows that are there already, of tables that the definition does not speak of", async () => {
    await withDatabase(async ({ client }) => {
      await client.query(`
        create table countries (code text primary key);
        insert into countries values ('ch'), ('pe');
        create table towns (id serial primary key, country text not null references countries (code))`);
      await generate(client, { tables: { towns: { rows: 30 } } });
      expect(await count(client, "towns")).toBe(30);
    });
  });

  it.each([
    ["a table that is not there", { pots: { rows: 1 } }, "seed-table-missing"],
    ["a column that is not there", { jars: { rows: 1, columns: { colour: "red" } } }, "seed-column-missing"],
    ["an owner that is no foreign key", { jars: { rows: 1, owner: "label" } }, "seed-owner-unclear"],
    ["a parent that has no rows", { lids: { rows: 1 } }, "seed-parent-missing"],
    ["a type of which nothing is known", { shapes: { rows: 1 } }, "seed-value-unknown"],
    ["tables in a circle that nothing opens", { hens: { rows: 1 }, eggs: { rows: 1 } }, "seed-circle"],
  ] as const)("refuse %s", async (_words, tables, code) => {
    await withDatabase(async ({ client }) => {
      await client.query(`
        create table jars (id serial primary key, label text);
        create table lids (id serial primary key, jar_id int not null references jars (id));
        create table shapes (id serial primary key, outline path not null);
        create table hens (id int primary key);
        create table eggs (id int primary key, hen_id int not null references hens (id));
        alter table hens add egg_id int not null references eggs (id)`);
      expect(await failure(generate(client, { tables }))).toMatchObject({ code, exit: 2 });
    });
  });

  it("fire triggers, as anybody else's do", async () => {
    await withDatabase(async ({ client }) => {
      await client.query(`
        create table jars (id serial primary key, label text not null);
        create table log (label text);
        create function note() returns trigger language plpgsql as 'begin insert into log values (new.label); return new; end';
        create trigger note after insert on jars for each row execute function note()`);
      await generate(client, { tables: { jars: { rows: 7 } } });
      expect(await count(client, "log join jars using (label)")).toBeGreaterThanOrEqual(7);
    });
  });
});
