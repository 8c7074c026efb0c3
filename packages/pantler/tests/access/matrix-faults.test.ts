import pg from "pg";
import { describe, expect, it } from "vitest";
import { digestStatement } from "../../src/copy/index.js";
import { DatabaseUrl, measureAccess, Operation } from "../../src/index.js";
import { withRole } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { ada, ben, cellOf, levels, type Measured, withPeople } from "../support/measuring.js";

const notes = `
  create table public.notes (id bigint generated always as identity primary key, user_id uuid references auth.users, body text);
  insert into public.notes (user_id, body) values ('${ada}', 'a'), ('${ben}', 'b');
  alter table public.notes enable row level security;
  create policy own on public.notes to authenticated using (user_id = auth.uid()) with check (user_id = auth.uid());`;

/** What a table holds, and how far every sequence is. */
async function remains(url: string, columns: readonly string[]): Promise<unknown> {
  return [
    await query(url, digestStatement({ schema: "public", name: "notes", columns }, undefined)),
    await query(url, "select schemaname, sequencename, last_value from pg_sequences order by 1, 2"),
  ];
}

describe("the access matrix, where things go wrong", () => {
  it("leaves no row, no number and no trace behind, whatever triggers do", async () => {
    await withPeople(
      `${notes}
      create table public.audit (id bigint generated always as identity primary key, what text);
      create table public.children (id serial primary key, note_id bigint references public.notes on delete cascade);
      insert into public.children (note_id) select id from public.notes;
      create function public.audit() returns trigger language plpgsql security definer as $$
      begin
        insert into public.audit (what) values (tg_op);
        return null;
      end $$;
      create trigger audit after insert or update or delete on public.notes for each row execute function public.audit();
      create trigger whole after insert or update or delete on public.notes for each statement execute function public.audit();`,
      async ({ measure, url }) => {
        const before = await remains(url, ["id", "user_id", "body"]);
        const matrix = await measure();
        expect(levels(cellOf(matrix, "ada", "notes"))).toMatchObject({
          insert: { own: "all" },
          update: { own: "all" },
          delete: { own: "all" },
        });
        expect(await remains(url, ["id", "user_id", "body"])).toEqual(before);
        expect(await query(url, "select count(*)::int as rows from public.audit")).toEqual([{ rows: 0 }]);
      },
    );
  });

  it("does not run what no rollback takes back, and says what it would have been", async () => {
    await withPeople(
      `${notes}
      create extension if not exists dblink schema extensions;
      create function public.tell(body text) returns void language plpgsql as $$
      begin
        perform extensions.dblink_exec('dbname=postgres', 'select 1');
      end $$;
      create function public.before() returns trigger language plpgsql as $$
      begin
        perform public.tell(new.body);
        return new;
      end $$;
      create trigger before before insert or update on public.notes for each row execute function public.before();
      create function public.request() returns int language sql as 'select net.http_get(''x'')::int';
      create table public.numbered (id int primary key, user_id uuid references auth.users, number bigint);
      create sequence public.numbers;
      create function public.number() returns trigger language plpgsql as $$
      begin
        new.number := nextval('public.numbers');
        return new;
      end $$;
      create trigger number before insert on public.numbered for each row execute function public.number();`.replace(
        "create function public.request() returns int language sql as 'select net.http_get(''x'')::int';",
        "create function public.request() returns int language plpgsql as 'begin perform net.http_get(''x''); return 1; end';",
      ),
      async ({ measure, url }) => {
        const matrix = await measure();
        const cell = cellOf(matrix, "ada", "notes");
        expect(cell.insert.verdicts.own).toEqual({
          level: "undecided",
          why: "its trigger before would run: public.tell(text) calls dblink_exec, which no rollback takes back",
        });
        expect(levels(cell)).toMatchObject({
          update: { own: "undecided" },
          delete: { own: "all", others: "none" },
        });
        expect(matrix.functions.find(({ name }) => name === "public.request()")?.calls.anon?.why).toContain(
          "sends requests",
        );
        expect(cellOf(matrix, "ada", "numbered").insert.verdicts.own?.why).toContain("nextval");
        expect(await query(url, "select is_called from public.numbers")).toEqual([{ is_called: false }]);
      },
    );
  });

  it("says that a policy fails, and with what", async () => {
    await withPeople(
      `create table public.circle (id int primary key, user_id uuid references auth.users);
      insert into public.circle values (1, '${ada}');
      alter table public.circle enable row level security;
      create policy circle on public.circle using (exists (select from public.circle where user_id = auth.uid()));
      create table public.broken (id int primary key);
      insert into public.broken values (0), (1);
      alter table public.broken enable row level security;
      create policy broken on public.broken using (1 / id > 0);`,
      async ({ measure }) => {
        const matrix = await measure();
        const { select, update, insert } = cellOf(matrix, "ada", "circle");
        for (const command of [select, update, insert]) {
          expect(command.verdicts.own).toMatchObject({
            level: "undecided",
            why: expect.stringContaining("error 42P17: infinite recursion"),
          });
        }
        expect(cellOf(matrix, "anon", "broken").select.verdicts.rows?.why).toContain("error 22012");
        expect(levels(cellOf(matrix, "anon", "broken")).delete).toEqual({ rows: "some" });
      },
    );
  });

  it("says who is not there, and how to make them", async () => {
    await withPeople(`${notes} delete from auth.users where false;`, async ({ measure, client }) => {
      await client.query("delete from public.notes where user_id = $1", [ben]);
      await client.query("delete from auth.users where id = $1", [ben]);
      const matrix = await measure();
      expect(matrix.identities.find(({ name }) => name === "ben")).toMatchObject({
        role: undefined,
        remedy: "pantler user create-test",
      });
      expect(matrix.notes).toEqual([
        "ben could not be measured: auth.users holds nobody with the address ben@test.local.",
      ]);
      expect(cellOf(matrix, "ada", "notes").select.verdicts.own?.level).toBe("all");
    });
  });

  it("names the membership that a role lacks, and what it cannot see", async () => {
    const login = { options: "login noinherit password 'x'" };
    await withRole(async (role) => {
      await withPeople(notes, async ({ project, url, admin }) => {
        const address = DatabaseUrl.parse(url, "the test").with({ user: role, password: "x" });
        const measure = () => measureAccess(address, project, {}, new Operation());
        await admin.query(
          `grant usage on schema auth to ${role}; grant select on auth.users to ${role}; alter table auth.users disable row level security`,
        );
        expect(await failure(measure())).toMatchObject({
          code: "role-out-of-reach",
          exit: 4,
          remedy: expect.stringContaining(`grant "anon" to "${role}"`),
        });
        await admin.query(`grant anon, authenticated, service_role to ${role}`);
        const { select } = cellOf(await measure(), "ada", "notes");
        expect(select.verdicts.own).toMatchObject({
          level: "undecided",
          why: expect.stringContaining("the connection's role could not look"),
        });
      });
    }, login);
  });

  it("waits for nobody: a row that is held and rows that are written meanwhile", async () => {
    await withPeople(
      `${notes} insert into public.notes (user_id, body) values ('${ada}', 'held')`,
      async (measured) => {
        await whileHeld(measured, "select from public.notes where body = 'held' for update", async () => {
          expect(levels(cellOf(await measured.measure(), "ada", "notes")).update).toMatchObject({
            own: "all",
          });
        });
        await whileHeld(measured, "select from public.notes for update", async () => {
          const { verdicts } = cellOf(await measured.measure({ identities: ["ada"] }), "ada", "notes").update;
          expect(verdicts.own).toMatchObject({
            level: "undecided",
            why: expect.stringContaining("hold the row"),
          });
          expect(verdicts.others?.level).toBe("none");
        });
        await whileHeld(measured, "lock table public.notes in access exclusive mode", async () => {
          expect(await failure(measured.measure())).toMatchObject({ code: "relation-locked", exit: 4 });
        });
        const writer = new pg.Client({ connectionString: measured.url });
        await writer.connect();
        let isMeasuring = true;
        const writing = (async () => {
          while (isMeasuring) await writer.query("update public.notes set body = md5(body || random())");
        })();
        const matrix = await measured.measure();
        isMeasuring = false;
        await writing;
        await writer.end();
        expect(levels(cellOf(matrix, "ada", "notes")).select).toMatchObject({ own: "all", others: "none" });
      },
    );
  });

  it("looks at a sample of a million rows, says so, and still finds one's own and the few that leak", async () => {
    await withPeople(
      `create table public.events (id int, user_id uuid references auth.users, is_public boolean not null);
      insert into public.events select n, '${ben}', n = 999999 from generate_series(1, 1000000) n;
      insert into public.events values (0, '${ada}', false);
      alter table public.events enable row level security;
      create index on public.events (user_id);
      create policy own on public.events to authenticated using (user_id = (select auth.uid()) or is_public);`,
      async ({ measure }) => {
        const started = performance.now();
        const cell = cellOf(await measure({ identities: ["ada"] }), "ada", "events");
        expect(cell.notes).toEqual([expect.stringContaining("a sample of")]);
        expect(levels(cell)).toMatchObject({
          select: { own: "all", others: "some" },
          update: { own: "all", others: "some" },
        });
        expect(performance.now() - started).toBeLessThan(8000);
      },
    );
  });

  it("leaves foreign tables alone, and views of them", async () => {
    await withPeople(
      `${notes} create extension if not exists postgres_fdw schema extensions;`,
      async ({ measure, admin }) => {
        await admin.query(`create server elsewhere foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1');
          create foreign table public.far (id int) server elsewhere;
          revoke all on public.far from anon; grant select on public.far to authenticated;
          create view public.window as select * from public.far;
          grant select on public.window to authenticated;`);
        const matrix = await measure();
        expect(cellOf(matrix, "ada", "far").select.verdicts.rows).toMatchObject({
          level: "undecided",
          why: expect.stringContaining("foreign table"),
        });
        expect(cellOf(matrix, "ada", "window").select.verdicts.rows?.level).toBe("undecided");
        expect(levels(cellOf(matrix, "anon", "far")).select).toEqual({ rows: "none" });
      },
    );
  });

  it("refuses a policy that writes, and views with triggers of their own are tried without leaving anything", async () => {
    await withPeople(
      `${notes}
      create table public.reads (at timestamptz);
      create function public.count_read() returns boolean language plpgsql security definer as $$
      begin
        insert into public.reads values (now());
        return true;
      end $$;
      create table public.watched (id int primary key);
      insert into public.watched values (1);
      alter table public.watched enable row level security;
      create policy watched on public.watched using (public.count_read());
      create view public.desk as select id, body from public.notes;
      create function public.desk() returns trigger language plpgsql security definer as $$
      begin
        update public.notes set body = new.body where id = old.id;
        return new;
      end $$;
      create trigger desk instead of update on public.desk for each row execute function public.desk();`,
      async ({ measure, url }) => {
        const matrix = await measure();
        expect(cellOf(matrix, "ada", "watched").select.verdicts.rows).toMatchObject({
          level: "undecided",
          why: expect.stringContaining("writes"),
        });
        expect(levels(cellOf(matrix, "anon", "desk")).update).toEqual({ rows: "all" });
        expect(await query(url, "select body from public.notes order by 1")).toEqual([
          { body: "a" },
          { body: "b" },
        ]);
        expect(await query(url, "select from public.reads")).toEqual([]);
      },
    );
  });

  it("stops when it is interrupted, and does not know what is not there", async () => {
    await withPeople(notes, async ({ measure, project, url }) => {
      const work = measureAccess(
        DatabaseUrl.parse(url, "the test"),
        project,
        {},
        new Operation(),
        AbortSignal.abort(),
      );
      expect(await failure(work)).toMatchObject({ code: "interrupted", exit: 5 });
      expect(await failure(measure({ relations: ["nothing"] }))).toMatchObject({ code: "relation-unknown" });
      expect(await failure(measure({ identities: ["nobody"] }))).toMatchObject({ code: "identity-unknown" });
    });
  });
});

/** Runs work while another session holds what a statement locks. */
async function whileHeld({ url }: Measured, statement: string, work: () => Promise<void>): Promise<void> {
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  try {
    await holder.query(`begin; ${statement}`);
    await work();
  } finally {
    await holder.end();
  }
}
