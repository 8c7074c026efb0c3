import { describe, expect, it } from "vitest";
import { type AccessExplanation, explainAccess } from "../../src/index.js";
import { pantler } from "../support/cli.js";
import { withRole } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const ann = "00000000-0000-4000-8000-00000000000a";
const ben = "00000000-0000-4000-8000-00000000000b";

const notes = `
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid references auth.users,
  title text not null unique
);
alter table public.notes enable row level security;
grant select, insert, update, delete on public.notes to authenticated;
insert into auth.users (id, email) values ('${ann}', 'ann@test.local'), ('${ben}', 'ben@test.local');
insert into public.notes (owner_id, title)
select case when n % 3 > 0 then '${ben}'::uuid else '${ann}' end, 'note ' || n from generate_series(1, 30) n;
`;

const perRow = "create policy own on public.notes for select to authenticated using (owner_id = auth.uid());";
const once = "create policy own on public.notes using (owner_id = (select auth.uid()));";

/** Runs a test with a database made by a script. */
async function withTables(script: string, test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    await query(project.url, script);
    await test(project);
  });
}

async function explain(
  { target, operation }: TestProject,
  table: string,
  as = "ann@test.local",
  rows?: number,
): Promise<AccessExplanation> {
  return await explainAccess(target, { table, as, rows }, operation);
}

function sentencesOf({ commands }: AccessExplanation): Record<string, string> {
  return Object.fromEntries(commands.map(({ command, sentence }) => [command, sentence]));
}

describe("explain says which policies hold for an identity", () => {
  it("any permissive one, and every restrictive one", async () => {
    const script = `${notes}${perRow}
      create policy shared on public.notes for select using (owner_id is null);
      create policy titled on public.notes as restrictive for select to authenticated using (title <> '');
      create policy staff on public.notes for select to service_role using (true);`;
    await withTables(script, async (project) => {
      const explanation = await explain(project, "public.notes");
      expect(sentencesOf(explanation)).toEqual({
        select: 'rows for which "own" or "shared" hold, and only where "titled" holds.',
        insert: "no row: row security is on and no policy lets authenticated insert.",
        update: "no row: row security is on and no policy lets authenticated update.",
        delete: "no row: row security is on and no policy lets authenticated delete.",
      });
      expect(explanation.rows).toEqual({ seen: 10, of: 30, note: undefined });
      const [select] = explanation.commands;
      expect(select?.permissive.map(({ name, roles }) => [name, roles])).toEqual([
        ["own", ["authenticated"]],
        ["shared", ["public"]],
      ]);
    });
  });

  it("or why none is asked: it is off, the role bypasses it, nothing is granted", async () => {
    const script = `${notes} alter table public.notes disable row level security; create schema locked;
      create table locked.letters (id int primary key); revoke all on public.notes from anon;`;
    await withTables(script, async (project) => {
      const off = await explain(project, "notes");
      expect(sentencesOf(off).select).toBe("every row: row security of public.notes is off.");
      expect(off.rows).toEqual({ seen: 30, of: 30, note: undefined });
      const anon = await explain(project, "notes", "anon");
      expect(sentencesOf(anon).select).toBe("anon has no right to select.");
      expect([anon.rows, anon.reading, anon.failure]).toEqual([undefined, undefined, undefined]);
      const locked = await explain(project, "locked.letters");
      expect(sentencesOf(locked).select).toBe("authenticated has no right to use the schema locked.");
      await query(project.url, "alter table public.notes enable row level security");
      const service = await explain(project, "notes", "service_role");
      expect(service.rowSecurity).toMatchObject({ enabled: true, bound: false });
      expect(service.rowSecurity.sentence).toContain("does not hold for service_role");
    });
  });

  it("shows a policy that leads back to itself, that raises, and that needs a right", async () => {
    const script = `${notes}
      create policy loop on public.notes for select using (exists (select from public.notes n where n.owner_id = auth.uid()));
      create table public.raising (id int primary key);
      create table public.refused (id int primary key);
      create function public.raise() returns boolean language plpgsql as $$ begin raise exception 'not today'; end $$;
      create function public.secret() returns boolean language sql as 'select true';
      revoke all on function public.secret() from public, anon, authenticated;
      insert into public.raising values (1); insert into public.refused values (1);
      alter table public.raising enable row level security; alter table public.refused enable row level security;
      create policy raising on public.raising using (public.raise());
      create policy refused on public.refused using (public.secret());
      grant select on public.raising, public.refused to authenticated;`;
    await withTables(script, async (project) => {
      expect((await explain(project, "notes")).failure).toMatchObject({
        sqlstate: "42P17",
        sentence: expect.stringContaining("leads back to itself"),
      });
      expect((await explain(project, "raising")).failure).toMatchObject({ sqlstate: "P0001" });
      expect((await explain(project, "refused")).failure?.sentence).toContain(
        "a right that the identity lacks",
      );
    });
  });
});

