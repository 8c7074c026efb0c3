import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type DriftDraft, draftFromDrift, findDrift, migrateUp, repairMigration } from "../../src/index.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const base = {
  "1_base.sql": `create table notes (id int primary key, body text);
alter table notes enable row level security;
create policy seen on notes for select to authenticated using (body is not null);
create function shout(what text) returns text language sql as $$ select upper(what) $$;
create view short as select id from notes;
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touched before update on notes for each row execute function touch();`,
};

const now = new Date("2026-11-21T12:00:00Z");

/** Changes the database by hand, writes the draft, and reads what was written. */
async function draftAfter(
  byHand: string,
  test: (
    found: DriftDraft & { readonly script: string; readonly rollback: string },
    project: TestProject,
  ) => Promise<void> | void,
): Promise<void> {
  await withProject(base, async (project) => {
    await migrateUp(project.target, {}, project.operation);
    await query(project.url, byHand);
    const draft = await draftFromDrift(project.target, "adopt drift", now, project.operation);
    if (!draft) throw new Error("no drift was found");
    const [script = "", rollback = ""] = draft.files.map((file) => readFileSync(file, "utf8"));
    await test({ ...draft, script, rollback }, project);
  });
}

describe("a draft from drift", () => {
  it("makes what was made by hand, once it is marked as applied", async () => {
    const byHand = `
      create schema "Odd one";
      create type "Odd one".mood as enum ('good', 'bad');
      create table "Odd one"."The ""t""" (id serial primary key, mood "Odd one".mood, note int references notes);
      create index on "Odd one"."The ""t""" (mood);
      alter table "Odd one"."The ""t""" enable row level security;
      create policy "all of it" on "Odd one"."The ""t""" to authenticated using (true);
      create function "Odd one".double(n int) returns int language sql as $$ select n * 2 $$;
      create materialized view sums as select count(*) from notes;
      comment on table notes is 'what people wrote';
      grant usage on schema "Odd one" to authenticated;
      grant select on "Odd one"."The ""t""" to authenticated;
      revoke all on notes from anon`;
    await draftAfter(byHand, async ({ left, leftByRollback, version, script }, project) => {
      expect(left).toEqual([]);
      expect(leftByRollback).toEqual([]);
      expect(script).not.toContain("TODO");
      await repairMigration(project.target, { version, status: "applied" }, project.operation);
      expect(await findDrift(project.target, project.operation)).toMatchObject({ differences: [] });
    });
  });

  it("defines anew what only computes, and adds columns", async () => {
    const byHand = `
      create or replace function shout(what text) returns text language sql as $$ select upper(what) || '!' $$;
      create or replace view short with (security_invoker = true) as select id, body from notes;
      alter policy seen on notes using (id > 0);
      create or replace trigger touched after update on notes for each row execute function touch();
      alter table notes add "at" timestamptz not null default now(), add n int generated always as (id * 2) stored`;
    await draftAfter(byHand, ({ left, leftByRollback, script, rollback }) => {
      expect({ left, leftByRollback }).toEqual({ left: [], leftByRollback: [] });
      expect(script).toContain("CREATE OR REPLACE FUNCTION public.shout(what text)");
      expect(script).toContain(
        "alter table public.notes add column at timestamp with time zone default now() not null;",
      );
      expect(rollback).toContain("alter table public.notes drop column at;");
    });
  });

  it("leaves to a person what loses something or needs a decision", async () => {
    await draftAfter(
      "drop view short; alter table notes alter id type bigint; drop function shout",
      ({ left, script }, { events }) => {
        expect(left.map(({ kind, name }) => `${kind} ${name}`)).toContain("column public.notes.id");
        expect(script).toContain("-- TODO column public.notes.id\n--   the migrations: place 1 integer");
        expect(script).toContain("--   local: place 1 bigint");
        expect(script).toContain("-- TODO function public.shout(text)");
        expect(script.split("\n").every((line) => line === "" || line.startsWith("--"))).toBe(true);
        expect(events).toContainEqual({
          type: "finding",
          level: "warning",
          message: "column public.notes.id is left to do: see TODO in the file",
        });
      },
    );
  });

  it("is not written where nothing differs", async () => {
    await withProject(base, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      expect(await draftFromDrift(project.target, "adopt", now, project.operation)).toBeUndefined();
      expect(existsSync(`${project.root}/supabase/rollbacks`)).toBe(false);
    });
  });
});
