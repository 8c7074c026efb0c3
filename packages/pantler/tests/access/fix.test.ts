import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareAccess, measureAccess, snapshotOf } from "../../src/access/index.js";
import { type AccessFixes, explainAccess, fixAccess, lintAccess } from "../../src/index.js";
import { withClient } from "../../src/postgres/index.js";
import { fingerprintOf, readSchema } from "../../src/schema/index.js";
import { adaAndBen } from "../support/access-fixtures.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const config = JSON.stringify({
  access: {
    identities: [
      { name: "ada", email: "ada@example.com" },
      { name: "ben", email: "ben@example.com" },
    ],
  },
});

const names = ["bills", "boards", "calls", "notes", "Zäune"];

/** Five tables with five policies each that ask anew for every row. */
const fiveTables = names
  .map(
    (name) => `
create table public."${name}" (
  id bigint generated always as identity primary key,
  owner_id uuid not null references auth.users (id),
  "größe" text not null default 'klein'
);
alter table public."${name}" enable row level security;
create policy "${name} select" on public."${name}" for select to authenticated
  using ("größe" <> 'ä( auth.uid()' and owner_id = public.whoever(auth.uid()));
create policy "${name} active" on public."${name}" as restrictive for all to authenticated
  using (public.is_active()) with check ((select auth.uid() is not null));
create policy "${name} insert" on public."${name}" for insert to authenticated with check (owner_id = auth.uid());
create policy "${name} update" on public."${name}" for update to authenticated
  using (owner_id = auth.uid()) with check (owner_id = auth.uid() and public.is_active());
create policy "${name} delete" on public."${name}" for delete to authenticated
  using (owner_id = (current_setting('request.jwt.claims', true)::jsonb ->> 'sub')::uuid);
insert into public."${name}" (owner_id) select id from auth.users, generate_series(1, 3);`,
  )
  .join("\n");

const isActive = `
create function public.whoever(id uuid) returns uuid language sql stable set search_path = '' as 'select id';
create function public.is_active() returns boolean language sql stable set search_path = '' as 'select auth.uid() is not null';
`;

async function withTables(sql: string, test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    project.write("pantler.config.json", config);
    await query(project.url, adaAndBen);
    await query(project.url, sql);
    await test(await project.reopen());
  });
}

async function fix({ target, operation }: TestProject): Promise<AccessFixes> {
  return await fixAccess(target, { name: "access fixes", now: new Date(), keys: {} }, operation);
}

function textOf(fixes: AccessFixes, at: 0 | 1): string {
  return readFileSync(fixes.migration?.files[at] ?? "", "utf8");
}

