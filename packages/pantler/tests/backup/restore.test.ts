import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { backUp, drill, restore } from "../support/backups.js";
import { withCounter } from "../support/counter.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query, schemaChanges, schemaOf } from "../support/inspect.js";
import { outsiderDifferences } from "../support/outsider.js";
import { withProject } from "../support/project.js";

describe("a restore", () => {
  it("of the schema alone makes everything with the rows of the ledger, and no others", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      await withDatabaseUrl(async (copy) => {
        for (const _ of ["into an empty database", "over what is there"]) {
          const result = await restore(project, backup, { schemaOnly: true }, copy);
          expect(result).toMatchObject({ way: "schema", schemaEqual: true });
          expect(await query(copy, "select version from supabase_migrations.schema_migrations")).toEqual([
            { version: "1" },
          ]);
          expect(await query(copy, "select from items union all select from kinds")).toEqual([]);
          expect(
            await query(copy, "select relispopulated as filled from pg_class where relname = 'counted'"),
          ).toEqual([{ filled: false }]);
          expect(await query(copy, "insert into items (body) values ('x') returning id")).toEqual([
            { id: 1 },
          ]);
        }
      });
    });
  });

  it("of a backup of one kind does by itself what that kind is for, after a drill that proves it", async () => {
    await withCounter(async (project) => {
      const schema = await backUp(project, { kind: "schema" });
      const data = await backUp(project, { kind: "data" });
      expect(schema.manifest.tables.map(({ name }) => name)).toEqual(["schema_migrations"]);
      for (const backup of [schema, data]) {
        expect(await drill(project, backup)).toMatchObject({ proven: true, differences: [] });
      }
      expect(await failure(restore(project, schema, { dataOnly: true }))).toMatchObject({
        code: "backup-without-rows",
        exit: 2,
      });
      await withDatabaseUrl(async (copy) => {
        expect(await restore(project, schema, {}, copy)).toMatchObject({ way: "schema", schemaEqual: true });
        await query(copy, "insert into items (body) values ('of before')");
        expect(await restore(project, data, {}, copy)).toMatchObject({ way: "rows" });
        expect(await outsiderDifferences(project.url, copy)).toEqual([]);
      });
    });
  });

  it("of a backup of some tables replaces their rows; its drill leaves out keys to tables whose rows it lacks", async () => {
    await withCounter(async (project) => {
      await query(project.url, "comment on constraint items_kind_fkey on items is 'to its kind'");
      const backup = await backUp(project, { tables: ["items"] });
      expect(backup.manifest).toMatchObject({ kind: "tables", tables: [{ name: "items", rows: 1000 }] });
      const result = await drill(project, backup);
      expect(result).toMatchObject({ proven: true, differences: [] });
      expect(result.leftOut).toEqual([
        "the foreign key items_kind_fkey of public.items",
        "the foreign key items_owner_fkey of public.items",
      ]);
      const schema = await schemaOf(project.url);
      await query(
        project.url,
        "delete from items where id > 10; insert into kinds values (3, 'three'); drop table items cascade",
      );
      await restore(project, backup);
      expect(await query(project.url, "select count(*)::int from items")).toEqual([{ count: 1000 }]);
      const changes = await schemaChanges(schema, project.url);
      expect(changes.filter(({ right }) => right !== undefined)).toEqual([]);
      expect(new Set(changes.map(({ name }) => name.replace(/ to .*|\..*/, "")))).toEqual(
        new Set(["public"]),
      );
      expect(await query(project.url, "select count(*)::int from kinds")).toEqual([{ count: 3 }]);
    });
  });

  it("of a Supabase project leaves its users out of a database that is not Supabase's, and says so", async () => {
    await withCounter(async (project) => {
      await query(
        project.url,
        "alter table items drop column owner; drop policy mine on storage.objects; drop function welcome cascade",
      );
      const backup = await backUp(project);
      await withDatabaseUrl(async (copy) => {
        for (const _ of ["into an empty database", "over what is there"]) {
          project.events.length = 0;
          await restore(project, backup, {}, copy);
          expect(await query(copy, "select count(*)::int from items")).toEqual([{ count: 1000 }]);
          const known =
            "select reltuples::int as rows from pg_class where relname in ('items', 'counted') order by 1";
          expect(await query(copy, known)).toEqual([{ rows: 2 }, { rows: 1000 }]);
          expect(project.events).toContainEqual({
            type: "finding",
            level: "warning",
            message: "1 rows of auth.users are left out: it is not there",
          });
        }
      }, "template0");
    });
  });

  it("says in which respects the schema is another one afterwards", async () => {
    await withCounter(async (project) => {
      const backup = await backUp(project);
      await query(project.url, "create extension hstore with schema extensions");
      expect(await restore(project, backup)).toMatchObject({ schemaEqual: false });
      expect(project.events.at(-1)).toMatchObject({
        level: "warning",
        message: expect.stringContaining("extension hstore was not in the backup"),
      });
    });
  });

  it("gives nobody more rights than there were, whatever the default privileges of the database", async () => {
    await withProject({}, async (project) => {
      await query(
        project.url,
        `alter default privileges in schema public revoke all on tables from anon, authenticated;
         alter default privileges in schema public revoke all on functions from anon, authenticated;
         alter default privileges in schema public revoke all on sequences from anon, authenticated;
         alter default privileges revoke execute on functions from public;
         revoke usage on schema public from public, anon;
         create table hidden (id serial primary key, body text);
         create function hidden() returns int language sql as 'select 1';
         create type hidden_kind as enum ('a');
         create view hidden_view as select 1 as one;
         grant select on hidden to authenticated`,
      );
      const backup = await backUp(project);
      const rights = `
        select role, has_schema_privilege(role, 'public', 'usage') as schema,
          has_table_privilege(role, 'public.hidden', 'select') as reads, has_table_privilege(role, 'public.hidden', 'insert') as writes,
          has_table_privilege(role, 'public.hidden_view', 'select') as views, has_function_privilege(role, 'public.hidden()', 'execute') as calls,
          has_sequence_privilege(role, 'public.hidden_id_seq', 'usage') as counts
        from unnest(array['anon', 'authenticated', 'service_role']) as role`;
      const before = await query(project.url, rights);
      expect(before[0]).toEqual({
        role: "anon",
        schema: false,
        reads: false,
        writes: false,
        views: false,
        calls: false,
        counts: false,
      });
      await withDatabaseUrl(async (copy) => {
        for (const change of [
          "select 1",
          "alter default privileges grant all on tables to public; alter default privileges in schema public grant all on tables to anon; grant usage, create on schema public to anon",
        ]) {
          await query(copy, change);
          await restore(project, backup, {}, copy);
          expect(await query(copy, rights)).toEqual(before);
          await query(copy, "create table later (id int)");
          expect(await query(copy, "select has_table_privilege('anon', 'later', 'select') as reads")).toEqual(
            [{ reads: false }],
          );
        }
      });
    });
  });

  it("gives roles that are there what they have in the database alone", async () => {
    const role = `keeper_${randomBytes(4).toString("hex")}`;
    const settings = `select setconfig from pg_db_role_setting where setrole = '${role}'::regrole and setdatabase = (select oid from pg_database where datname = current_database())`;
    await withCounter(async (project) => {
      try {
        await query(project.url, `create role ${role}; grant select on items to ${role}`);
        await query(
          project.url,
          `do $$begin execute format('alter role ${role} in database %I set work_mem to %L', current_database(), '7MB'); end$$`,
        );
        const backup = await backUp(project);
        await withDatabaseUrl(async (copy) => {
          await restore(project, backup, {}, copy);
          expect(await query(copy, settings)).toEqual([{ setconfig: ["work_mem=7MB"] }]);
        });
      } finally {
        await query(project.url, `revoke all on items from ${role}; drop role ${role}`);
      }
    });
  });
});
