import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  type CheckResult,
  checkMigrations,
  compareSchemas,
  createTestUsers,
  DatabaseUrl,
  lintMigrations,
  listMigrations,
  locateTarget,
  migrateDown,
  migrateUp,
  Operation,
  openProject,
  type Target,
} from "../../../packages/pantler/src/index.js";
import {
  readCheckGroup,
  readSmokeChecks,
  runChecks,
} from "../../../packages/pantler/src/migrations/check.js";
import type { Check } from "../../../packages/pantler/src/migrations/check-file.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { actAs, withClient } from "../../../packages/pantler/src/postgres/index.js";
import { listMigrationFiles } from "../../../packages/pantler/src/project/index.js";
import { withDatabase, withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { failure } from "../../../packages/pantler/tests/support/failure.js";
import { query, schemaOf } from "../../../packages/pantler/tests/support/inspect.js";
import { unguarded, unnoticed } from "../../../packages/pantler/tests/support/mutations.js";
import { withFolder, writeInside } from "../../../packages/pantler/tests/support/project.js";
import { mutations } from "./mutations.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const silent = new Operation();
const versions = [
  "20250908090000",
  "20250909090000",
  "20250910090000",
  "20250911090000",
  "20250912090000",
  "20250915090000",
  "20250916090000",
  "20250917090000",
  "20250918090000",
  "20250919090000",
  "20250922090000",
  "20250923090000",
];

const volumes = {
  customers: 50,
  invoices: 60,
  jobs: 120,
  quotes: 80,
  subscription_plans: 4,
  user_roles: 3,
  user_subscriptions: 2,
};
const tables = Object.keys(volumes);

/** The project, in this folder or another, on a database in which nothing is applied yet. */
async function targetAt(url: string, root = folder): Promise<Target> {
  const project = await openProject({
    folder: root,
    from: root,
    variables: { PANTLER_ENGINE_URL: url },
  });
  return await locateTarget(project, "local");
}

/** Runs a test with the project on a database of its own, migrated and seeded. */
async function withSeeded(test: (target: Target, url: string) => Promise<void>): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const target = await targetAt(url);
    await migrateUp(target, {}, silent);
    await seedDatabase(target, silent);
    await test(target, url);
  });
}

const countAll = `select ${tables
  .map((table) => `(select count(*)::int from public.${table}) as ${table}`)
  .join(", ")}`;

/** Every row of every table, and the users with their passwords, in one text each. */
async function digest(url: string): Promise<unknown> {
  const [row] = await query(
    url,
    `select ${[...tables.map((table) => `public.${table}`), "auth.users", "auth.identities"]
      .map((table) => `(select md5(string_agg(t::text, '|' order by t::text)) from ${table} t) as "${table}"`)
      .join(", ")}`,
  );
  return row;
}

/** Runs a query as somebody who has signed in. */
async function asUser(url: string, email: string, text: string): Promise<Record<string, unknown>[]> {
  return await withClient(DatabaseUrl.parse(url, "the test setup"), async (client) => {
    await client.query("begin");
    await actAs(client, { kind: "user", email });
    const { rows } = await client.query<Record<string, unknown>>(text);
    await client.query("rollback");
    return rows;
  });
}

/** The first word of each check that failed. */
function failed(results: readonly CheckResult[]): string[] {
  return results
    .filter(({ outcome }) => outcome === "failed")
    .map(({ title }) => title.split(" ")[0] ?? title)
    .sort();
}

/** The checks of all files that are numbered I1 to I11. */
function integrityChecks({ project }: Target): Check[] {
  return [
    ...listMigrationFiles(project).migrations.map((file) => readCheckGroup(project, file)),
    ...readSmokeChecks(project),
  ]
    .flatMap(({ checks }) => checks)
    .filter(({ title }) => /^I\d+ /.test(title));
}

/** Lets rows in that constraints would refuse: replication leaves out foreign keys, though not checks. */
const past = `set session_replication_role = replica;
  alter table quotes drop constraint quotes_total_ck;
  alter table invoices drop constraint invoices_paid_date_ck;`;

const hers =
  "customers where user_id = (select id from auth.users where email = 'owner-a@test.local') limit 1";
const first = (table: string, condition = "true") =>
  `id = (select id from ${table} where ${condition} order by id limit 1)`;

