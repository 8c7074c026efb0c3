import { describe, expect, it } from "vitest";
import { query } from "../support/inspect.js";
import { ada, ben, cellOf, levels, withPeople } from "../support/measuring.js";

const notes = `
  create table public.notes (
    id bigint generated always as identity primary key,
    user_id uuid references auth.users,
    body text not null check (body <> ''),
    stars int default 0
  );
  insert into public.notes (user_id, body) values ('${ada}', 'a'), ('${ada}', 'aa'), ('${ben}', 'b'), (null, 'n');
  alter table public.notes enable row level security;`;

const reads = "create policy reads on public.notes for select to authenticated using (true);";

describe("the access matrix", () => {
  it("tells own rows from others' and from nobody's for every command", async () => {
    await withPeople(
      `${notes}
      create policy own on public.notes to authenticated using (user_id = auth.uid()) with check (user_id = auth.uid());`,
      async ({ measure }) => {
        const matrix = await measure();
        expect(matrix.identities.map(({ name }) => name)).toEqual(["anon", "ada", "ben", "service_role"]);
        const cell = cellOf(matrix, "ada", "notes");
        expect(levels(cell)).toEqual({
          select: { own: "all", others: "none", nobodys: "none" },
          insert: { own: "all", others: "none", nobodys: "none" },
          update: { own: "all", others: "none", nobodys: "none" },
          delete: { own: "all", others: "none", nobodys: "none" },
        });
        expect(cell.select.verdicts.own).toMatchObject({ allowed: 2, of: 2 });
        expect(cell.update.verdicts.own?.columns).toEqual(["body", "stars"]);
        expect(cell.update.ownership).toEqual({});
        expect(levels(cellOf(matrix, "anon", "notes"))).toEqual({
          select: { others: "none", nobodys: "none" },
          insert: { others: "none", nobodys: "none" },
          update: { others: "none", nobodys: "none" },
          delete: { others: "none", nobodys: "none" },
        });
        expect(levels(cellOf(matrix, "service_role", "notes"))).toEqual({
          select: { others: "all", nobodys: "all" },
          insert: { others: "all", nobodys: "all" },
          update: { others: "all", nobodys: "all" },
          delete: { others: "all", nobodys: "all" },
        });
      },
    );
  });

  it("finds that rows can be changed and deleted by somebody who sees none of them", async () => {
    await withPeople(
      `${notes}
      revoke select on public.notes from anon, authenticated;
      create policy changes on public.notes for update to authenticated using (body like 'b%') with check (true);
      create policy deletes on public.notes for delete to authenticated using (user_id is null);`,
      async ({ measure }) => {
        const cell = cellOf(await measure(), "ada", "notes");
        expect(levels(cell)).toMatchObject({
          select: { own: "none", others: "none", nobodys: "none" },
          update: { own: "none", others: "all", nobodys: "none" },
          delete: { own: "none", others: "none", nobodys: "all" },
        });
        expect(cell.update.verdicts.others?.columns).toEqual(["user_id", "body", "stars"]);
      },
    );
  });

  it("finds that rows can be taken over, given away and claimed", async () => {
    await withPeople(
      `${notes} ${reads}
      create policy changes on public.notes for update to authenticated using (true) with check (true);`,
      async ({ measure }) => {
        const { ownership } = cellOf(await measure(), "ada", "notes").update;
        expect(ownership).toEqual({ steals: ["user_id"], claims: ["user_id"], "gives away": ["user_id"] });
      },
    );
    await withPeople(
      `${notes} ${reads}
      create policy gives on public.notes for update to authenticated using (user_id = auth.uid()) with check (true);`,
      async ({ measure }) => {
        expect(cellOf(await measure(), "ada", "notes").update.ownership).toEqual({
          "gives away": ["user_id"],
        });
      },
    );
    await withPeople(
      `${notes} ${reads}
      create policy takes on public.notes for update to authenticated using (true) with check (user_id = auth.uid());`,
      async ({ measure }) => {
        expect(cellOf(await measure(), "ada", "notes").update.ownership).toEqual({
          steals: ["user_id"],
          claims: ["user_id"],
        });
      },
    );
  });

  it("finds the one row in hundreds that a policy lets somebody change, and the one state in which rows may be added", async () => {
    await withPeople(
      `create table public.quotes (id int primary key, user_id uuid not null references auth.users, state text not null default 'draft');
      insert into public.quotes select n, '${ben}', case n when 317 then 'draft' else 'sent' end from generate_series(1, 400) n;
      alter table public.quotes enable row level security;
      create policy reads on public.quotes for select to authenticated using (true);
      create policy drafts on public.quotes for update to authenticated using (state = 'draft') with check (true);
      create policy adds on public.quotes for insert to authenticated with check (user_id = auth.uid() and state = 'draft');`,
      async ({ measure }) => {
        const matrix = await measure();
        expect(levels(cellOf(matrix, "ada", "quotes"))).toEqual({
          select: { own: "all", others: "all" },
          insert: { own: "all", others: "none" },
          update: { own: "no rows", others: "some" },
          delete: { own: "none", others: "none" },
        });
        expect(levels(cellOf(matrix, "ben", "quotes"))).toMatchObject({
          select: { own: "all", others: "all" },
          update: { own: "some", others: "no rows" },
        });
      },
    );
  });

  it("does not say no where rows are within reach that it did not find", async () => {
    await withPeople(
      `create table public.many (id int primary key, user_id uuid not null references auth.users);
      insert into public.many select n, '${ben}' from generate_series(1, 400) n;
      alter table public.many enable row level security;
      create policy reads on public.many for select to authenticated using (true);
      create policy odd on public.many to authenticated using (current_user = 'authenticated' and id = 317);`,
      async ({ measure }) => {
        const cell = cellOf(await measure(), "ada", "many");
        expect(levels(cell)).toMatchObject({
          update: { others: "undecided" },
          delete: { others: "undecided" },
        });
        expect(cell.delete.verdicts.others?.why).toContain("6 of 400 rows were refused");
      },
    );
  });

  it("follows foreign keys to whose a row is, and counts some where only some are seen", async () => {
    await withPeople(
      `create table public.invoices (id int primary key, user_id uuid not null references auth.users, paid boolean);
      create table public.lines (id int primary key, invoice_id int not null references public.invoices on delete cascade, text text);
      insert into public.invoices values (1, '${ada}', true), (2, '${ben}', true), (3, '${ben}', false);
      insert into public.lines values (1, 1, 'x'), (2, 2, 'y'), (3, 3, 'z');
      alter table public.lines enable row level security;
      alter table public.invoices enable row level security;
      create policy paid on public.invoices for select using (paid);
      create policy paid on public.lines for select using (exists (select from public.invoices where id = invoice_id));`,
      async ({ measure }) => {
        const matrix = await measure();
        expect(levels(cellOf(matrix, "ada", "lines")).select).toEqual({
          own: "all",
          others: "some",
          nobodys: "no rows",
        });
        expect(cellOf(matrix, "ada", "lines").select.verdicts.others).toMatchObject({ allowed: 1, of: 2 });
        expect(levels(cellOf(matrix, "anon", "lines")).select).toEqual({
          others: "some",
          nobodys: "no rows",
        });
      },
    );
  });

  it("keeps to the columns that were granted, and tells own rows apart by them", async () => {
    await withPeople(
      `${notes} ${reads}
      revoke all on public.notes from anon, authenticated;
      grant select (id, body), update (stars), insert (user_id, body) on public.notes to authenticated;
      create policy own on public.notes for update to authenticated using (user_id = auth.uid());`,
      async ({ measure }) => {
        const matrix = await measure();
        const cell = cellOf(matrix, "ada", "notes");
        expect(cell.select.granted).toEqual(["id", "body"]);
        expect(levels(cell)).toMatchObject({
          select: { own: "all", others: "all", nobodys: "all" },
          update: { own: "all", others: "none", nobodys: "none" },
          delete: { own: "none" },
        });
        expect(cell.update.verdicts.own?.columns).toEqual(["stars"]);
        expect(levels(cellOf(matrix, "anon", "notes")).select).toEqual({ others: "none", nobodys: "none" });
      },
    );
  });

  it("says that a row without its number would take one from the sequence, and does not take it", async () => {
    await withPeople(
      `${notes} create policy adds on public.notes for insert to authenticated with check (true);
      revoke insert on public.notes from authenticated;
      grant insert (user_id, body) on public.notes to authenticated;`,
      async ({ measure, url }) => {
        const { insert } = cellOf(await measure(), "ada", "notes");
        expect(insert.verdicts.own).toMatchObject({
          level: "undecided",
          why: expect.stringContaining("sequence"),
        });
        expect(await query(url, "select last_value::int from public.notes_id_seq")).toEqual([
          { last_value: 4 },
        ]);
      },
    );
  });

  it("believes triggers that refuse a change or quietly undo it, and not the grant", async () => {
    await withPeople(
      `create table public.people (
        id uuid primary key references auth.users, name text not null, role text not null, points int not null, seen boolean not null
      );
      insert into public.people values ('${ada}', 'A', 'admin', 1, false), ('${ben}', 'B', 'user', 2, true);
      alter table public.people enable row level security;
      create policy own on public.people to authenticated using (id = auth.uid()) with check (id = auth.uid());
      create function public.guard() returns trigger language plpgsql as $$
      begin
        if new.role is distinct from old.role then
          raise exception 'only admins assign roles' using errcode = '42501';
        end if;
        new.points := old.points;
        return new;
      end $$;
      create function public.frozen() returns trigger language plpgsql as $$
      begin
        if new.seen is distinct from old.seen then raise exception 'later' using errcode = '42501'; end if;
        return null;
      end $$;
      create trigger guard before update on public.people for each row execute function public.guard();
      create trigger frozen after update on public.people for each row execute function public.frozen();`,
      async ({ measure }) => {
        const { verdicts } = cellOf(await measure(), "ben", "people").update;
        expect(verdicts.own).toMatchObject({ level: "all", columns: ["name"] });
      },
    );
  });

  it("does not take a row for another's whose owner a trigger puts right", async () => {
    await withPeople(
      `${notes}
      create policy adds on public.notes for insert to authenticated with check (true);
      create function public.mine() returns trigger language plpgsql as $$
      begin
        new.user_id := auth.uid();
        return new;
      end $$;
      create trigger mine before insert on public.notes for each row execute function public.mine();`,
      async ({ measure }) => {
        const { insert } = cellOf(await measure(), "ada", "notes");
        expect(insert.verdicts.own?.level).toBe("all");
        expect(insert.verdicts.others?.level).toBe("none");
      },
    );
  });

  it("knows that who may not name the owner of a row adds none in another's name", async () => {
    await withPeople(
      `create table public.posts (id uuid primary key default gen_random_uuid(), user_id uuid not null default auth.uid() references auth.users, text text);
      insert into public.posts (user_id, text) values ('${ada}', 'a'), ('${ben}', 'b');
      revoke insert on public.posts from anon, authenticated;
      grant insert (text) on public.posts to authenticated`,
      async ({ measure }) => {
        expect(levels(cellOf(await measure(), "ada", "posts")).insert).toEqual({
          own: "all",
          others: "none",
        });
      },
    );
  });

  it("asks triggers that wait for the commit as well", async () => {
    await withPeople(
      `${notes}
      create policy own on public.notes to authenticated using (user_id = auth.uid());
      create function public.refuse() returns trigger language plpgsql as $$
      begin
        raise exception 'notes stay' using errcode = '42501';
      end $$;
      create constraint trigger refuse after delete on public.notes deferrable initially deferred
        for each row execute function public.refuse();`,
      async ({ measure }) => {
        expect(levels(cellOf(await measure(), "ada", "notes")).delete).toEqual({
          own: "none",
          others: "none",
          nobodys: "none",
        });
      },
    );
  });

  it("tells views of their owner's rights from those of the caller's, and what can be changed through them", async () => {
    await withPeople(
      `${notes}
      create policy own on public.notes to authenticated using (user_id = auth.uid());
      create view public.leaky as select id, user_id, body from public.notes;
      create view public.sound with (security_invoker = true) as select id, user_id, body from public.notes;
      create view public.mine as select id, body from public.notes where user_id = auth.uid();
      create materialized view public.counted as select count(*) as notes from public.notes;
      create view public.summed with (security_invoker = true) as select count(*) as notes from public.notes;`,
      async ({ measure }) => {
        const matrix = await measure();
        expect(levels(cellOf(matrix, "anon", "leaky"))).toMatchObject({
          select: { others: "all", nobodys: "all" },
          update: { others: "all", nobodys: "all" },
          delete: { others: "all", nobodys: "all" },
        });
        expect(levels(cellOf(matrix, "ada", "sound"))).toMatchObject({
          select: { own: "all", others: "none", nobodys: "none" },
          update: { own: "all", others: "none", nobodys: "none" },
          delete: { own: "all", others: "none", nobodys: "none" },
        });
        expect(levels(cellOf(matrix, "ada", "mine"))).toMatchObject({ select: { rows: "all" } });
        expect(levels(cellOf(matrix, "anon", "counted"))).toEqual({
          select: { rows: "all" },
          insert: { rows: "none" },
          update: { rows: "none" },
          delete: { rows: "none" },
        });
        expect(levels(cellOf(matrix, "ada", "summed")).update).toEqual({ rows: "none" });
      },
    );
  });

  it("goes through a partitioned table, and takes a partition that was granted for a way around its policies", async () => {
    await withPeople(
      `create table public.logs (id int, day date, user_id uuid references auth.users, text text) partition by range (day);
      create table public.logs_2025 partition of public.logs for values from ('2025-01-01') to ('2026-01-01');
      create table public.logs_2026 partition of public.logs for values from ('2026-01-01') to ('2027-01-01');
      insert into public.logs values (1, '2025-03-01', '${ada}', 'a'), (2, '2026-03-01', '${ben}', 'b'), (3, '2026-04-01', '${ada}', 'c');
      alter table public.logs enable row level security;
      revoke all on public.logs_2025 from anon, authenticated, service_role;
      create policy own on public.logs to authenticated using (user_id = auth.uid());`,
      async ({ measure }) => {
        const matrix = await measure();
        expect(matrix.relations.map(({ name, kind }) => [name, kind])).toEqual([
          ["logs", "partitioned table"],
          ["logs_2026", "partition"],
        ]);
        expect(levels(cellOf(matrix, "ada", "logs"))).toEqual({
          select: { own: "all", others: "none", nobodys: "no rows" },
          insert: { own: "all", others: "none", nobodys: "none" },
          update: { own: "all", others: "none", nobodys: "no rows" },
          delete: { own: "all", others: "none", nobodys: "no rows" },
        });
        expect(levels(cellOf(matrix, "anon", "logs_2026"))).toMatchObject({
          select: { others: "all" },
          delete: { others: "all" },
        });
      },
    );
  });

  it("calls functions without arguments, and leaves alone what writes or needs some", async () => {
    await withPeople(
      `${notes}
      create function public.everything() returns setof public.notes language sql security definer stable as 'select * from public.notes';
      create function public.mine() returns setof public.notes language sql stable as 'select * from public.notes';
      create function public.who() returns uuid language sql stable as 'select auth.uid()';
      create function public.one(id bigint) returns text language sql stable as 'select body from public.notes where notes.id = one.id';
      create function public.wipe() returns void language plpgsql as 'begin delete from public.notes; end';
      create function public.hidden() returns int language sql as 'select 1';
      revoke execute on function public.hidden() from public, anon, authenticated;`,
      async ({ measure }) => {
        const { functions } = await measure();
        const calls = Object.fromEntries(functions.map(({ name, calls: by }) => [name, [by.anon, by.ada]]));
        expect(calls).toMatchObject({
          "public.everything()": [{ returns: "rows", rows: 4 }, { returns: "rows" }],
          "public.mine()": [{ returns: "no rows" }, { returns: "no rows" }],
          "public.who()": [{ returns: "nothing" }, { returns: "a value" }],
          "public.one(bigint)": [{ callable: true, why: "it needs arguments" }, { callable: true }],
          "public.wipe()": [{ callable: true, why: "it writes" }, { callable: true }],
          "public.hidden()": [{ callable: false }, { callable: false }],
        });
      },
    );
  });

  it("works with names in any language, without a primary key, with generated columns and every common type", async () => {
    await withPeople(
      `create schema "Büro ""1""";
      grant usage on schema "Büro ""1""" to anon, authenticated;
      create type public.mood as enum ('gut', 'schlecht');
      create table "Büro ""1"""."Kunden; drop" (
        "Nutzer" uuid references auth.users, "select" text, "größe" numeric(6, 2), "am" date, "um" timestamptz, "laune" public.mood,
        "daten" jsonb, "liste" text[], "doppelt" numeric generated always as ("größe" * 2) stored, "spanne" int4range
      );
      grant all on "Büro ""1"""."Kunden; drop" to authenticated;
      insert into "Büro ""1"""."Kunden; drop" values
        ('${ada}', E'it''s\\\\', 1.5, '2026-01-01', now(), 'gut', '{"a": 1}', '{a,"b c"}', default, '[1,3)'),
        ('${ben}', null, null, null, null, null, null, null, default, null);
      alter table "Büro ""1"""."Kunden; drop" enable row level security;
      create policy p on "Büro ""1"""."Kunden; drop" using ("Nutzer" = auth.uid());`,
      async ({ measure }) => {
        const cell = cellOf(await measure(), "ada", "Kunden; drop", 'Büro "1"');
        expect(levels(cell)).toEqual({
          select: { own: "all", others: "none", nobodys: "no rows" },
          insert: { own: "all", others: "none", nobodys: "none" },
          update: { own: "all", others: "none", nobodys: "no rows" },
          delete: { own: "all", others: "none", nobodys: "no rows" },
        });
        expect(cell.update.verdicts.own?.columns).toEqual(
          expect.arrayContaining(["select", "größe", "am", "um", "laune", "daten", "liste"]),
        );
      },
      `export default {
        users: { test: [{ role: "ada", name: "Ada", email: "ada@test.local" }] },
        access: { schemas: ['Büro "1"'] },
      };`,
    );
  });

  it("lets a role that is named with claims of its own try it too", async () => {
    await withPeople(
      `${notes}
      create policy staff on public.notes for select to authenticated using (auth.jwt() -> 'app_metadata' ->> 'role' = 'staff');`,
      async ({ measure }) => {
        const matrix = await measure();
        expect(levels(cellOf(matrix, "staff", "notes")).select).toEqual({ others: "all", nobodys: "all" });
        expect(levels(cellOf(matrix, "visitor", "notes")).select).toEqual({
          others: "none",
          nobodys: "none",
        });
      },
      `export default {
        access: {
          identities: [
            { name: "staff", claims: { app_metadata: { role: "staff" } } },
            { name: "visitor", role: "authenticated" },
          ],
        },
      };`,
    );
  });

  it("knows what holds for tables without rows where grants and policies are plain, and no more", async () => {
    await withPeople(
      `create table public.open (id int primary key);
      create table public.closed (id int primary key); alter table public.closed enable row level security;
      create table public.own (id int primary key, user_id uuid not null references auth.users, kind text not null);
      alter table public.own enable row level security;
      create policy own on public.own to authenticated using (user_id = auth.uid()) with check (user_id = auth.uid());`,
      async ({ measure }) => {
        const matrix = await measure();
        expect(levels(cellOf(matrix, "ada", "open"))).toEqual({
          select: { rows: "all" },
          insert: { rows: "all" },
          update: { rows: "all" },
          delete: { rows: "all" },
        });
        expect(levels(cellOf(matrix, "ada", "closed"))).toMatchObject({
          select: { rows: "none" },
          insert: { rows: "none" },
        });
        expect(levels(cellOf(matrix, "ada", "own"))).toMatchObject({
          select: { own: "no rows", others: "no rows" },
          insert: { own: "all", others: "no rows" },
          delete: { own: "no rows", others: "no rows" },
        });
      },
    );
  });
});
