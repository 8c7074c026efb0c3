import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  DatabaseUrl,
  locateTarget,
  migrateUp,
  Operation,
  offboardUser,
  openProject,
  reassignRows,
  type Target,
} from "../../../packages/pantler/src/index.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { actAs, type Identity, withClient } from "../../../packages/pantler/src/postgres/index.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const silent = new Operation();
const mara = "0a000000-0000-4000-8000-000000000001";
const jonas = "0a000000-0000-4000-8000-000000000002";

async function targetAt(url: string): Promise<Target> {
  const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } });
  return await locateTarget(project, "local");
}

/** Runs a test with as many databases as it asks for, all with the same demo data, some of it soft-deleted. */
async function withDemo(
  test: (withCopy: (work: (url: string) => Promise<void>) => Promise<void>) => Promise<void>,
): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const target = await targetAt(url);
    await migrateUp(target, {}, silent);
    await seedDatabase(target, silent);
    await query(
      url,
      `update public.interactions set deleted_at = now()
      where interaction_id in (select interaction_id from public.interactions order by 1 limit 3);
      update public.organizations set deleted_at = now() where name = 'Northfield School Kitchens'`,
    );
    const template = new URL(url).pathname.slice(1);
    await test((work) => withDatabaseUrl(work, template));
  });
}

/** All rows of all tables, save for when they were last updated. */
async function rowsOf(url: string): Promise<Record<string, unknown>> {
  const tables = await query(
    url,
    `select format('%I.%I', nspname, relname) as name
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relkind = 'r' and (nspname in ('public', 'reporting') or nspname = 'auth' and relname = 'users')
    order by 1`,
  );
  const content: Record<string, unknown> = {};
  for (const { name } of tables) {
    const [row] = await query(
      url,
      `select count(*) || ' ' || coalesce(md5(string_agg(t, '|' order by t)), '') as digest
      from (select (to_jsonb(r) - 'updated_at')::text as t from ${String(name)} r) as rows`,
    );
    content[String(name)] = row?.digest;
  }
  return content;
}

async function callAs(url: string, identity: Identity, call: string): Promise<void> {
  await withClient(DatabaseUrl.parse(url, "the test setup"), async (client) => {
    await client.query("begin");
    await actAs(client, identity);
    await client.query(call, [jonas, mara]);
    await client.query("commit");
  });
}

const deleteJonas = `delete from auth.users where id = '${jonas}'`;

describe("off-boarding from KitchenPantry", () => {
  it("leaves the same rows as the project's own two functions", async () => {
    await withDemo(async (withCopy) => {
      const outcomes: Record<string, unknown>[] = [];
      await withCopy(async (url) => {
        const before = await rowsOf(url);
        const request = {
          from: "jonas@pantry.test",
          to: "mara@pantry.test",
          keys: {},
          confirm: async () => undefined,
        };
        const { outcome, rows } = await reassignRows(await targetAt(url), request, silent);
        expect(outcome).toBe("reassigned");
        expect(rows.map(({ table, fate }) => `${table.name} ${fate}`)).toEqual([
          "contacts moves",
          "interactions moves",
          "opportunities moves",
          "organizations moves",
        ]);
        outcomes.push(await rowsOf(url));
        expect(outcomes[0]).not.toEqual(before);
      });
      await withCopy(async (url) => {
        await callAs(url, { kind: "service_role" }, "select public.reassign_user_data($1, $2)");
        outcomes.push(await rowsOf(url));
      });
      await withCopy(async (url) => {
        const admin: Identity = { kind: "user", email: "mara@pantry.test" };
        await callAs(url, admin, "select public.admin_reassign_user_data($1, $2)");
        outcomes.push(await rowsOf(url));
      });
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(outcomes[2]).toEqual(outcomes[0]);
    });
  });

  it("lets a user go whom the database would not delete, and nothing is orphaned", async () => {
    await withDemo(async (withCopy) => {
      const request = { to: "mara@pantry.test", keys: {}, confirm: async () => undefined };
      const counts = `select
        (select count(*)::int from public.organizations) as organizations,
        (select count(*)::int from public.contacts) as contacts,
        (select count(*)::int from public.opportunities) as opportunities,
        (select count(*)::int from public.interactions) as interactions`;
      const orphans = ["organizations", "contacts", "opportunities", "interactions"]
        .map(
          (name) =>
            `select from public.${name} r where owner_user_id is not null and not exists (select from auth.users u where u.id = r.owner_user_id)`,
        )
        .join(" union all ");
      await withCopy(async (url) => {
        await expect(query(url, deleteJonas)).rejects.toMatchObject({
          code: expect.stringMatching(/^(23503|23001)$/),
        });
        const before = await query(url, counts);
        await reassignRows(await targetAt(url), { ...request, from: "jonas@pantry.test" }, silent);
        await query(url, deleteJonas);
        expect(await query(url, counts)).toEqual(before);
        expect(await query(url, orphans)).toEqual([]);
      });
      await withCopy(async (url) => {
        const before = await query(url, counts);
        const { outcome } = await offboardUser(
          await targetAt(url),
          { ...request, user: "jonas@pantry.test" },
          silent,
        );
        expect(outcome).toBe("offboarded");
        expect(await query(url, counts)).toEqual(before);
        expect(await query(url, orphans)).toEqual([]);
        expect(
          await query(url, "select email from auth.users union select email from auth.identities"),
        ).toEqual([{ email: "mara@pantry.test" }]);
      });
    });
  });
});