describe("access lint --fix", () => {
  it("wraps what is worked out for every row, and nobody can see or do anything else afterwards", async () => {
    await withTables(isActive + fiveTables, async (project) => {
      const { target, url, operation } = project;
      const measure = async () => snapshotOf(await measureAccess(target.url, target.project, {}, operation));
      const schema = async () => fingerprintOf(await withClient(target.url, readSchema));
      const before = { access: await measure(), schema: await schema() };
      const fixes = await fix(project);
      const fixed = fixes.fixed.filter(({ rule }) => rule === "policy-function-per-row");
      expect(fixed).toHaveLength(25);
      expect(await schema()).toBe(before.schema);
      expect(textOf(fixes, 0)).toContain(`alter policy "notes delete" on "public"."notes"
  using ((owner_id = ((((select current_setting('request.jwt.claims'::text, true)))::jsonb ->> 'sub'::text))::uuid));`);

      await query(url, textOf(fixes, 0));
      expect(compareAccess(before.access, await measure())).toEqual([]);
      const left = await lintAccess(target.url, target.project, operation);
      expect(left.findings.filter(({ level }) => level !== "info")).toEqual([]);
      const { reading } = await explainAccess(target, { table: "public.notes", as: "ada" }, operation);
      expect(reading?.onceForAll).toBe(true);
      expect(JSON.stringify(reading)).toContain("InitPlan");

      await query(url, textOf(fixes, 1));
      expect(await schema()).toBe(before.schema);
    });
  });

  it("writes indexes that policies, their sub-queries and foreign keys lack, each once", async () => {
    const members = `
      create table public.teams (id int primary key);
      create table public.members (team_id int references public.teams (id), user_id uuid references auth.users (id));
      create table public.papers (id int primary key, team_id int references public.teams (id) on delete cascade);
      create table public.papers_team_id_idx (id int primary key);
      alter table public.papers enable row level security;
      alter table public.members enable row level security;
      alter table public.teams enable row level security;
      alter table public.papers_team_id_idx enable row level security;
      create policy p on public.teams for delete to authenticated using ((select auth.uid()) is null);
      create policy p on public.members for select to authenticated using (user_id = (select auth.uid()));
      create policy p on public.papers for select to authenticated
        using (team_id in (select team_id from public.members where user_id = (select auth.uid())));`;
    await withTables(members, async (project) => {
      const fixes = await fix(project);
      const written = textOf(fixes, 0)
        .split("\n")
        .filter((line) => line.startsWith("create"));
      expect(written).toEqual([
        'create index "members_team_id_idx" on "public"."members" ("team_id");',
        'create index "members_user_id_idx" on "public"."members" ("user_id");',
        'create index "papers_team_id_idx1" on "public"."papers" ("team_id");',
      ]);
      await query(project.url, textOf(fixes, 0));
      expect((await fix(project)).migration).toBeUndefined();
    });
  });

  it("writes nothing when the matrix is another one afterwards", async () => {
    const lying = `
      create function public.is_lucky() returns boolean language sql stable set search_path = ''
        as 'select random() < 0.5';
      create table public.notes (id int primary key);
      alter table public.notes enable row level security;
      create policy lucky on public.notes for select to authenticated using (public.is_lucky());
      insert into public.notes select generate_series(1, 200);`;
    await withTables(lying, async (project) => {
      const error = await failure(fix(project));
      expect(error).toMatchObject({ code: "fix-changes-access", exit: 5 });
      expect(error.detail).toMatch(/rows of notes/);
      expect(existsSync(join(project.root, "supabase/migrations"))).toBe(false);
    });
  });

  it("leaves out what the matrix cannot tell of, and says so", async () => {
    const calling = `
      create function public.call_out() returns trigger language plpgsql security definer set search_path = ''
        as $$ begin perform net.http_post('http://127.0.0.1:1/'); return new; end $$;
      create table public.outer_notes (id int primary key, owner_id uuid not null references auth.users (id));
      create table public.notes (id int primary key, owner_id uuid not null references auth.users (id));
      create index on public.notes (owner_id); create index on public.outer_notes (owner_id);
      alter table public.outer_notes enable row level security;
      alter table public.notes enable row level security;
      create policy own on public.outer_notes for all to authenticated using (owner_id = auth.uid());
      create policy own on public.notes for all to authenticated using (owner_id = auth.uid());
      insert into public.notes select row_number() over (), id from auth.users, generate_series(1, 2);
      insert into public.outer_notes select * from public.notes;
      create trigger call_out before insert or update on public.outer_notes for each row execute function public.call_out();`;
    await withTables(calling, async (project) => {
      const fixes = await fix(project);
      expect(fixes.fixed.map(({ subject }) => subject)).toEqual(['policy "own" on public.notes']);
      expect(fixes.unproven.map(({ subject }) => subject)).toEqual(['policy "own" on public.outer_notes']);
    });
  });

  it("writes nothing where nothing can be rewritten", async () => {
    await withTables("create table public.open (id int primary key)", async (project) => {
      const fixes = await fix(project);
      expect(fixes.findings.map(({ rule }) => rule)).toEqual(["table-without-row-security"]);
      expect(fixes).toMatchObject({ migration: undefined, fixed: [] });
    });
  });
});
