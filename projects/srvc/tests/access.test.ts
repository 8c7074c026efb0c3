import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { onlyRelations } from "../../../packages/pantler/src/access/index.js";
import {
  type AccessChange,
  compareAccess,
  locateTarget,
  measureAccess,
  migrateUp,
  Operation,
  openProject,
  readSnapshot,
  snapshotOf,
  type Target,
} from "../../../packages/pantler/src/index.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { pantler } from "../../../packages/pantler/tests/support/cli.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const silent = new Operation();

async function withSrvc(test: (url: string, target: Target) => Promise<void>): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } });
    const target = await locateTarget(project, "local");
    await migrateUp(target, {}, silent);
    await seedDatabase(target, silent);
    await test(url, target);
  });
}

/** How some tables differ from what is agreed on. */
async function changesOf({ url, project }: Target, relations: readonly string[]): Promise<AccessChange[]> {
  const snapshot = snapshotOf(await measureAccess(url, project, { relations }, silent));
  const agreed = readSnapshot(join(folder, "access.snapshot.json"));
  if (!agreed) throw new Error("SRVC has no access.snapshot.json");
  return compareAccess(onlyRelations(agreed, snapshot), snapshot);
}

describe("what is agreed on of SRVC", () => {
  it("is how it is, and a policy more, a policy less or a column more is told with whom it concerns", async () => {
    await withSrvc(async (url, target) => {
      const words = ["access", "matrix", "--project", folder, "--check"];
      const env = { PANTLER_ENGINE_URL: url };
      const agreed = await pantler([...words, "--json"], { env });
      expect(agreed.result).toMatchObject({ type: "result", ok: true, changes: [] });
      expect(agreed.code).toBe(0);

      await query(url, "create policy careless on public.customers for all to authenticated using (true)");
      const open = await changesOf(target, ["customers"]);
      const gained = open.filter(({ kind }) => kind === "gained").map(({ sentence }) => sentence);
      expect(gained).toEqual(
        expect.arrayContaining([
          "owner_a can now read other people's rows of customers",
          "owner_a can now add rows to customers in other people's names",
          "owner_a can now change other people's rows of customers",
          "owner_a can now delete other people's rows of customers",
          "owner_a can now take over other people's rows of customers (set user_id to themselves)",
          "owner_a can now give their own rows of customers away (set user_id to somebody else)",
          "owner_b can now read other people's rows of customers",
        ]),
      );
      expect(gained.filter((sentence) => /^(anon|service_role)/.test(sentence))).toEqual([]);
      const failed = await pantler(words, { env });
      expect(failed.code).toBe(1);
      expect(failed.stdout).toContain("+ owner_b can now delete other people's rows of customers");
      await query(url, "drop policy careless on public.customers");

      await query(url, "drop policy customers_select_own on public.customers");
      const changes = await changesOf(target, ["customers"]);
      expect(changes.flatMap(({ kind, sentence }) => (kind === "lost" ? [sentence] : []))).toEqual([
        "owner_a can no longer read their own rows of customers",
        "owner_b can no longer read their own rows of customers",
      ]);
      expect(changes.filter(({ kind }) => kind === "gained")).toEqual([]);

      await query(
        url,
        `grant select (email) on public.customers to anon;
        create policy visitors on public.customers for select to anon using (true)`,
      );
      expect((await changesOf(target, ["customers"]))[0]).toEqual({
        identity: "anon",
        kind: "gained",
        subject: "public.customers",
        sentence: "anon can now read other people's rows of customers (only the column email)",
        fails: true,
      });
    });
  });

  it("knows of a column that is granted before any row shows it, and of a table that is new", async () => {
    await withSrvc(async (url, target) => {
      await query(
        url,
        `grant select (email) on public.customers to anon;
        create table public.reminders (id int primary key, text text);
        insert into public.reminders values (1, 'call')`,
      );
      expect(await changesOf(target, ["customers", "reminders"])).toMatchObject([
        {
          identity: "anon",
          sentence:
            "anon can now read the column email of customers, though there is no row that it could do so with",
        },
        {
          identity: "anon",
          sentence:
            "public.reminders is not in the snapshot: anon can read, add, change and delete any row of reminders",
        },
        { identity: "owner_a", kind: "gained" },
        { identity: "owner_b", kind: "gained" },
        { identity: "admin", kind: "gained" },
        { identity: "service_role", kind: "gained" },
      ]);
    });
  });
});