describe("explain says what reading costs", () => {
  it("tells a caller who is asked for once from one who is asked for with every row", async () => {
    await withTables(`${notes}${perRow}`, async (project) => {
      const slow = await explain(project, "notes");
      expect(slow.reading?.costs.map(({ kind, rows }) => [kind, rows])).toEqual([["caller-per-row", 30]]);
      expect(slow.reading?.onceForAll).toBe(false);
      await query(project.url, `drop policy own on public.notes; ${once}`);
      const fast = await explain(project, "notes");
      expect(fast.reading?.costs).toEqual([]);
      expect(fast.reading?.onceForAll).toBe(true);
      expect(fast.reading?.withRowSecurity.rows).toBe(10);
      expect(fast.reading?.sameRows?.rows).toBe(10);
      expect(fast.reading?.wholeTable?.rows).toBe(30);
    });
  });

  it("names functions and sub-queries that run for each row, and does not compare what is not the same", async () => {
    const script = `${notes}
      create table public.shares (note_id uuid, user_id uuid, primary key (user_id, note_id));
      create function public.may_see(note uuid) returns boolean language plpgsql stable as 'begin return note is not null; end';
      alter table public.shares enable row level security;
      create policy mine on public.shares for select using (user_id = (select auth.uid()));
      grant select on public.shares to authenticated;
      insert into public.shares select id, owner_id from public.notes;
      create policy shared on public.notes for select
        using (public.may_see(id) and (select count(*) from public.shares s where s.note_id = notes.id) > 0);`;
    await withTables(script, async (project) => {
      const { reading } = await explain(project, "notes");
      expect(reading?.costs.map(({ kind }) => kind)).toEqual(
        expect.arrayContaining(["function-per-row", "sub-query-per-row"]),
      );
      expect(reading?.overhead).toBeUndefined();
      expect(reading?.compared).toContain("selects 30 rows and not 10");
    });
  });
});

