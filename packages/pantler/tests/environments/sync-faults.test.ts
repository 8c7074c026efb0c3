import { describe, expect, it } from "vitest";
import { isUsable, listBackups, Operation, openStore, verifyBackup } from "../../src/index.js";
import { withRole } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query, waitForStatement } from "../support/inspect.js";
import { trialSeed } from "../support/kill-trials.js";
import { contentOf } from "../support/pantry.js";
import { withProxy } from "../support/proxy.js";
import { killSyncs } from "../support/sync-kills.js";
import { garden, overgrown, planted, reachedAt, withTwoEnvironments } from "../support/two-environments.js";

const sides = { both: garden, local: planted, production: overgrown };

describe("a sync that meets a fault", () => {
  it("leaves the target as it was when its connection breaks half-way", async () => {
    await withTwoEnvironments(sides, async ({ sync, production, productionUrl, events }) => {
      const before = await contentOf(productionUrl);
      await withProxy(productionUrl, async (proxy) => {
        proxy.cutAt('truncate only "public"', true);
        const lost = await failure(sync({}, { to: reachedAt(production, proxy.url) }));
        expect([lost.code, lost.exit]).toEqual(["connection-lost", 4]);
        const said = JSON.stringify([lost.message, lost.detail, lost.state, lost.remedy, events]);
        expect(said).not.toContain(`:${new URL(proxy.url).password}@`);
      });
      expect(await contentOf(productionUrl)).toBe(before);
      const [backup] = (await listBackups(await openStore(production.environment.backups.store))).filter(
        isUsable,
      );
      expect(backup?.proven).toBe(true);
      if (backup) expect((await verifyBackup(backup, new Operation())).problems).toEqual([]);
    });
  });

  it("names the source when that is what breaks, and leaves the target as it was", async () => {
    await withTwoEnvironments(sides, async ({ sync, local, localUrl, productionUrl }) => {
      const before = await contentOf(productionUrl);
      await withProxy(localUrl, async (proxy) => {
        proxy.cutAt('copy "public"."plants"', false, true);
        const lost = await failure(sync({}, { from: reachedAt(local, proxy.url) }));
        expect(lost.code).toBe("connection-lost");
        expect(lost.message).toContain(`:${new URL(proxy.url).port}/`);
      });
      expect(await contentOf(productionUrl)).toBe(before);
    });
  });

  it("keeps a second sync out", async () => {
    await withTwoEnvironments({ both: garden }, async ({ sync }) => {
      let second: Promise<unknown> = Promise.resolve();
      const first = sync({
        confirm: async ({ phrase }) => {
          second = failure(sync());
          await second;
          return phrase;
        },
      });
      await first;
      expect(await second).toMatchObject({ code: "deployment-running", exit: 3 });
    });
  });

  it("is undone when it is interrupted while somebody holds a table", async () => {
    await withTwoEnvironments(sides, async ({ sync, productionUrl, inProduction }) => {
      const before = await contentOf(productionUrl);
      const controller = new AbortController();
      const holding = query(
        productionUrl,
        "begin; lock table public.notes in share mode; select pg_sleep(60)",
      ).catch(() => {});
      const pid = await waitForStatement(productionUrl, "%pg_sleep(60)%");
      const work = failure(sync({}, { signal: controller.signal }));
      await waitForStatement(productionUrl, "truncate only%");
      controller.abort();
      const interrupted = await work;
      expect([interrupted.code, interrupted.exit]).toEqual(["interrupted", 5]);
      await inProduction(`select pg_terminate_backend(${pid})`);
      await holding;
      expect(await contentOf(productionUrl)).toBe(before);
    });
  });

  it("does not fire triggers that fire even for replicas", async () => {
    const both = `create table public.seals (id int primary key, made text);
      create function public.seal() returns trigger language plpgsql as $$ begin new.made := current_database(); return new; end $$;`;
    const production = "insert into public.seals values (1, 'before');";
    await withTwoEnvironments(
      { both, local: "insert into public.seals values (1, 'a'), (2, 'b');", production },
      async (environments) => {
        const { sync, inLocal, inProduction, localUrl, productionUrl } = environments;
        const always = `create trigger seal before insert on public.seals for each row execute function public.seal();
        alter table public.seals enable always trigger seal`;
        await inLocal(always);
        await inProduction(always);
        await sync();
        expect(await contentOf(productionUrl)).toBe(await contentOf(localUrl));
      },
    );
  });

  it("is refused to a role that may not write, before anything is changed", async () => {
    await withRole(
      async (role) => {
        await withTwoEnvironments(
          sides,
          async ({ sync, production, productionUrl, inProduction, inLocal }) => {
            const grants = `grant usage on schema public, auth to ${role}; grant select on all tables in schema public to ${role};
             grant select on all sequences in schema public to ${role}`;
            await inProduction(grants);
            await inLocal(grants);
            const before = await contentOf(productionUrl);
            const url = new URL(productionUrl);
            url.username = role;
            url.password = "secret-of-the-reader";
            const refused = await failure(sync({ users: "none" }, { to: reachedAt(production, url.href) }));
            expect([refused.code, refused.exit]).toEqual(["right-missing", 4]);
            expect(await contentOf(productionUrl)).toBe(before);
          },
        );
      },
      { options: "login password 'secret-of-the-reader' bypassrls" },
    );
  });

  it("leaves the target wholly old or wholly new when it is killed at 4 random moments", async () => {
    const { seed, random } = trialSeed();
    const { problems, counts } = await killSyncs(4, random);
    expect(problems, `TRIAL_SEED=${seed}: ${JSON.stringify(counts)}`).toEqual([]);
  });
});
