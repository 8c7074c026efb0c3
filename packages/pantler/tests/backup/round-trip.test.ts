import { describe, expect, it } from "vitest";
import { type Backup, withScratch } from "../../src/index.js";
import { backUp, drill, restore } from "../support/backups.js";
import { withDatabaseUrl } from "../support/database.js";
import { query } from "../support/inspect.js";
import { keepProject } from "../support/kept-project.js";
import { type OutsiderScope, outsiderDifferences } from "../support/outsider.js";
import { withProject } from "../support/project.js";
import {
  loadTorture,
  loadTortureOfSupabase,
  loadTortureOfSuperuser,
  type TortureKind,
} from "../support/torture.js";

/** What pg_dump cannot write down, and PostgreSQL cannot make again. */
const impossible: readonly TortureKind[] = ["exclusion of partitions", "order of columns"];

/** What is Supabase's to restore; triggers, policies and users in `auth` and `storage` are the project's. */
const supabases: OutsiderScope = {
  without: [
    ...["realtime", "cron", "extensions", "graphql", "graphql_public", "net", "pgbouncer", "pgsodium"],
    ...["pgsodium_masks", "supabase_functions", "vault"],
  ],
  withoutRowsOf: ["storage", "auth.sessions", "auth.refresh_tokens", "auth.refresh_tokens_id_seq"],
};

/** What another project may have left in a database. */
const somethingElse = `
  comment on schema public is 'of another project';
  grant create on schema public to public, anon;
  create schema old;
  create schema "A";
  create table old.things (id int primary key);
  create type public.old_state as enum ('a', 'b');
  create domain public.old_domain as text check (value <> '');
  create type public.old_pair as (a int, b public.old_state);
  create type public.old_range as range (subtype = float8);
  create collation public.old_collation (provider = icu, locale = 'de');
  create text search configuration public.old_words (copy = simple);
  create sequence public.old_numbers;
  create table public.old_parts (id int, state public.old_state) partition by range (id);
  create table public.old_parts_1 partition of public.old_parts for values from (0) to (10);
  create table public.notes (id int, thing int references old.things);
  create statistics public.old_statistics on id, thing from public.notes;
  create function public.old_total(int, int) returns int language sql as 'select 1';
  create procedure public.old_procedure() language sql as 'select 1';
  create aggregate public.old_sum(int) (sfunc = old_total, stype = int);
  create operator public.=== (leftarg = int, rightarg = int, function = public.old_total);
  create cast (public.old_state as text) with inout;
  create view public.old_view as select * from public.notes;
  create materialized view public.old_filled as select * from public.old_view;
  create function public.old_watch() returns trigger language plpgsql as 'begin return new; end';
  create trigger old_trigger before insert on public.notes for each row execute function public.old_watch();
  create trigger on_auth_user_created after insert on auth.users for each row execute function public.old_watch();
  create trigger old_one after update on auth.users for each row execute function public.old_watch();
  create trigger old_hook after insert on storage.objects for each row
    execute function supabase_functions.http_request('http://127.0.0.1:1/', 'POST', '{}', '{}', '1000');
  create policy old_policy on storage.objects for select using (true);
  create policy "Avatars are public" on storage.objects for select using (false);
  create publication old_publication for table public.notes;
  alter publication supabase_realtime add table public.notes;
  alter default privileges grant all on tables to public;
  alter default privileges in schema public grant all on functions to anon with grant option;
  alter default privileges in schema old grant select on tables to anon;
  create schema supabase_migrations;
  create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text, created_by text);
  insert into supabase_migrations.schema_migrations values ('1', '{}', 'old', 'somebody');
  create schema pantler;
  create table pantler.migration_control (version text primary key);
  insert into auth.users (id, email, encrypted_password) values
    ('00000000-0000-4000-8000-000000000001', 'other@test.local', 'x'),
    ('90000000-0000-4000-8000-000000000001', 'old@test.local', 'x');
  insert into auth.identities (provider_id, user_id, identity_data, provider) values
    ('old', '90000000-0000-4000-8000-000000000001', '{}', 'email');
`;

async function loadEverything(url: string): Promise<void> {
  await loadTorture(url, { without: impossible });
  await loadTortureOfSupabase(url);
}

