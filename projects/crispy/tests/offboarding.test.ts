import { describe, expect, it } from "vitest";
import {
  createTestUsers,
  type HandoverResult,
  offboardUser,
  reassignRows,
  type Target,
} from "../../../packages/pantler/src/index.js";
import { failure } from "../../../packages/pantler/tests/support/failure.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";
import { silent, withCrispy } from "./migrated.js";

const request = { keys: {}, confirm: async () => undefined };
const manager = "manager@test.local";
const director = "director@test.local";

async function offboard(target: Target, dryRun = false): Promise<HandoverResult> {
  return await offboardUser(
    target,
    { ...request, user: "account_manager", to: "sales_director", dryRun },
    silent,
  );
}

const counts = `
  select
    (select count(*)::int from public.organizations) as organizations,
    (select count(*)::int from public.contacts) as contacts,
    (select count(*)::int from public.opportunities) as opportunities,
    (select count(*)::int from public.activities) as activities,
    (select count(*)::int from public.tasks) as tasks,
    (select count(*)::int from public.sales) as sales`;

describe("off-boarding from Crispy", () => {
  it("moves what names the user through the staff, and lets the user's row of the staff go with the user", async () => {
    await withCrispy(async (target, url) => {
      await createTestUsers(target, {}, silent);
      await expect(query(url, `delete from auth.users where email = '${manager}'`)).rejects.toThrow();
      const [before] = await query(url, counts);
      const [sales] = await query(url, `select id from public.sales where email = '${manager}'`);
      await query(
        url,
        `update audit.change_log set changed_by = ${sales?.id} where id = (select min(id) from audit.change_log)`,
      );
      const result = await offboard(target);
      const fates = Object.fromEntries(
        result.rows.map(({ table, column, fate }) => [`${table.name}.${column}`, fate]),
      );
      expect(fates).toMatchObject({
        "contacts.sales_id": "moves",
        "opportunities.opportunity_owner_id": "moves",
        "activities.created_by": "moves",
        "change_log.changed_by": "emptied",
        "sales.user_id": "deleted",
        "test_user_metadata.user_id": "deleted",
      });
      const [after] = await query(url, counts);
      expect(after).toEqual({ ...before, sales: Number(before?.sales) - 1 });
      expect(await query(url, `select from public.contacts where sales_id = ${sales?.id}`)).toEqual([]);
      expect(await query(url, `select from auth.users where email = '${manager}'`)).toEqual([]);
      // Whoever comes back begins anew.
      await createTestUsers(target, {}, silent);
    });
  });

  it("is refused where two would have the same, and to somebody who is not on the staff", async () => {
    await withCrispy(async (target, url) => {
      await createTestUsers(target, {}, silent);
      await query(
        url,
        `create unique index contacts_own_name_uq on public.contacts (sales_id, lower(last_name)) where deleted_at is null and last_name like 'Twin%';
        update public.contacts c set last_name = 'Twin'
        where id in (
          select min(o.id) from public.contacts o join public.sales s on s.id = o.sales_id
          where s.email in ('${manager}', '${director}') and o.deleted_at is null group by s.id
        )`,
      );
      const refused = await failure(offboard(target, true));
      expect([refused.code, refused.exit]).toEqual(["would-collide", 3]);
      expect(refused.detail).toBe("public.contacts, contacts_own_name_uq: lower(last_name) = twin");
      await query(
        url,
        "insert into auth.users (id, phone) values ('77777777-7777-4777-8777-777777777777', '4915')",
      );
      const alone = await failure(
        reassignRows(
          target,
          { ...request, from: manager, to: "77777777-7777-4777-8777-777777777777" },
          silent,
        ),
      );
      expect([alone.code, alone.exit]).toEqual(["profile-missing", 3]);
    });
  });
});
