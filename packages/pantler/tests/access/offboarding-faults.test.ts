import { describe, expect, it } from "vitest";
import { listUsers, Operation, type Target } from "../../src/index.js";
import { withRole } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query, waitForStatement } from "../support/inspect.js";
import { ann, bob, type Office, withOffice } from "../support/office.js";
import { contentOf } from "../support/pantry.js";
import { withProxy } from "../support/proxy.js";
import { reachedAt } from "../support/two-environments.js";

const silent = new Operation();

/** What the office holds, its sessions and files included. */
async function stateOf({ url }: Office): Promise<string> {
  const rows = await query(
    url,
    `select md5(string_agg(t, '|' order by t)) as digest from (
      select s::text from auth.sessions s union all select t::text from auth.refresh_tokens t
      union all select o::text from storage.objects o
    ) as rows (t)`,
  );
  return `${await contentOf(url)} ${rows[0]?.digest}`;
}

/** An action that fails, with its code and exit, and leaves everything as it was. */
async function unchanged(office: Office, work: () => Promise<unknown>): Promise<string> {
  const before = await stateOf(office);
  const failed = await failure(work());
  expect(await stateOf(office)).toBe(before);
  return `${failed.code} ${failed.exit}: ${[failed.message, failed.detail].filter(Boolean).join(" | ")}`;
}

const refusing = `
create function public.refuse() returns trigger language plpgsql as $$
begin
  if auth.role() = 'service_role' and current_user = 'postgres' then
    raise exception 'clients stay with whom they know' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger keep before update of owner_id on public.clients for each row execute function public.refuse();`;

