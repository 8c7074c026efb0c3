import { describe, expect, it } from "vitest";
import { findBackup, isUsable, listBackups, Operation, openStore, restoreBackup } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { contentOf } from "../support/pantry.js";
import { garden, overgrown, planted, reachedAt, withTwoEnvironments } from "../support/two-environments.js";

const sides = { both: garden, local: planted, production: overgrown };

describe("env sync", () => {
  it("makes rows, sequences, views and users of the target those of the source, and can be undone", async () => {
    await withTwoEnvironments(sides, async (environments) => {
      const { localUrl, productionUrl, production, sync, verify, inProduction } = environments;
      const wanted = await contentOf(localUrl);
      const before = await contentOf(productionUrl);

      const result = await sync();

      // Schema and users included: whatever a backup would hold is the same.
      expect(await contentOf(productionUrl)).toBe(wanted);
      expect(result.users?.added.map(({ email }) => email)).toEqual([
        "admin@test.local",
        "manager@test.local",
      ]);
      expect((await verify()).equal).toBe(true);
      const passwords = await inProduction(
        "select encrypted_password = extensions.crypt('TestPass123!', encrypted_password) as fits from auth.users",
      );
      expect(passwords).toEqual([{ fits: true }, { fits: true }]);
      const [next] = await inProduction("insert into public.beds (name) values ('one more') returning id");
      expect(next).toEqual({ id: "41" });
      const written = await inProduction(
        "insert into public.plants (bed, name) values (1, 'new') returning id, name",
      );
      expect(written).toEqual([{ id: 301, name: "new (changed)" }]);

      const store = await openStore(production.environment.backups.store);
      const backup = await findBackup(store, result.backup ?? "");
      expect(backup.proven).toBe(true);
      expect(result.undo).toBe(
        `pantler restore ${backup.id} --env production --data-only --confirm production`,
      );
      const request = { dataOnly: true, keys: {}, confirmation: "production" };
      await restoreBackup(production, backup, request, new Operation());
      expect(await contentOf(productionUrl)).toBe(before);
    });
  });

  it("takes test users along by default, replaces how they sign in, and keeps all others with their sessions", async () => {
    const production = `${overgrown}
      insert into auth.users (id, email) values
        ('11111111-1111-4111-8111-111111111111', 'admin@test.local'),
        ('33333333-3333-4333-8333-333333333333', 'left@test.local'),
        ('44444444-4444-4444-8444-444444444444', 'somebody@example.com');
      insert into auth.identities (id, user_id, provider, provider_id, identity_data)
        select gen_random_uuid(), id, 'email', id::text, '{}' from auth.users;
      insert into auth.sessions (id, user_id)
        select gen_random_uuid(), id from auth.users;
      update public.beds set keeper = '33333333-3333-4333-8333-333333333333' where id = 1`;
    await withTwoEnvironments({ ...sides, production }, async ({ sync, verify, inProduction, warnings }) => {
      const { users } = await sync();

      expect(users?.replaced.map(({ email }) => email)).toEqual(["admin@test.local"]);
      expect(users?.kept.map(({ email }) => email)).toEqual(["left@test.local"]);
      expect(warnings()).toEqual([
        "rows of public.beds in production that will be gone: 1, by keeper of 1 user who does not come from local",
        "users of production that local does not have stay: left@test.local",
      ]);
      const found = await inProduction(
        `select users.email, encrypted_password is not null as password, count(identities.id)::int as ways, count(distinct sessions.id)::int as sessions
         from auth.users
         left join auth.identities on identities.user_id = users.id
         left join auth.sessions on sessions.user_id = users.id
         group by users.id order by users.email`,
      );
      expect(found).toEqual([
        { email: "admin@test.local", password: true, ways: 1, sessions: 1 },
        { email: "left@test.local", password: false, ways: 1, sessions: 1 },
        { email: "manager@test.local", password: true, ways: 1, sessions: 0 },
        { email: "somebody@example.com", password: false, ways: 1, sessions: 1 },
      ]);
      const { tables, users: compared } = await verify();
      expect(tables.every(({ equal }) => equal)).toBe(true);
      expect(compared.right).toEqual(["admin@test.local", "left@test.local", "manager@test.local"]);
      expect(compared.tables.map(({ equal }) => equal)).toEqual([false, false]);
    });
  });

  it("only tells what it would do when it is a dry run, and what a table would lose", async () => {
    const production = `${overgrown}; insert into public.notes values ('kept in mind'), ('too')`;
    const local = `${planted}; delete from public.notes`;
    await withTwoEnvironments({ ...sides, local, production }, async (environments) => {
      const { productionUrl, production: target, sync, warnings } = environments;
      const before = await contentOf(productionUrl);

      const plan = await sync({ dryRun: true });

      expect(plan.outcome).toBe("planned");
      expect(plan.phrase).toBe("OVERWRITE production");
      expect(plan.tables.map(({ name, now, after }) => [name, now, after])).toEqual([
        ["beds", 5, 40],
        ["harvests_new", 0, expect.any(Number)],
        ["harvests_old", 1, expect.any(Number)],
        ["notes", 22, 0],
        ["plants", 20, 300],
      ]);
      expect(warnings()).toEqual([
        "public.notes of production has 22 rows and will be empty, as it is in local",
      ]);
      expect(await contentOf(productionUrl)).toBe(before);
      expect(await listBackups(await openStore(target.environment.backups.store))).toEqual([]);
    });
  });

  it("does nothing unless the phrase is typed", async () => {
    await withTwoEnvironments(sides, async ({ sync, production, productionUrl }) => {
      const before = await contentOf(productionUrl);
      const refused = await failure(sync({ confirm: async () => "production" }));
      expect([refused.code, refused.exit]).toEqual(["not-confirmed", 3]);
      expect(refused.remedy).toContain("OVERWRITE production");
      expect(await contentOf(productionUrl)).toBe(before);
      expect(
        (await listBackups(await openStore(production.environment.backups.store))).filter(isUsable),
      ).toEqual([]);
    });
  });

  it("refuses two addresses of one database", async () => {
    await withTwoEnvironments(
      { both: garden },
      async ({ sync, local, production, localUrl, productionUrl }) => {
        const other = new URL(localUrl);
        other.hostname = other.hostname === "localhost" ? "127.0.0.1" : "localhost";
        const same = reachedAt(production, other.href);
        const refused = await failure(sync({}, { to: same }));
        expect([refused.code, refused.exit]).toEqual(["same-database", 3]);
        expect((await failure(sync({}, { from: local, to: local }))).code).toBe("same-database");
        expect(JSON.stringify(refused) + refused.message + refused.remedy).not.toContain(
          `:${other.password}@`,
        );
        expect(productionUrl).not.toBe(other.href);
      },
    );
  });

  it.each([
    [
      "a table that the target lacks",
      "create table public.sheds (id int)",
      "",
      "table public.sheds is missing",
    ],
    [
      "a column that the source lacks",
      "",
      "alter table public.notes add column at date",
      "column public.notes.at is only in production",
    ],
    [
      "a column of another type",
      "",
      "alter table public.notes alter body type varchar(9)",
      "column public.notes.body is different",
    ],
  ])("refuses %s", async (_what, inLocal, inProduction, expected) => {
    const both = "create table public.notes (body text)";
    await withTwoEnvironments(
      { both, local: `; ${inLocal}`, production: `; ${inProduction}` },
      async ({ sync }) => {
        const refused = await failure(sync());
        expect([refused.code, refused.exit]).toEqual(["schemas-differ", 3]);
        expect(refused.detail).toContain(expected);
        expect(refused.remedy).toContain("pantler migration drift --env production");
      },
    );
  });

  it("names the migrations to deploy where the ledgers differ", async () => {
    const ledger = `create schema if not exists supabase_migrations;
      create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text);`;
    const local = `${ledger} insert into supabase_migrations.schema_migrations values ('20260101000000', '{}', 'beds')`;
    await withTwoEnvironments({ both: "select 1;", local, production: ledger }, async ({ sync }) => {
      const refused = await failure(sync());
      expect(refused.code).toBe("schemas-differ");
      expect(refused.detail).toBe("production lacks the migration 20260101000000_beds");
      expect(refused.remedy).toBe("Deploy what is missing: pantler deploy production");
    });
  });

  it("refuses users who are known under another id", async () => {
    const production =
      "insert into auth.users (id, email) values ('55555555-5555-4555-8555-555555555555', 'Admin@test.local')";
    await withTwoEnvironments({ both: garden, local: planted, production }, async ({ sync }) => {
      const refused = await failure(sync());
      expect([refused.code, refused.exit]).toEqual(["address-taken", 3]);
      expect(refused.detail).toBe(
        "admin@test.local: 11111111-1111-4111-8111-111111111111 in local, 55555555-5555-4555-8555-555555555555 in production",
      );
      expect((await failure(sync({ users: "none" }))).code).toBe("users-missing");
    });
  });

  it("refuses rows of users who stay behind, and takes everybody along when told to", async () => {
    const local = `${planted}
      insert into auth.users (id, email) values ('66666666-6666-4666-8666-666666666666', 'owner@example.com');
      update public.beds set keeper = '66666666-6666-4666-8666-666666666666' where id = 7`;
    await withTwoEnvironments({ both: garden, local }, async ({ sync, localUrl, productionUrl }) => {
      const refused = await failure(sync());
      expect([refused.code, refused.detail]).toEqual(["users-missing", "owner@example.com"]);
      await sync({ users: "all" });
      expect(await contentOf(productionUrl)).toBe(await contentOf(localUrl));
    });
  });
});
