import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  type HandoverResult,
  locateTarget,
  migrateUp,
  Operation,
  offboardUser,
  openProject,
} from "../../../packages/pantler/src/index.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { failure } from "../../../packages/pantler/tests/support/failure.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const silent = new Operation();

/** Runs a test with SRVC and its seed, in which Rosa's company is to be taken over by another user. */
async function withSrvc(
  test: (url: string, offboard: (to: string) => Promise<HandoverResult>) => Promise<void>,
): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } });
    const target = await locateTarget(project, "local");
    await migrateUp(target, {}, silent);
    await seedDatabase(target, silent);
    const request = { user: "owner-a@test.local", keys: {}, confirm: async () => undefined };
    await test(url, (to) => offboardUser(target, { ...request, to }, silent));
  });
}

const rosa = "select id from auth.users where email = 'owner-a@test.local'";
const tom = "select id from auth.users where email = 'owner-b@test.local'";

describe("off-boarding from SRVC", () => {
  it("says before anything runs which numbers both companies use, and what keeps the user", async () => {
    await withSrvc(async (url, offboard) => {
      await query(
        url,
        `update public.quotes set quote_number = case quote_number when (
          select min(quote_number) from public.quotes where user_id = (${tom})
        ) then (select min(quote_number) from public.quotes where user_id = (${rosa})) else quote_number end
        where user_id = (${tom});
        update public.customers set email = upper((select min(email) from public.customers where user_id = (${rosa})))
        where id = (select min(id::text)::uuid from public.customers where user_id = (${tom}))`,
      );
      const refused = await failure(offboard("owner-b@test.local"));
      expect([refused.code, refused.exit]).toEqual(["would-collide", 3]);
      expect(refused.detail?.split("\n")).toEqual([
        expect.stringMatching(/^public\.customers, customers_user_id_email_uq: lower\(email\) = \S+@\S+$/),
        expect.stringMatching(/^public\.quotes, quotes_user_id_quote_number_uq: quote_number = \S+$/),
        expect.stringMatching(/^public\.user_subscriptions\.user_id: about the user: it is unique/),
      ]);
      expect(await query(url, rosa)).toHaveLength(1);
    });
  });

  it("hands a company over once its subscription has ended", async () => {
    await withSrvc(async (url, offboard) => {
      const refused = await failure(offboard("admin@test.local"));
      expect([refused.code, refused.exit]).toEqual(["would-block", 3]);
      expect(refused.message).toContain("1 row of public.user_subscriptions");
      await query(url, `delete from public.user_subscriptions where user_id = (${rosa})`);
      const counts =
        "select (select count(*)::int from public.quotes) as quotes, (select count(*)::int from public.jobs) as jobs";
      const before = await query(url, counts);
      const result = await offboard("admin@test.local");
      expect(result.rows.map(({ table, fate }) => `${table.name} ${fate}`)).toEqual([
        "customers moves",
        "invoices moves",
        "jobs moves",
        "quotes moves",
        "user_roles deleted",
      ]);
      expect(await query(url, counts)).toEqual(before);
      expect(await query(url, rosa)).toEqual([]);
    });
  });
});
