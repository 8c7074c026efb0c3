import { describe, expect, it } from "vitest";
import { listEnvironments } from "../../src/index.js";
import { failure } from "../support/failure.js";
import {
  garden,
  planted,
  reachedAt,
  type TwoEnvironments,
  withTwoEnvironments,
} from "../support/two-environments.js";

const row = "insert into public.beds (name) values ('rose'), ('lily');";

/** Copies what `planted` makes, with the ids it made, into production. */
async function plantTheSame({ inProduction, inLocal }: TwoEnvironments): Promise<void> {
  for (const table of ["auth.users", "auth.identities"]) {
    const [found] = await inLocal(`select json_agg(each) as rows from ${table} as each`);
    const columns = await inLocal(
      `select string_agg(quote_ident(attname), ', ') as names from pg_attribute
       where attrelid = '${table}'::regclass and attnum > 0 and attgenerated = '' and not attisdropped`,
    );
    const names = String(columns[0]?.names);
    await inProduction(
      `set session_replication_role = replica;
       insert into ${table} (${names}) select ${names} from json_populate_recordset(null::${table}, '${JSON.stringify(found?.rows).replaceAll("'", "''")}')`,
    );
  }
}

describe("env verify", () => {
  it("finds two environments with the same rows equal, wherever they lie on the disk", async () => {
    await withTwoEnvironments({ both: garden + row }, async ({ verify, inProduction }) => {
      await inProduction("update public.beds set name = name");
      const parity = await verify();
      expect(parity).toMatchObject({ equal: true, left: "local", right: "production" });
      expect(parity.tables).toContainEqual({
        schema: "public",
        name: "beds",
        left: 2,
        right: 2,
        equal: true,
      });
    });
  });

  it("names the keys of rows that differ, on which side they are, and which columns differ", async () => {
    const rows = `create table public.jars (shelf int, place int, label text, grams int, primary key (shelf, place));
      insert into public.jars select n / 100, n % 100, 'jar ' || n, n from generate_series(1, 5000) as n;`;
    await withTwoEnvironments({ both: rows }, async ({ verify, inProduction, inLocal }) => {
      await inProduction(`
        update public.jars set label = 'changed', grams = null where shelf = 7 and place = 3;
        delete from public.jars where shelf = 20 and place = 0;
        insert into public.jars values (99, 1, 'more', 1)`);

      const { equal, tables } = await verify({ differences: 10, columns: true });

      expect(equal).toBe(false);
      expect(tables).toEqual([
        {
          schema: "public",
          name: "jars",
          left: 5000,
          right: 5000,
          equal: false,
          differing: {
            more: false,
            rows: expect.arrayContaining([
              { key: { shelf: "7", place: "3" }, where: "both", columns: ["label", "grams"] },
              { key: { shelf: "20", place: "0" }, where: "left" },
              { key: { shelf: "99", place: "1" }, where: "right" },
            ]),
          },
        },
      ]);
      await inLocal("update public.jars set grams = 0");
      const [found] = (await verify({ differences: 4 })).tables;
      expect(found?.differing?.rows).toHaveLength(4);
      expect(found?.differing?.more).toBe(true);
    });
  });

  it("counts where there is no key, and compares what only one side has with nothing", async () => {
    const both = "create table public.notes (body text);";
    const local = "insert into public.notes values ('a'); create table public.sheds (id int primary key);";
    const production =
      "insert into public.notes values ('b'); create schema supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text); insert into supabase_migrations.schema_migrations values ('1', '{}', 'one')";
    await withTwoEnvironments({ both, local, production }, async ({ verify }) => {
      const parity = await verify({ differences: 5 });
      expect(parity.tables).toEqual([
        {
          schema: "public",
          name: "notes",
          left: 1,
          right: 1,
          equal: false,
          differing: { rows: undefined, more: false },
        },
        { schema: "public", name: "sheds", left: 0, right: null, equal: false },
      ]);
      expect(parity.schema.differences).toContain("table public.sheds is missing");
      expect(parity.ledger).toMatchObject({
        equal: false,
        onlyLeft: [],
        onlyRight: [{ version: "1", name: "one" }],
      });
    });
  });

  it("compares users by what they are, not by when they came last, and those of the kind that is asked for", async () => {
    await withTwoEnvironments({ both: garden, local: planted }, async (environments) => {
      const { verify, inProduction } = environments;
      await plantTheSame(environments);
      await inProduction(
        "update auth.users set last_sign_in_at = now(); insert into auth.users (id, email) values (gen_random_uuid(), 'real@example.com')",
      );
      expect((await verify()).users).toMatchObject({
        left: ["admin@test.local", "manager@test.local"],
        right: ["admin@test.local", "manager@test.local"],
        tables: [
          { name: "users", left: 2, right: 2, equal: true },
          { name: "identities", left: 2, right: 2, equal: true },
        ],
      });
      expect((await verify({ users: "all" })).users.tables[0]).toMatchObject({
        left: 2,
        right: 3,
        equal: false,
      });
      await inProduction("update auth.users set encrypted_password = 'x' where email like 'admin@%'");
      const [users] = (await verify({ differences: 1, columns: true })).users.tables;
      expect(users?.differing?.rows).toEqual([
        {
          key: { id: "11111111-1111-4111-8111-111111111111" },
          where: "both",
          columns: ["encrypted_password"],
        },
      ]);
    });
  });

  it("refuses two addresses of one database, which would always be the same", async () => {
    await withTwoEnvironments({ both: "select 1;" }, async ({ verify, production, localUrl }) => {
      Object.assign(production, reachedAt(production, localUrl));
      expect(await failure(verify())).toMatchObject({ code: "same-database", exit: 3 });
    });
  });
});

describe("env list", () => {
  it("tells what can be reached, what is pending and who is protected", async () => {
    await withTwoEnvironments({ both: "select 1;" }, async ({ local }) => {
      const environments = await listEnvironments(local.project);
      expect(environments).toMatchObject([
        { name: "local", protected: false, applied: 0, pending: 0, backup: undefined },
        { name: "production", protected: true, version: expect.stringMatching(/^\d+\.\d+$/) },
      ]);
      const broken = local.project.environments.map((each) =>
        each.url && each.name === "production" ? { ...each, url: each.url.with({ port: 1 }) } : each,
      );
      const [, production] = await listEnvironments({ ...local.project, environments: broken });
      expect(production?.problem?.code).toBe("server-unreachable");
      expect(production?.version).toBeUndefined();
    });
  });
});