/** What nobody leaves behind who writes through the constraints, by the check that finds it. */
const orphans: Readonly<Record<string, string>> = {
  I1: `update jobs set customer_id = gen_random_uuid() where ${first("jobs")}`,
  I2: `update quotes set customer_id = gen_random_uuid() where ${first("quotes")}`,
  I3: `update invoices set customer_id = gen_random_uuid() where ${first("invoices")}`,
  I4: `insert into invoices (user_id, customer_id, quote_id, invoice_number, title)
    select user_id, id, gen_random_uuid(), 'ORPHAN', 'Orphan' from ${hers}`,
  I5: `insert into jobs (user_id, customer_id, quote_id, title)
    select user_id, id, gen_random_uuid(), 'Orphan' from ${hers}`,
  I6: "update user_subscriptions set plan_id = gen_random_uuid()",
  I7: "insert into customers (user_id, first_name, last_name) values (gen_random_uuid(), 'Nobody''s', 'Customer')",
  I8: `insert into jobs (user_id, customer_id, title)
    select (select id from auth.users where email = 'owner-b@test.local'), id, 'Mismatch' from ${hers}`,
  I9: `update quotes set total_cents = total_cents + 1 where ${first("quotes")}`,
  I10: `update invoices set paid_date = null where ${first("invoices", "status = 'paid'")}`,
  I11: `update invoices set due_date = '2026-01-01' where ${first("invoices", "status = 'sent'")}`,
};

describe("SRVC", () => {
  it("comes up to its seven tables, each migration with its checks and a way back, and leaves nothing when rolled back", async () => {
    await withDatabaseUrl(async (url) => {
      const target = await targetAt(url);
      const empty = await schemaOf(url);
      for (const version of versions) {
        const before = await schemaOf(url);
        const { applied } = await migrateUp(target, { to: version }, silent);
        expect(applied.map((migration) => migration.version)).toEqual([version]);
        expect(applied[0]?.checks.length, version).toBeGreaterThan(0);
        const after = await schemaOf(url);
        await migrateDown(target, { count: 1 }, silent);
        expect(compareSchemas(before, await schemaOf(url)), version).toEqual([]);
        await migrateUp(target, { to: version }, silent);
        expect(compareSchemas(after, await schemaOf(url)), version).toEqual([]);
      }
      const found = await query(url, "select tablename from pg_tables where schemaname = 'public'");
      expect(found.map(({ tablename }) => tablename).sort()).toEqual(tables);

      await seedDatabase(target, silent);
      await migrateDown(target, { count: versions.length }, silent);
      expect(compareSchemas(empty, await schemaOf(url))).toEqual([]);
    });
  });

  it("gives lint nothing to say", async () => {
    const project = await openProject({ folder, from: folder, variables: {} });
    expect(await lintMigrations(project, undefined, {}, silent)).toEqual([]);
  });

  it("has a check that fails for every rule broken by hand, and for every check such a rule", async () => {
    await withSeeded(async (target) => {
      expect(await unguarded(target, mutations)).toEqual([]);
      expect(await unnoticed(target, mutations)).toEqual([]);
    });
  });
});

describe("SRVC's seed", () => {
  it("holds two companies in every state there is, passes all checks, and changes nothing when it runs again", async () => {
    await withSeeded(async (target, url) => {
      expect(await query(url, countAll)).toEqual([volumes]);
      const states = await query(
        url,
        `select kind, string_agg(distinct status, ' ' order by status) as states, count(distinct user_id)::int as companies
        from (
          select 'jobs', status, user_id from jobs
          union all select 'quotes', status, user_id from quotes
          union all select 'invoices', status, user_id from invoices
          union all select 'user_subscriptions', status, user_id from user_subscriptions
        ) t (kind, status, user_id)
        group by kind order by kind`,
      );
      expect(states).toEqual([
        { kind: "invoices", states: "cancelled draft overdue paid partially_paid sent", companies: 2 },
        { kind: "jobs", states: "cancelled completed in_progress pending", companies: 2 },
        { kind: "quotes", states: "accepted draft expired rejected sent", companies: 2 },
        { kind: "user_subscriptions", states: "active past_due", companies: 2 },
      ]);
      expect(failed(await checkMigrations(target, {}, silent))).toEqual([]);
      const once = await digest(url);
      await seedDatabase(target, silent);
      expect(await digest(url)).toEqual(once);
    });
  });

  it("makes the users that the config declares, so that creating them changes nothing", async () => {
    await withSeeded(async (target, url) => {
      const before = await digest(url);
      const { users } = await createTestUsers(target, {}, silent);
      expect(users.map(({ role, outcome }) => `${role} ${outcome}`)).toEqual([
        "owner_a there already",
        "owner_b there already",
        "admin there already",
      ]);
      expect(await digest(url)).toEqual(before);
    });
  });

  it("gives them the ids and the profiles that creating them on an empty database would", async () => {
    const people = "select id, email, raw_user_meta_data, raw_app_meta_data from auth.users order by email";
    await withSeeded(async (_, seeded) => {
      await withDatabaseUrl(async (url) => {
        await createTestUsers(await targetAt(url), {}, silent);
        expect(await query(seeded, people)).toEqual(await query(url, people));
      });
    });
  });

  it("shows each company its own rows, an admin all of them, and both the plans that are sold", async () => {
    await withSeeded(async (_, url) => {
      expect(await asUser(url, "owner-a@test.local", countAll)).toEqual([
        {
          customers: 30,
          invoices: 36,
          jobs: 72,
          quotes: 48,
          subscription_plans: 3,
          user_roles: 1,
          user_subscriptions: 1,
        },
      ]);
      expect(await asUser(url, "owner-b@test.local", countAll)).toEqual([
        {
          customers: 20,
          invoices: 24,
          jobs: 48,
          quotes: 32,
          subscription_plans: 3,
          user_roles: 1,
          user_subscriptions: 1,
        },
      ]);
      expect(await asUser(url, "admin@test.local", countAll)).toEqual([{ ...volumes, user_roles: 1 }]);
    });
  });
});

