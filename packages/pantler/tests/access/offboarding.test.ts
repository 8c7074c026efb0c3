import { describe, expect, it } from "vitest";
import { type HandoverPlan, listUsers, Operation } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { ann, bob, withOffice } from "../support/office.js";
import { contentOf } from "../support/pantry.js";

const silent = new Operation();

/** Each column of a plan in a line. */
function lines({ rows }: HandoverPlan): string[] {
  return rows.map(
    ({ table, column, rows: count, fate }) => `${table.schema}.${table.name}.${column}: ${count} ${fate}`,
  );
}

const counts = (url: string) => contentOf(url);

describe("the list of users", () => {
  it("says who owns how many rows where, and who owns which files", async () => {
    await withOffice(async ({ local, ask }) => {
      await ask(
        "update auth.users set last_sign_in_at = '2026-11-01T10:00:00Z', banned_until = 'infinity' where email like 'bob%'",
      );
      const { users, strangers } = await listUsers(local, silent);
      expect(strangers).toEqual([]);
      const [first, second] = users;
      expect(first).toMatchObject({
        id: ann,
        email: "ann@office.example",
        role: "manager",
        files: ["papers/a.pdf"],
      });
      expect(first?.owns.map(({ table, column, rows }) => `${table.name}.${column} ${rows}`)).toEqual([
        "clients.owner_id 2",
        "notes.author 1",
        "notes.editor 2",
        "quotes.user_id 2",
        "roles.user_id 2",
        "objects.owner_id 1",
      ]);
      expect(second).toMatchObject({
        role: undefined,
        lastSignInAt: "2026-11-01T10:00:00",
        bannedUntil: "infinity",
      });
    });
  });

  it("counts by columns that the config declares, and names owners who are not there", async () => {
    const config = {
      access: { owners: { "public.logs": ["actor"] } },
      users: { test: [{ role: "clerk", name: "Bob", email: "bob@office.example" }] },
    };
    const more = "insert into public.logs values (3, '99999999-9999-4999-8999-999999999999')";
    await withOffice(
      async ({ local }) => {
        const { users, strangers } = await listUsers(local, silent);
        expect(users[1]?.role).toBe("clerk");
        expect(users[0]?.owns.find(({ table }) => table.name === "logs")?.rows).toBe(1);
        expect(strangers).toMatchObject([
          { id: "99999999-9999-4999-8999-999999999999", column: "actor", rows: 1 },
        ]);
      },
      { config, more },
    );
  });
});

describe("reassigning the rows of a user", () => {
  it("moves what the user owns, soft-deleted rows and files included, and leaves what is about the user", async () => {
    await withOffice(async ({ reassign, ask, events }) => {
      const result = await reassign();
      expect(lines(result)).toEqual([
        "public.clients.owner_id: 2 moves",
        "public.notes.author: 1 moves",
        "public.notes.editor: 2 moves",
        "public.quotes.user_id: 2 moves",
        "public.roles.user_id: 2 stays",
        "storage.objects.owner: 1 moves",
        "storage.objects.owner_id: 1 moves",
      ]);
      expect(result).toMatchObject({ outcome: "reassigned", moving: 7, backup: undefined, undo: undefined });
      expect(await ask(`select id from public.clients where owner_id = '${bob}' order by 1`)).toHaveLength(3);
      expect(
        await ask(`select from storage.objects where owner = '${bob}' and owner_id = '${bob}'`),
      ).toHaveLength(2);
      expect(await ask(`select from public.roles where user_id = '${ann}'`)).toHaveLength(2);
      expect(await ask(`select from auth.sessions where user_id = '${ann}'`)).toHaveLength(1);
      expect(events).toContainEqual(
        expect.objectContaining({
          level: "warning",
          message: expect.stringContaining("public.logs.actor holds the id of ann@office.example in 1 row"),
        }),
      );
      expect(await reassign()).toMatchObject({ outcome: "nothing to do" });
    });
  });

  it("changes nothing in a dry run, and for somebody who says no", async () => {
    await withOffice(async ({ reassign, offboard, url, production }) => {
      const before = await counts(url);
      expect(await reassign({ dryRun: true })).toMatchObject({ outcome: "planned" });
      expect(await offboard({ dryRun: true })).toMatchObject({ outcome: "planned" });
      const refused = await failure(reassign({ confirm: async () => "yes" }, { target: production }));
      expect([refused.code, refused.exit]).toEqual(["not-confirmed", 3]);
      expect(refused.remedy).toContain("REASSIGN ann@office.example TO bob@office.example");
      expect(await counts(url)).toBe(before);
    });
  });

  it("knows the same person under two addresses, and nobody under a wrong one", async () => {
    await withOffice(async ({ reassign, ask }) => {
      const codes = async (from: string, to: string) => {
        const { code, exit } = await failure(reassign({ from, to }));
        return `${code} ${exit}`;
      };
      expect(await codes("ann@office.example", "ANN@Office.example")).toBe("same-user 2");
      expect(await codes(ann.toUpperCase(), "ann@office.example")).toBe("same-user 2");
      expect(await codes("ann@office.example", "cat@office.example")).toBe("user-unknown 4");
      await ask(`update auth.users set deleted_at = now() where id = '${bob}'`);
      expect(await codes(ann, bob)).toBe("user-deleted 2");
      await ask(
        "insert into auth.users (id, email, is_sso_user) values (gen_random_uuid(), 'ann@office.example', true)",
      );
      expect(await codes("ann@office.example", bob)).toBe("user-ambiguous 2");
    });
  });

  it("does as the config says: what it lists moves, even what is about the user, and what it leaves out stays", async () => {
    const config = {
      access: {
        owners: { "public.roles": ["user_id"], "public.logs": ["actor"], "public.notes": ["author"] },
      },
    };
    await withOffice(
      async ({ reassign, offboard, ask }) => {
        await ask(`delete from public.roles where user_id = '${ann}' and role = 'member'`);
        const planned = lines(await reassign({ dryRun: true }));
        expect(planned).toContain("public.roles.user_id: 1 moves");
        expect(planned).toContain("public.logs.actor: 1 moves");
        expect(planned).toContain("public.notes.editor: 2 stays");
        await offboard();
        expect(await ask(`select from public.notes where editor is null`)).toHaveLength(3);
        expect(await ask(`select from public.logs where actor = '${bob}'`)).toHaveLength(2);
        expect(await ask(`select from public.roles where user_id = '${bob}'`)).toHaveLength(2);
      },
      { config },
    );
  });

  it("proves a backup of a protected environment first, which brings everything back", async () => {
    await withOffice(async ({ offboard, url, production, ask }) => {
      const { restoreBackup, findBackup, openStore } = await import("../../src/index.js");
      const before = await counts(url);
      const result = await offboard({}, { target: production });
      expect(result.outcome).toBe("offboarded");
      expect(result.undo).toBe(
        `pantler restore ${result.backup} --env production --data-only --confirm production`,
      );
      expect(await ask("select from auth.users")).toHaveLength(1);
      const backup = await findBackup(
        await openStore(production.environment.backups.store),
        result.backup ?? "",
      );
      expect(backup.proven).toBe(true);
      await restoreBackup(
        production,
        backup,
        { keys: {}, dataOnly: true, confirmation: "production" },
        silent,
      );
      expect(await counts(url)).toBe(before);
    });
  });
});

