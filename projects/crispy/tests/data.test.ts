import { describe, expect, it } from "vitest";
import { createTestUsers, DatabaseUrl, seedEnvironment } from "../../../packages/pantler/src/index.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { actAs, withClient } from "../../../packages/pantler/src/postgres/index.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";
import { brokenChecks, countAll, counts, silent, volumes, withCrispy } from "./migrated.js";

/** Every row of every table, the log of changes included, in one text. */
async function digest(url: string): Promise<unknown> {
  const tables = [
    ...Object.keys(volumes).map((table) => `public."${table}"`),
    "audit.change_log",
    "auth.users",
    "auth.identities",
  ];
  const [row] = await query(
    url,
    `select ${tables
      .map(
        (table, index) =>
          `(select md5(string_agg(t::text, '|' order by t::text)) from ${table} t) as d${index}`,
      )
      .join(", ")}`,
  );
  return row;
}

const person = (id: string, email: string, role: string, name: string, contacts: number, notes: number) => ({
  id,
  email,
  role,
  administrator: role === "admin",
  name,
  recorded: role,
  contacts,
  notes,
  signs_in: true,
  identities: 1,
});

/** How many rows of each table somebody sees who has signed in. */
async function seenBy(url: string, email: string): Promise<Record<string, number>> {
  return await withClient(DatabaseUrl.parse(url, "the test setup"), async (client) => {
    await client.query("begin");
    await actAs(client, { kind: "user", email });
    const { rows } = await client.query<Record<string, number>>(countAll);
    await client.query("rollback");
    return rows[0] ?? {};
  });
}

