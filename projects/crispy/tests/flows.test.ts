import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  DatabaseUrl,
  locateTarget,
  migrateUp,
  Operation,
  openProject,
} from "../../../packages/pantler/src/index.js";
import { actAs, withClient } from "../../../packages/pantler/src/postgres/index.js";
import { type CliRun, pantler } from "../../../packages/pantler/tests/support/cli.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";
import { withFolder } from "../../../packages/pantler/tests/support/project.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const scripts = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    scripts: Record<string, string>;
  }
).scripts;

/** The two databases, and the scripts of package.json run on them as npm would. */
interface Flows {
  readonly local: string;
  readonly production: string;
  readonly run: (script: string, ...words: string[]) => Promise<CliRun>;
}

async function withFlows(test: (flows: Flows) => Promise<void>): Promise<void> {
  await withDatabaseUrl(async (local) => {
    await withDatabaseUrl(async (production) => {
      // A copy of the project, so that backups and journals of tests stay out of the checkout.
      await withFolder({}, async (copy) => {
        for (const part of ["package.json", "pantler.config.ts", "seed.ts", "supabase"]) {
          cpSync(join(folder, part), join(copy, part), { recursive: true });
        }
        for (const url of [local, production]) {
          const project = await openProject({ from: copy, variables: { PANTLER_ENGINE_URL: url } });
          await migrateUp(await locateTarget(project, "local"), {}, new Operation());
        }
        const env = { PANTLER_ENGINE_URL: local, PRODUCTION_DATABASE_URL: production };
        const run = async (script: string, ...words: string[]) => {
          const [program, ...own] = (scripts[script] ?? "").split(" ");
          expect(program, `${script} of package.json`).toBe("pantler");
          return await pantler([...own, ...words, "--json"], { cwd: copy, env });
        };
        await test({ local, production, run });
      });
    });
  });
}

const signIns = `
  select email, encrypted_password as hash,
    encrypted_password = extensions.crypt('TestPass123!', encrypted_password) as verifies
  from auth.users where email like '%@test.local' order by 1`;

/** How many organizations, contacts, opportunities and activities somebody sees who has signed in. */
async function seenBy(url: string, email: string): Promise<number[]> {
  return await withClient(DatabaseUrl.parse(url, "the test setup"), async (client) => {
    await client.query("begin");
    await actAs(client, { kind: "user", email });
    const counts: number[] = [];
    for (const table of ["organizations", "contacts", "opportunities", "activities"]) {
      const { rows } = await client.query<{ count: number }>(
        `select count(*)::int as count from public.${table}`,
      );
      counts.push(rows[0]?.count ?? -1);
    }
    await client.query("rollback");
    return counts;
  });
}

describe("Crispy's daily flows", () => {
  it("make three users with data, bring them to the cloud, prove it, and find what was changed by hand", async () => {
    await withFlows(async ({ local, production, run }) => {
      expect((await run("dev:users:create")).code).toBe(0);
      const refused = await run("dev:sync:push");
      expect(refused.code).toBe(3);
      expect(await query(production, "select count(*)::int as count from contacts")).toEqual([{ count: 0 }]);
      const synced = await run("dev:sync:push", "--confirm", "OVERWRITE production");
      expect(synced).toMatchObject({ code: 0, result: { outcome: "synced" } });
      const users = await query(local, signIns);
      expect(users.map(({ verifies }) => verifies)).toEqual([true, true, true]);
      expect(await query(production, signIns)).toEqual(users);
      for (const url of [local, production]) {
        expect(await seenBy(url, "manager@test.local")).toEqual([36, 40, 25, 80]);
        for (const email of ["director@test.local", "admin@test.local"]) {
          expect(await seenBy(url, email)).toEqual([100, 200, 140, 400]);
        }
      }
      expect((await run("dev:verify")).code).toBe(0);
      const [changed] = await query(
        production,
        "update contacts set title = 'changed by hand' where id = (select min(id) from contacts) returning id",
      );
      const verified = await run("dev:verify", "--diff", "3");
      expect(verified.code).toBe(1);
      expect(verified.stdout).toContain(`"id":"${changed?.id}"`);
    });
  });

  it("start over in both, with one word", async () => {
    await withFlows(async ({ local, production, run }) => {
      await query(local, "insert into tags (name) values ('of yesterday')");
      await query(production, "insert into tags (name) values ('of last week')");
      expect((await run("dev:reset")).code).toBe(3);
      expect(await query(local, "select name from tags")).toEqual([{ name: "of yesterday" }]);
      const reset = await run("dev:reset", "--confirm", "RESET");
      expect(reset).toMatchObject({ code: 0, result: { equal: true, rows: 1247 } });
      for (const url of [local, production]) {
        expect(await query(url, "select count(*)::int as count from contacts")).toEqual([{ count: 200 }]);
        expect(await query(url, "select name from tags where name like 'of %'")).toEqual([]);
      }
      expect((await run("dev:verify")).code).toBe(0);
    });
  });
});