describe("what a reassignment would break", () => {
  it("is told before anything runs: each index with the keys that would be there twice", async () => {
    const more = `
      create extension if not exists btree_gist with schema extensions;
      create unique index quotes_lower on public.quotes (user_id, lower(number)) where number like 'r%';
      create table public.shifts (id int primary key, user_id uuid references auth.users, during int4range,
        constraint shifts_apart exclude using gist (user_id with =, during with &&));
      create table public.pairs (id int primary key, a uuid references auth.users, b uuid references auth.users, unique nulls not distinct (a, b));
      insert into public.quotes values (4, '${bob}', 'Q-1'), (5, '${bob}', 'Q-2'), (6, '${ann}', 'r-1'), (7, '${bob}', 'r-1');
      insert into public.quotes select n, case n % 2 when 0 then '${ann}' else '${bob}' end::uuid, 'X-' || n / 2 from generate_series(100, 125) n;
      insert into public.shifts values (1, '${ann}', '[1,5)'), (2, '${bob}', '[4,9)'), (3, '${ann}', '[20,25)');
      insert into public.pairs values (1, '${ann}', null), (2, '${bob}', null), (3, '${ann}', '${bob}'), (4, '${bob}', '${ann}');
    `;
    await withOffice(
      async ({ reassign, url }) => {
        const before = await counts(url);
        const refused = await failure(reassign({ dryRun: true }));
        expect([refused.code, refused.exit]).toEqual(["would-collide", 3]);
        expect(refused.detail?.split("\n")).toEqual([
          "public.pairs, pairs_a_b_key: one row for each user; one row for each user",
          "public.quotes, quotes_lower: lower(number) = r-1",
          expect.stringMatching(
            /^public\.quotes, quotes_user_id_number_key: number = Q-1; number = Q-2; .*; and 6 more$/,
          ),
          "public.shifts, shifts_apart: during = [1,5)",
        ]);
        expect((await failure(reassign())).code).toBe("would-collide");
        expect(await counts(url)).toBe(before);
      },
      { more },
    );
  });

  it("says what keeps the user from being deleted", async () => {
    const more = `create table public.subscriptions (user_id uuid not null unique references auth.users, plan text);
      insert into public.subscriptions values ('${ann}', 'pro')`;
    await withOffice(
      async ({ offboard, reassign }) => {
        const refused = await failure(offboard());
        expect([refused.code, refused.exit]).toEqual(["would-block", 3]);
        expect(refused.message).toContain("1 row of public.subscriptions");
        expect(lines(await reassign())).toContain("public.subscriptions.user_id: 1 stays");
      },
      { more },
    );
  });
});

