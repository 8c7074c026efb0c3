import { join } from "node:path";
import { expect } from "vitest";
import { type Backup, findBackup, Operation } from "../../src/index.js";
import { rewriteManifest } from "./backup-damage.js";
import { query } from "./inspect.js";
import { contentOf } from "./pantry.js";
import { type TestProject, withProject } from "./project.js";

/** A small Supabase project with what a restore may get wrong. */
const counter = `
  create extension citext with schema extensions;
  create table kinds (id int primary key, name extensions.citext);
  create table items (id serial primary key, kind int references kinds, body text, owner uuid references auth.users on delete cascade);
  comment on table items is 'goods';
  create index items_body_idx on items (lower(body));
  create materialized view counted as select kind, count(*) as items from items group by kind;
  create function welcome() returns trigger language plpgsql as 'begin return new; end';
  create trigger welcome after insert on auth.users for each row execute function welcome();
  create policy mine on storage.objects for select using (true);
  alter default privileges in schema public revoke all on tables from anon;
  insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000001', 'one@test.local');
  insert into kinds values (1, 'one'), (2, 'two');
  insert into items (kind, body, owner) select n % 2 + 1, 'item ' || n, '00000000-0000-4000-8000-000000000001' from generate_series(1, 1000) as n;
  refresh materialized view counted;
  create schema supabase_migrations;
  create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
  insert into supabase_migrations.schema_migrations values ('1', '{}', 'shop');
`;

/** What somebody does to it. */
export const damage =
  "delete from items where id > 10; update kinds set name = 'changed'; alter table items add column extra int";

/** Runs a test with a project whose database holds something. */
export async function withCounter(test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    await query(project.url, counter);
    await test(project);
  });
}

/** Runs work, and expects that the database holds afterwards what it held before. */
export async function expectUnchanged(url: string, work: () => Promise<void>): Promise<void> {
  const before = await contentOf(url);
  await work();
  expect(await contentOf(url)).toBe(before);
}

/** The backup as it would be if its manifest had said something else from the beginning. */
export async function withManifest(
  project: TestProject,
  backup: Backup,
  change: Parameters<typeof rewriteManifest>[2],
): Promise<Backup> {
  rewriteManifest(join(project.root, "backups"), backup.id, change);
  return await findBackup(backup.store, backup.id);
}

/** An operation that aborts a signal as soon as a step begins. */
export function interruptedAt(title: string): { operation: Operation; signal: AbortSignal } {
  const controller = new AbortController();
  const operation = new Operation((event) => {
    if (event.type === "step-started" && event.title === title) controller.abort();
  });
  return { operation, signal: controller.signal };
}