describe("explain tries indexes on a copy with more rows", () => {
  it("finds the one that helps, and none once it is there", async () => {
    await withTables(`${notes}${once}`, async (project) => {
      const { trial } = await explain(project, "notes", "ann@test.local", 20_000);
      expect(trial).toMatchObject({ rows: 20_000, notes: [] });
      expect(trial?.seen).toBeGreaterThan(50);
      expect(trial?.seen).toBeLessThan(500);
      expect(trial?.best?.statement).toBe(
        'create index "notes_owner_id_idx" on "public"."notes" ("owner_id")',
      );
      expect(trial?.best?.factor).toBeGreaterThan(1.25);
      expect(await query(project.url, "select count(*)::int as notes from public.notes")).toEqual([
        { notes: 30 },
      ]);
      await query(project.url, "create index on public.notes (owner_id)");
      const indexed = await explain(project, "notes", "ann@test.local", 20_000);
      expect(indexed.trial).toMatchObject({ rows: 20_000, tried: [], best: undefined });
      expect(indexed.trial?.sentence).toContain("indexed already");
    });
  });

  it("says why an index that is there does not serve: another policy is joined to it by or", async () => {
    const script = `${notes}${once}
      create index on public.notes (owner_id);
      create policy admin on public.notes using ((select auth.jwt() ->> 'role') = 'admin');`;
    await withTables(script, async (project) => {
      const { trial } = await explain(project, "notes", "ann@test.local", 20_000);
      expect(trial?.best).toBeUndefined();
      expect(trial?.costs.map(({ kind }) => kind)).toEqual(["rows-removed"]);
      expect(trial?.costs[0]?.sentence).toContain("joined by OR");
    });
  });

  it("says so when there are not enough numbers for so many rows", async () => {
    const script = `
      insert into auth.users (id, email) values ('${ann}', 'ann@test.local');
      create table public.slots (id smallint primary key, owner_id uuid references auth.users);
      insert into public.slots select n, '${ann}' from generate_series(1, 30) n;
      alter table public.slots enable row level security;
      grant select on public.slots to authenticated;
      create policy own on public.slots using (owner_id = (select auth.uid()));`;
    await withTables(script, async (project) => {
      const { trial, rows } = await explain(project, "slots", "ann@test.local", 100_000);
      expect(rows).toMatchObject({ seen: 30, of: 30 });
      expect(trial?.sentence).toBe(
        "The rows could not be multiplied on the copy, so that nothing was tried there: smallint out of range.",
      );
    });
  });

  it("looks into sub-queries and the functions that a policy calls", async () => {
    const script = `
      insert into auth.users (id, email) values ('${ann}', 'ann@test.local'), ('${ben}', 'ben@test.local');
      create table public.teams (id bigint generated always as identity primary key, name text check (name <> ''));
      create table public.members (team_id bigint references public.teams, user_id uuid not null references auth.users, primary key (team_id, user_id));
      create table public.tasks (id bigint generated always as identity primary key, team_id bigint not null references public.teams, title varchar(40));
      insert into public.teams (name) values ('a'), ('b');
      insert into public.members values (1, '${ann}'), (2, '${ben}');
      insert into public.tasks (team_id, title) select 1 + n % 2, 'task ' || n from generate_series(1, 40) n;
      create function public.my_teams() returns setof bigint language sql stable security definer set search_path = ''
        as 'select m.team_id from public.members m where m.user_id = (select auth.uid())';
      alter table public.tasks enable row level security;
      create policy team on public.tasks for select to authenticated using (team_id in (select public.my_teams()));
      grant select on public.tasks to authenticated;`;
    await withTables(script, async (project) => {
      const { trial, rows } = await explain(project, "public.tasks", "ann@test.local", 20_000);
      expect(rows).toMatchObject({ seen: 20, of: 40 });
      expect(trial?.rows).toBe(20_000);
      expect(trial?.tried.map(({ statement }) => statement.slice(statement.indexOf(" on ")))).toEqual([
        ' on "public"."tasks" ("team_id")',
        ' on "public"."members" ("user_id")',
      ]);
      expect(trial?.seen).toBeLessThan(1_000);
    });
  });
});

describe("pantler access explain", () => {
  it("shows it on the terminal, and as JSON", async () => {
    await withTables(`${notes}${perRow}`, async ({ root }) => {
      const words = ["access", "explain", "notes", "--as", "ann@test.local", "--project", root];
      const { stdout, code } = await pantler(words);
      expect(code).toBe(0);
      expect(stdout).toContain('select  rows for which "own" holds.');
      expect(stdout).toContain("sees 10 of 30 rows");
      expect(stdout).toContain("worked out anew for each of 30 rows of public.notes");
      const { result } = await pantler([...words, "--json"]);
      expect(result).toMatchObject({
        ok: true,
        rows: { seen: 10, of: 30 },
        identity: { role: "authenticated" },
      });
    });
  });
});

describe("explain refuses", () => {
  it("to guess for a role that may not act as others", async () => {
    await withRole(
      async (role) => {
        await withTables(`${notes}${perRow}`, async ({ target, operation }) => {
          const url = target.url.with({ user: role, password: "secret" });
          const { code, remedy } = await failure(
            explainAccess({ ...target, url }, { table: "public.notes", as: "anon" }, operation),
          );
          expect([code, remedy]).toEqual(["role-refused", expect.stringContaining("grant anon")]);
        });
      },
      { options: "login password 'secret'" },
    );
  });

  it("names that it does not know", async () => {
    await withTables(
      `${notes} create view public.titles as select title from public.notes;`,
      async (project) => {
        expect((await failure(explain(project, "public.nots"))).code).toBe("table-unknown");
        expect((await failure(explain(project, "public.titles"))).code).toBe("not-a-table");
        expect((await failure(explain(project, "notes", "nobody"))).code).toBe("identity-unknown");
        expect((await failure(explain(project, "notes", '{"sub":'))).code).toBe("claims-invalid");
        expect((await failure(explain(project, "notes", "gone@test.local"))).code).toBe("user-unknown");
        const { rows } = await explain(project, "notes", `{"sub":"${ben}"}`);
        expect(rows).toMatchObject({ seen: 0, of: 30 });
      },
    );
  });
});