describe("Crispy's test data", () => {
  it("is the profile's 1,247 rows, and a second run changes nothing", async () => {
    await withCrispy(async (target, url) => {
      const made = await createTestUsers(target, {}, silent);
      expect(await counts(url)).toEqual(volumes);
      expect(made.tables.reduce((sum, { rows }) => sum + rows, 0)).toBe(1247);
      const before = await digest(url);
      const again = await createTestUsers(target, {}, silent);
      expect(again.tables.filter(({ added, changed }) => added + changed > 0)).toEqual([]);
      expect(await digest(url)).toEqual(before);
    });
  });

  it("takes the place of the base data where that was seeded", async () => {
    await withCrispy(async (target, url) => {
      await seedDatabase(target, silent);
      await createTestUsers(target, {}, silent);
      expect(await counts(url)).toEqual(volumes);
      const before = await digest(url);
      await seedEnvironment(target, {}, silent);
      expect(await counts(url)).toEqual(volumes);
      expect(await digest(url)).toEqual(before);
    });
  });

  it("has the three users with their ids, who can sign in", async () => {
    await withCrispy(async (target, url) => {
      await createTestUsers(target, {}, silent);
      expect(
        await query(
          url,
          `select u.id, u.email, s.role, s.administrator, s.first_name || ' ' || s.last_name as name, m.role as recorded,
            (m.test_data_counts ->> 'contacts')::int as contacts, (m.test_data_counts ->> 'notes')::int as notes,
            u.encrypted_password = extensions.crypt('TestPass123!', u.encrypted_password) as signs_in,
            (select count(*)::int from auth.identities i where i.user_id = u.id and i.provider = 'email') as identities
          from auth.users u join sales s on s.user_id = u.id join test_user_metadata m on m.user_id = u.id order by s.id`,
        ),
      ).toEqual([
        person("2c4a3829-90f4-5a08-8774-b9ac6c40faf4", "admin@test.local", "admin", "Admin User", 100, 75),
        person(
          "c48e72ea-db69-553a-b68c-d59aa87e7dd3",
          "director@test.local",
          "sales_director",
          "Sales Director",
          60,
          45,
        ),
        person(
          "f93a8f07-8e2b-5e83-87f0-b73f472ba5fc",
          "manager@test.local",
          "account_manager",
          "Account Manager",
          40,
          30,
        ),
      ]);
    });
  });

  it("shows each user through row security exactly what their role may see", async () => {
    await withCrispy(async (target, url) => {
      await createTestUsers(target, {}, silent);
      expect(await seenBy(url, "admin@test.local")).toEqual(volumes);
      expect(await seenBy(url, "director@test.local")).toEqual(volumes);
      expect(await seenBy(url, "manager@test.local")).toEqual({
        ...volumes,
        organizations: 36,
        contacts: 40,
        contactNotes: 30,
        opportunities: 25,
        activities: 80,
        tasks: 15,
        deals: 3,
        dealNotes: 3,
      });
    });
  });

  it("is split among the users as the profile says, and the admin's organizations hold the 16 principals", async () => {
    await withCrispy(async (target, url) => {
      await createTestUsers(target, {}, silent);
      const per = (table: string, owner: string) =>
        `(select count(*)::int from public."${table}" t where t.${owner} = s.id) as "${table}"`;
      expect(
        await query(
          url,
          `select ${[
            per("organizations", "sales_id"),
            per("contacts", "sales_id"),
            per("opportunities", "opportunity_owner_id"),
            per("activities", "created_by"),
            per("products", "created_by"),
            per("contactNotes", "sales_id"),
            per("tasks", "sales_id"),
            per("deals", "sales_id"),
            per("dealNotes", "sales_id"),
          ].join(", ")},
            (select count(*)::int from organizations t where t.sales_id = s.id and organization_type = 'principal') as principals
          from sales s order by s.id`,
        ),
      ).toEqual([
        {
          organizations: 50,
          contacts: 100,
          opportunities: 75,
          activities: 200,
          products: 100,
          contactNotes: 75,
          tasks: 38,
          deals: 7,
          dealNotes: 7,
          principals: 16,
        },
        {
          organizations: 30,
          contacts: 60,
          opportunities: 40,
          activities: 120,
          products: 0,
          contactNotes: 45,
          tasks: 22,
          deals: 4,
          dealNotes: 4,
          principals: 0,
        },
        {
          organizations: 20,
          contacts: 40,
          opportunities: 25,
          activities: 80,
          products: 0,
          contactNotes: 30,
          tasks: 15,
          deals: 3,
          dealNotes: 3,
          principals: 0,
        },
      ]);
    });
  });

  it("has a believable pipeline: open deals close in the coming months, closed ones have closed, with reasons", async () => {
    await withCrispy(async (target, url) => {
      await createTestUsers(target, {}, silent);
      const now = "date '2026-11-02'";
      const [pipeline] = await query(
        url,
        `select
          count(distinct stage)::int as stages,
          count(*) filter (where stage = 'new_lead') > count(*) filter (where stage = 'demo_scheduled') as narrows,
          avg((stage like 'closed%')::int)::float as closed,
          bool_and((stage = 'closed_won') = (win_reason is not null)) as won_for_a_reason,
          bool_and((stage = 'closed_lost') = (loss_reason is not null)) as lost_for_a_reason,
          bool_and((stage like 'closed%') = (actual_close_date is not null)) as dated,
          bool_and(actual_close_date is null or actual_close_date < ${now}) as closed_in_the_past,
          bool_and(actual_close_date is null or actual_close_date >= created_at::date) as after_they_began,
          bool_and(stage like 'closed%' or estimated_close_date > ${now}) as open_in_the_future,
          count(distinct date_trunc('month', estimated_close_date)) filter (where stage not like 'closed%')::int as months
        from opportunities`,
      );
      expect(pipeline).toMatchObject({
        stages: 8,
        narrows: true,
        won_for_a_reason: true,
        lost_for_a_reason: true,
        dated: true,
        closed_in_the_past: true,
        after_they_began: true,
        open_in_the_future: true,
      });
      expect(pipeline?.months).toBeGreaterThanOrEqual(5);
      expect(pipeline?.closed).toBeGreaterThan(0.1);
      expect(pipeline?.closed).toBeLessThan(0.4);
    });
  });

  it("grows as far as it is told, and all of it is allowed", async () => {
    await withCrispy(async (target, url) => {
      await seedEnvironment(target, { scale: 3 }, silent);
      const { sales, segments, tags, test_user_metadata: users, ...grown } = await counts(url);
      expect({ sales, segments, tags, users }).toEqual({ sales: 3, segments: 28, tags: 20, users: 3 });
      for (const [table, rows] of Object.entries(grown)) {
        expect(rows, table).toBeGreaterThanOrEqual(3 * volumes[table as keyof typeof volumes]);
      }
      expect(await brokenChecks(url)).toEqual([]);
    });
  });
});