describe("SRVC's policies", () => {
  it("ask once for a query who is signed in and whether that is an admin", async () => {
    await withSeeded(async (_, url) => {
      for (const table of ["customers", "quotes", "jobs", "invoices", "user_subscriptions"]) {
        const plan = await asUser(url, "owner-a@test.local", `explain (costs off) select * from ${table}`);
        const filter = plan
          .map((line) => String(line["QUERY PLAN"]))
          .find((line) => line.includes("Filter:"));
        expect(filter?.trim(), table).toBe("Filter: ((user_id = (InitPlan 1).col1) OR (InitPlan 4).col1)");
      }
    });
  });
});

describe("SRVC's integrity checks", () => {
  it("find what came in past the constraints, each its own fault and no other", async () => {
    await withDatabase(async ({ admin, url }) => {
      const target = await targetAt(url);
      await migrateUp(target, {}, silent);
      await seedDatabase(target, silent);
      const checks = integrityChecks(target);
      expect(checks.map(({ title }) => title.split(" ")[0]).sort()).toEqual(Object.keys(orphans).sort());
      for (const [check, sql] of Object.entries(orphans)) {
        await admin.query("begin");
        await admin.query(past);
        await admin.query(sql);
        const results = await runChecks(admin, checks, silent);
        expect(failed(results), sql).toEqual([check]);
        await admin.query("rollback");
      }
      await admin.query(past);
      for (const sql of Object.values(orphans)) await admin.query(sql);
      const all = failed(await checkMigrations(target, {}, silent));
      expect(all.filter((title) => title in orphans)).toEqual(Object.keys(orphans).sort());
    });
  });
});

describe("a migration that adds a column that is there already", () => {
  const migration = `-- Add new column
alter table customers add column notes text;

drop policy if exists "Users can access own customers" on customers;
create policy "Users can access own customers" on customers
  for all
  using (auth.uid() = user_id);

comment on column customers.notes is 'Internal notes about the customer';
`;

  it("fails with 42701 and leaves everything as it was", async () => {
    await withFolder({}, async (root) => {
      for (const part of ["pantler.config.ts", "package.json", "supabase"]) {
        cpSync(join(folder, part), join(root, part), { recursive: true });
      }
      await withDatabaseUrl(async (url) => {
        const target = await targetAt(url, root);
        await migrateUp(target, {}, silent);
        await seedDatabase(target, silent);
        const schema = await schemaOf(url);
        const rows = await digest(url);

        writeInside(root, "supabase/migrations/20260908000000_add_customer_notes_field.sql", migration);
        const error = await failure(migrateUp(target, {}, silent));
        expect(error).toMatchObject({ name: "UnchangedError", sqlstate: "42701" });
        expect(error.message).toContain("20260908000000_add_customer_notes_field.sql:2");
        expect(compareSchemas(schema, await schemaOf(url))).toEqual([]);
        expect(await digest(url)).toEqual(rows);
        const { migrations } = await listMigrations(target);
        expect(migrations.filter(({ state }) => state !== "applied").map(({ version }) => version)).toEqual([
          "20260908000000",
        ]);
      });
    });
  });
});