/** Which users can sign in with the passwords that they had. */
const signIns = `
  select email, encrypted_password = extensions.crypt('password-' || right(id::text, 1), encrypted_password) as ok
  from auth.users order by id
`;

describe("a backup of everything that can go wrong, with users, policies and jobs of a Supabase project,", () => {
  let backup: Backup;
  const source = keepProject(async (project) => {
    await loadEverything(project.url);
    backup = await backUp(project);
  });

  it("restores into an empty database, as a role that is no superuser", async () => {
    await withDatabaseUrl(async (copy) => {
      const result = await restore(source(), backup, {}, copy);
      expect(result).toMatchObject({ way: "everything", schemaEqual: true, safety: undefined });
      expect(await outsiderDifferences(source().url, copy, supabases)).toEqual([]);
      expect(await query(copy, signIns)).toEqual(await query(source().url, signIns));
    });
  });

  it("restores over the database of another project, in one transaction", async () => {
    await withDatabaseUrl(async (copy) => {
      await query(copy, somethingElse);
      const result = await restore(source(), backup, {}, copy);
      expect(result).toMatchObject({ way: "everything", schemaEqual: true });
      expect(await outsiderDifferences(source().url, copy, supabases)).toEqual([]);
      expect(await query(copy, signIns)).toEqual(await query(source().url, signIns));
    });
  });

  it("passes its drill", async () => {
    expect(await drill(source(), backup)).toMatchObject({ proven: true, differences: [] });
  });

  it("restores its rows alone over rows that are different, and leaves all else as it is", async () => {
    await withDatabaseUrl(async (copy) => {
      await restore(source(), backup, {}, copy);
      await query(
        copy,
        `insert into auth.users (id, email) values ('90000000-0000-4000-8000-000000000001', 'new@test.local');
         update auth.users set email = 'changed@test.local', encrypted_password = 'x' where id = '00000000-0000-4000-8000-000000000002';
         delete from auth.users where id = '00000000-0000-4000-8000-000000000003';
         grant all on torture.loop_2, torture.owned_elsewhere to current_user;
         delete from torture.every_type where id % 2 = 0;
         update torture.texts set body = body || '!';
         insert into torture.events (id, at, region) select n, '2021-05-05', 'new' from generate_series(1000, 1100) as n;
         delete from torture.attendees;
         update torture.authors set mentor = null, deputy = null, favourite = null;
         truncate torture.hashed, torture.hashed_moods, torture.numbered, private.ledger, public.notes;
         select nextval('torture.huge'), setval('torture.numbered_id_seq', 10)`,
      );
      const result = await restore(source(), backup, { dataOnly: true }, copy);
      await query(
        copy,
        "revoke insert, update, delete, truncate on torture.loop_2 from current_user; revoke usage, update on sequence torture.owned_elsewhere from current_user",
      );
      expect(result).toMatchObject({ way: "rows", schemaEqual: undefined });
      expect(await outsiderDifferences(source().url, copy, supabases)).toEqual([]);
      expect(await query(copy, signIns)).toEqual(await query(source().url, signIns));
    });
  });
});

describe("a backup of what only a superuser can make", () => {
  it("passes its drill, and restores as a superuser into an empty database and over what is there", async () => {
    await withScratch(async ({ url, superuserUrl }) => {
      await query(superuserUrl.withPassword(), `alter role ${url.user} superuser`);
      const make = async (database: string) => {
        await query(superuserUrl.withPassword(), `create database ${database} template template0`);
        return url.with({ database }).withPassword();
      };
      const [original, copy] = [await make("original"), await make("copy")];
      await withProject({}, async (project) => {
        await loadTorture(original, { without: impossible });
        await loadTortureOfSuperuser(original);
        const backup = await backUp(project, {}, original);
        expect(await drill(project, backup)).toMatchObject({ proven: true, differences: [] });
        for (const _ of ["into an empty database", "over what is there"]) {
          expect(await restore(project, backup, {}, copy)).toMatchObject({ schemaEqual: true });
          expect(await outsiderDifferences(original, copy)).toEqual([]);
        }
      });
    });
  });
});