describe("off-boarding a user", () => {
  it("moves, ends sessions, deletes, and leaves nothing that refers to the user", async () => {
    await withOffice(async ({ offboard, ask }) => {
      const [totals] = await ask(
        "select (select count(*)::int from public.clients) as clients, (select count(*)::int from public.notes) as notes",
      );
      const result = await offboard();
      expect(result.outcome).toBe("offboarded");
      expect(lines(result)).toContain("public.roles.user_id: 2 deleted");
      expect(result.logins.map(({ table, rows }) => `${table.name} ${rows}`)).toEqual([
        "identities 1",
        "refresh_tokens 2",
        "sessions 1",
        "users 1",
      ]);
      expect(await ask(`select from auth.refresh_tokens where user_id = '${ann}'`)).toEqual([]);
      expect(await ask("select email from auth.users")).toEqual([{ email: "bob@office.example" }]);
      expect(
        await ask(
          "select (select count(*)::int from public.clients) as clients, (select count(*)::int from public.notes) as notes",
        ),
      ).toEqual([totals]);
      expect((await failure(offboard())).code).toBe("user-unknown");
    });
  });

  it("follows the usual table of profiles, whose key is the user's id", async () => {
    const more = `
      create table public.profiles (id uuid primary key references auth.users on delete cascade, nick text);
      create table public.posts (id int primary key, author_id uuid not null references public.profiles on delete cascade);
      create table public.prefs (profile_id uuid primary key references public.profiles on delete cascade, dark bool);
      insert into public.profiles values ('${ann}', 'a'), ('${bob}', 'b');
      insert into public.posts values (1, '${ann}'), (2, '${bob}');
      insert into public.prefs values ('${ann}', true);`;
    await withOffice(
      async ({ offboard, ask }) => {
        const planned = lines(await offboard());
        expect(planned).toContain("public.posts.author_id: 1 moves");
        expect(planned).toContain("public.profiles.id: 1 deleted");
        expect(planned).toContain("public.prefs.profile_id: 1 deleted");
        expect(await ask(`select from public.posts where author_id = '${bob}'`)).toHaveLength(2);
      },
      { more },
    );
  });

  it("moves rows whose keys hold the owner on both sides, among partitions, and under any name", async () => {
    const more = `
      create table public.customers (id int primary key, user_id uuid not null references auth.users, unique (id, user_id));
      create table public.jobs (id int primary key, customer_id int, user_id uuid not null references auth.users,
        foreign key (customer_id, user_id) references public.customers (id, user_id));
      create table public.visits (id int primary key, customer_id int, user_id uuid not null references auth.users,
        foreign key (customer_id, user_id) references public.customers (id, user_id) on update cascade);
      create table public.events (user_id uuid references auth.users, at date) partition by list (user_id);
      create table public.events_ann partition of public.events for values in ('${ann}');
      create table public.events_rest partition of public.events default;
      create table public."Odd ""table"", with; a name" ("Who ""is"" it" uuid references auth.users, n int);
      insert into public.customers values (1, '${ann}'), (2, '${bob}');
      insert into public.jobs values (1, 1, '${ann}'), (2, 2, '${bob}');
      insert into public.visits values (1, 1, '${ann}');
      insert into public.events values ('${ann}', '2026-01-01'), ('${ann}', '2026-01-02');
      insert into public."Odd ""table"", with; a name" values ('${ann}', 1);`;
    await withOffice(
      async ({ offboard, ask }) => {
        expect(await offboard()).toMatchObject({ outcome: "offboarded" });
        expect(
          await ask(`select
            (select count(*)::int from public.customers where user_id = '${bob}') as customers,
            (select count(*)::int from public.jobs where user_id = '${bob}') as jobs,
            (select count(*)::int from public.visits where user_id = '${bob}') as visits,
            (select count(*)::int from public.events_rest) as events,
            (select count(*)::int from public."Odd ""table"", with; a name" where "Who ""is"" it" = '${bob}') as odd`),
        ).toEqual([{ customers: 2, jobs: 2, visits: 1, events: 2, odd: 1 }]);
      },
      { more },
    );
  });

  it("counts what cascades from rows about the user, and deletes no more", async () => {
    const more = `
      create table public.members (team int, user_id uuid references auth.users on delete cascade, primary key (team, user_id));
      create table public.badges (id int primary key, team int, holder uuid,
        foreign key (team, holder) references public.members on delete cascade);
      create table public.pins (badge int references public.badges on delete cascade);
      insert into public.members values (1, '${ann}'), (1, '${bob}');
      insert into public.badges values (1, 1, '${ann}'), (2, 1, '${ann}'), (3, 1, '${bob}');
      insert into public.pins values (1), (1), (2), (3);`;
    await withOffice(
      async ({ offboard, ask }) => {
        const result = await offboard();
        expect(result.warnings).toContain(
          "3 rows of public.pins will be gone: each goes with its row of public.badges",
        );
        expect(lines(result).filter((line) => line.endsWith("deleted"))).toEqual([
          "public.members.user_id: 1 deleted",
          "public.roles.user_id: 2 deleted",
          "public.badges.team, holder: 2 deleted",
          "public.pins.badge: 3 deleted",
        ]);
        expect(await ask("select from public.pins")).toHaveLength(1);
      },
      { more },
    );
  });
});
