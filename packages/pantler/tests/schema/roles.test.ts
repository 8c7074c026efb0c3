import { describe, expect, it } from "vitest";
import { withScratch } from "../../src/index.js";
import { withClient } from "../../src/postgres/index.js";
import { readRoles, renderRoles } from "../../src/schema/index.js";
import { withDatabase } from "../support/database.js";

const suffix = Math.random().toString(36).slice(2, 8);
const owner = `owner "of" ${suffix}; --`;
const group = `group_${suffix}`;
const person = `person_${suffix}`;
const reader = `reader_${suffix}`;
const bystander = `bystander_${suffix}`;
const everyone = [owner, group, person, reader, bystander];

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

const prepared = `
create role ${quoted(owner)} nologin noinherit;
create role ${group} nologin;
create role ${person} login password 'secret' connection limit 3 createdb createrole;
create role ${reader} nologin ;
create role ${bystander} nologin;
grant ${group} to ${person} with admin option, inherit false;
grant ${reader} to ${person} with set false;
grant authenticated to ${group};
grant ${quoted(owner)} to current_user;
alter role ${person} set search_path = "$user", "odd "", name", public;
alter role ${person} set work_mem = '7MB';
alter role ${person} set "pgrst.db_pre_request" = 'it''s; -- \\';
create schema shop;
create table shop.items (id int);
grant usage, create on schema shop to ${quoted(owner)};
alter table shop.items owner to ${quoted(owner)};
grant select on shop.items to ${group};
`;

const policy = `create policy readers on shop.items to ${reader} using (true)`;

describe("the roles of a project", () => {
  it("are those that own, are granted or meant, with those they are members of, and nobody else", async () => {
    await withProjectRoles(async ({ roles }) => {
      const names = roles.map(({ name }) => name);
      expect(names).toEqual(
        expect.arrayContaining([owner, group, person, reader, "authenticated", "postgres"]),
      );
      expect(names).not.toContain(bystander);
      expect(names.filter((name) => name.startsWith("pg_"))).toEqual([]);
    });
  });

  it("are made again by a script that can run twice, without passwords", async () => {
    await withProjectRoles(async ({ roles, script }) => {
      expect(script).not.toMatch(/secret|md5|SCRAM|password/i);
      await withScratch(async ({ url }) => {
        await withClient(url, async (client) => {
          await client.query(script);
          await client.query(script);
          await client.query(`
            create schema shop;
            create table shop.items (id int);
            grant select on shop.items to ${group};
            grant ${quoted(owner)} to current_user;
            grant usage, create on schema shop to ${quoted(owner)};
            alter table shop.items owner to ${quoted(owner)};
            set role ${quoted(owner)};
          `);
          await client.query(policy);
          await client.query("reset role");
          const again = (await readRoles(client)).filter(({ name }) => everyone.includes(name));
          const before = roles.filter(({ name }) => everyone.includes(name));
          expect(again).toEqual(before);
        });
      });
    });
  });

  it("that are there already stay as they are", async () => {
    await withProjectRoles(async ({ script, client }) => {
      await client.query(`alter role ${person} set work_mem = '9MB'; alter role ${person} nologin`);
      await client.query(script);
      const [found] = (await readRoles(client)).filter(({ name }) => name === person);
      expect(found).toMatchObject({ login: false });
      expect(found?.settings).toContainEqual({ name: "work_mem", value: "9MB", hereOnly: false });
    });
  });
});

interface ProjectRoles {
  readonly roles: Awaited<ReturnType<typeof readRoles>>;
  readonly script: string;
  readonly client: Parameters<typeof readRoles>[0];
}

async function withProjectRoles(test: (project: ProjectRoles) => Promise<void>): Promise<void> {
  await withDatabase(async ({ client, admin, url }) => {
    const here = new URL(url).pathname.slice(1);
    try {
      await client.query(prepared);
      await client.query(`set role ${quoted(owner)}`);
      await client.query(policy);
      await client.query("reset role");
      await client.query(`alter role ${person} in database ${here} set statement_timeout = '5s'`);
      const roles = await readRoles(client);
      await test({ roles, script: renderRoles(roles), client });
    } finally {
      await admin.query("drop schema if exists shop cascade");
      for (const name of everyone) await admin.query(`drop role if exists ${quoted(name)}`);
    }
  });
}