describe("a handover that meets a fault", () => {
  it("is kept out while another one runs", async () => {
    await withOffice(async ({ reassign, offboard }) => {
      let second = "";
      await offboard({
        confirm: async () => {
          const { code, exit } = await failure(reassign());
          second = `${code} ${exit}`;
          return undefined;
        },
      });
      expect(second).toBe("deployment-running 3");
    });
  });

  it("is undone when the connection is lost half-way, and when that happens at the commit it asks what became of it", async () => {
    await withOffice(async (office) => {
      const { local, url, offboard, ask } = office;
      await withProxy(url, async (proxy) => {
        const target: Target = reachedAt(local, proxy.url);
        proxy.cutAt("delete from auth.users", false);
        expect(await unchanged(office, () => offboard({}, { target }))).toMatch(/^connection-lost 4/);
        proxy.cutAt("commit", true);
        expect(await offboard({}, { target })).toMatchObject({ outcome: "offboarded" });
        expect(await ask("select from auth.users")).toHaveLength(1);
      });
    });
  });

  it("says which trigger refuses, keeps a row back, or deletes what the plan does not name", async () => {
    await withOffice(
      async (office) => {
        const { reassign, ask } = office;
        const refused = await unchanged(office, reassign);
        expect(refused).toMatch(
          /^refused-by-database 5: The rows of public\.clients cannot move: clients stay/,
        );
        expect(refused).toContain("function refuse() line 4");

        await ask(
          "create or replace function public.refuse() returns trigger language plpgsql as $$ begin return null; end $$",
        );
        expect(await unchanged(office, reassign)).toMatch(/^not-moved 5: .* by public\.clients\.owner_id/);

        await ask(`create or replace function public.refuse() returns trigger language plpgsql as $$
          begin delete from public.logs where id = 2; return new; end $$`);
        expect(await unchanged(office, reassign)).toBe(
          "unplanned-loss 3: Rows would be deleted that the plan does not name. | public.logs: 1 row",
        );
      },
      { more: refusing },
    );
  });

  it("says why the user cannot be deleted, and what would still refer to the user", async () => {
    const more = `
      create table public.guests (id int primary key, host uuid, role text, foreign key (host, role) references public.roles (user_id, role));
      insert into public.guests values (1, '${ann}', 'admin');`;
    await withOffice(
      async (office) => {
        const { offboard, ask } = office;
        expect(await unchanged(office, offboard)).toMatch(
          /^refused-by-database 5: ann@office\.example cannot be deleted: .*guests_host_role_fkey/,
        );
        await ask(`delete from public.guests;
          create function public.put_back() returns trigger language plpgsql as $$
          begin update storage.objects set owner_id = old.id::text where name = 'a.pdf'; return old; end $$;
          create trigger put_back after delete on auth.users for each row execute function public.put_back()`);
        expect(await unchanged(office, offboard)).toMatch(
          /^still-referred 5: .* by storage\.objects\.owner_id/,
        );
      },
      { more },
    );
  });

  it("does not carry out a plan that is no longer true", async () => {
    await withOffice(async (office) => {
      const { reassign, ask, url } = office;
      const outdated = await failure(
        reassign({
          confirm: async () => {
            await ask(`insert into public.clients values (9, 'nine', '${ann}')`);
            return undefined;
          },
        }),
      );
      expect([outdated.code, outdated.exit]).toEqual(["plan-outdated", 3]);
      expect(await query(url, `select from public.clients where owner_id = '${ann}'`)).toHaveLength(3);
      expect(await reassign()).toMatchObject({ outcome: "reassigned" });
    });
  });

  it("lets nobody add rows for the user meanwhile, and is undone when it is interrupted while it waits", async () => {
    await withOffice(async (office) => {
      const { offboard, url, ask } = office;
      const holding = query(
        url,
        "begin; select from public.quotes where id = 1 for update; select pg_sleep(60)",
      ).catch(() => {});
      const pid = await waitForStatement(url, "%pg_sleep(60)%");
      const controller = new AbortController();
      const before = await stateOf(office);
      const work = failure(offboard({}, { signal: controller.signal }));
      await waitForStatement(url, "update only public.quotes%");
      await expect(
        ask(`set lock_timeout = '200ms'; insert into public.clients values (9, 'nine', '${ann}')`),
      ).rejects.toMatchObject({ code: "55P03" });
      controller.abort();
      const { code, exit } = await work;
      expect([code, exit]).toEqual(["interrupted", 5]);
      await ask(`select pg_terminate_backend(${pid})`);
      await holding;
      expect(await stateOf(office)).toBe(before);
    });
  });

  it("is refused, before anything, to a role that lacks a right or does not see every row", async () => {
    await withRole(
      async (role) => {
        await withOffice(async (office) => {
          const { local, url, ask, reassign } = office;
          const address = new URL(url);
          address.username = role;
          address.password = "secret-of-the-clerk";
          const target = reachedAt(local, address.href);
          expect((await failure(listUsers(target, silent))).code).toBe("right-missing");
          await ask(`grant usage on schema auth, storage, public to ${role};
            grant select on auth.users, auth.sessions, storage.objects, storage.buckets to ${role};
            grant select on all tables in schema public to ${role};
            create policy all_users on auth.users for select to ${role} using (true);
            create policy all_objects on storage.objects for select to ${role} using (true);
            create policy all_buckets on storage.buckets for select to ${role} using (true)`);
          expect(await unchanged(office, () => reassign({}, { target }))).toMatch(
            /^right-missing 4: .*row security hides rows of it/,
          );
        });
      },
      { options: "login password 'secret-of-the-clerk'" },
    );
    await withRole(
      async (role) => {
        await withOffice(async (office) => {
          const { local, url, ask, reassign, offboard } = office;
          const address = new URL(url);
          address.username = role;
          address.password = "secret-of-the-clerk";
          const target = reachedAt(local, address.href);
          await ask(`grant usage on schema auth, storage, public to ${role};
            grant select on auth.users, storage.objects, storage.buckets to ${role};
            grant select on all tables in schema public to ${role};
            grant update on all tables in schema public to ${role};
            grant update on storage.objects to ${role}`);
          expect((await listUsers(target, silent)).users).toHaveLength(2);
          expect(await unchanged(office, () => offboard({}, { target }))).toMatch(
            /^right-missing 4: .*delete on auth\.users/,
          );
          expect(await reassign({}, { target })).toMatchObject({ outcome: "reassigned" });
          expect(await ask(`select from public.clients where owner_id = '${bob}'`)).toHaveLength(3);
        });
      },
      { options: "login bypassrls password 'secret-of-the-clerk'" },
    );
  });
});
