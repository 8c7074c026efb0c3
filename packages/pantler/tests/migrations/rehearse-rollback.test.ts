import { describe, expect, it } from "vitest";
import { createBackup } from "../../src/index.js";
import { query } from "../support/inspect.js";
import { rehearse, rehearseOne, withPast } from "../support/rehearsing.js";

const jars = `
  create table jars (id int primary key, label text);
  insert into jars select n, 'jar ' || n from generate_series(1, 20) as n`;

describe("a rehearsal runs the rollback scripts and says of them that", () => {
  it("they bring everything back, after which the migrations apply again", async () => {
    const migrations = {
      "1_lid.sql": "alter table jars add column lid text;",
      "2_more.sql": "create table more (id int); insert into jars values (100, 'late');",
    };
    const rollbacks = {
      "1_lid.sql": "alter table jars drop column lid;",
      "2_more.sql": "drop table more; delete from jars where id = 100;",
    };
    await withPast(migrations, { before: jars, rollbacks }, async (project) => {
      const { rollback, schema } = await rehearse(project);
      expect(rollback).toEqual({ status: "proven", details: [] });
      expect(schema.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["public.more", "public.jars.lid"]),
      );
      const ledger = await query(project.url, "select version from supabase_migrations.schema_migrations");
      expect(ledger).toHaveLength(2);
    });
  });

  it("one is missing", async () => {
    await withPast(
      { "1_a.sql": "create table a (id int);", "2_b.sql": "create table b (id int);" },
      { rollbacks: { "2_b.sql": "drop table b;" } },
      async (project) => {
        expect((await rehearse(project)).rollback).toEqual({
          status: "missing",
          details: ["1_a has no rollback script"],
        });
      },
    );
  });

  it("one fails, and where", async () => {
    await rehearseOne(
      "create table a (id int);",
      { rollbacks: { "1_it.sql": "drop table a;\ndrop table nowhere;" } },
      ({ rollback, schema }) => {
        expect(rollback.status).toBe("failed");
        expect(rollback.details).toEqual([
          'supabase/rollbacks/1_it.sql:2:1: table "nowhere" does not exist (42P01)',
        ]);
        expect(schema.some(({ name }) => name === "public.a")).toBe(true);
      },
    );
  });

  it("one is no SQL, or holds nothing", async () => {
    for (const text of ["Dear diary\n", "-- nothing\n"]) {
      await rehearseOne("create table a (id int);", { rollbacks: { "1_it.sql": text } }, ({ rollback }) => {
        expect(rollback.status).toBe("failed");
        expect(rollback.details[0]).toContain("supabase/rollbacks/1_it.sql");
      });
    }
  });

  it("something of the schema is left or lost", async () => {
    await rehearseOne(
      "create table a (id int); drop index jars_label; alter table jars alter label set not null;",
      {
        before: `${jars}; create index jars_label on jars (label)`,
        rollbacks: { "1_it.sql": "drop table if exists a; select 1;" },
      },
      ({ rollback }) => {
        expect(rollback.status).toBe("schema-differs");
        expect(rollback.details).toEqual(
          expect.arrayContaining([
            "index public.jars_label: before the migrations only",
            expect.stringMatching(
              /^column public\.jars\.label: before the migrations .* after their rollback .*not null/,
            ),
            // It is dropped without if exists.
            expect.stringMatching(/^applied again after the rollback: supabase\/migrations\/1_it\.sql:1:/),
          ]),
        );
      },
    );
  });

  it("values are lost, as those of a dropped column are", async () => {
    const add = "alter table jars add column label text;";
    await rehearseOne(
      "alter table jars drop column label;",
      { before: jars, rollbacks: { "1_it.sql": add } },
      ({ rollback, rows }) => {
        expect(rollback).toEqual({
          status: "rows-differ",
          details: ["public.jars has other values in its 20 rows than before"],
        });
        expect(rows).toMatchObject([{ changed: true }]);
      },
    );
  });

  it("rows are gone", async () => {
    await rehearseOne(
      "delete from jars where id > 15;",
      { before: jars, rollbacks: { "1_it.sql": "select 1;" } },
      ({ rollback }) => {
        expect(rollback).toEqual({
          status: "rows-differ",
          details: ["public.jars had 20 rows before and has 15 after the rollback"],
        });
      },
    );
  });

  it("the migrations do not apply a second time", async () => {
    await rehearseOne(
      "insert into jars select nextval('numbers'), 'x';\nalter table jars add constraint young check (id < 101);",
      {
        before: `${jars}; create sequence numbers start 100`,
        rollbacks: {
          "1_it.sql": "alter table jars drop constraint young; delete from jars where id >= 100;",
        },
      },
      ({ rollback }) => {
        expect(rollback.status).toBe("failed");
        expect(rollback.details[0]).toMatch(
          /^applied again after the rollback: supabase\/migrations\/1_it\.sql:2:/,
        );
      },
    );
  });

  it("compared with the digests of a backup, where they are given", async () => {
    await withPast(
      { "1_it.sql": "update jars set label = 'same';" },
      { before: jars, rollbacks: { "1_it.sql": "update jars set label = 'jar ' || id;" } },
      async (project) => {
        const { manifest } = await createBackup(project.target, {}, project.operation);
        const rehearsal = await rehearse(project, {}, { before: manifest.tables });
        expect(rehearsal.rollback).toEqual({ status: "proven", details: [] });
        expect(rehearsal.rows.find(({ name }) => name === "jars")).toMatchObject({
          before: 20,
          changed: true,
        });
        expect(rehearsal.rows.map(({ schema }) => schema)).not.toContain("supabase_migrations");
        expect(rehearsal.rows).toContainEqual({
          schema: "auth",
          name: "users",
          before: 0,
          after: 0,
          changed: false,
        });
      },
    );
  });
});
