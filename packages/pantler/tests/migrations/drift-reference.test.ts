import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { DatabaseUrl, findDrift, locateTarget, migrateUp, Operation, openProject } from "../../src/index.js";
import { withDatabaseUrl, withRole } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { withProject } from "../support/project.js";

const kitchenPantry = fileURLToPath(new URL("../../../../projects/kitchenpantry", import.meta.url));
const nothing = { differences: [], hints: [], unbuilt: [] };

describe("the reference project", () => {
  for (const [phases, to] of [
    ["four", "030"],
    ["eight", undefined],
  ] as const) {
    it(`has not drifted with ${phases} phases`, async () => {
      await withDatabaseUrl(async (url) => {
        const project = await openProject({
          from: kitchenPantry,
          variables: { PANTLER_ENGINE_URL: url },
        });
        const target = await locateTarget(project, "local");
        await migrateUp(target, { to }, new Operation());
        expect(await findDrift(target, new Operation())).toEqual(nothing);
      });
    });
  }
});

describe("a database that Supabase did not prepare", () => {
  it("is compared with one that it did not prepare either, made by the same role", async () => {
    const url = DatabaseUrl.parse(inject("superuserUrl"), "the test setup");
    const database = `plain_${randomBytes(6).toString("hex")}`;
    await withRole(async (role) => {
      const run = (text: string) => query(url.with({ database: "template1" }).withPassword(), text);
      await run(`alter role ${role} login password 'secret'`);
      await run(`create database ${database} template template0 owner ${role}`);
      try {
        const own = url.with({ database, user: role, password: "secret" }).withPassword();
        const files = {
          "1_a.sql":
            "create table a (id int primary key);\ncreate extension pg_trgm;\ncreate index a_idx on a using gin ((id::text) gin_trgm_ops);",
        };
        await withProject(files, async (project) => {
          project.write(".env", `PANTLER_ENGINE_URL=${own}\n`);
          const { target, operation } = await project.reopen();
          await migrateUp(target, {}, operation);
          expect(await findDrift(target, operation)).toEqual(nothing);
        });
      } finally {
        await run(`drop database ${database} with (force)`);
      }
    });
  });
});

describe("rights that were withdrawn for the whole database", () => {
  it("are withdrawn where the migrations are built, too", async () => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      const client = new pg.Client({ connectionString: project.url });
      await client.connect();
      await client.query(
        "alter default privileges for role postgres in schema public revoke all on tables from anon, authenticated, service_role",
      );
      await client.query(
        "alter default privileges for role postgres in schema public revoke all on sequences from anon, authenticated, service_role",
      );
      await client.query(
        "alter default privileges for role postgres in schema public revoke all on functions from anon, authenticated, service_role",
      );
      await client.end();
      await migrateUp(project.target, {}, project.operation);
      expect(await findDrift(project.target, project.operation)).toEqual(nothing);
    });
  });
});

describe("extensions that only a hosted server has", () => {
  it("are named as stubs where a difference may come from them", async () => {
    await withProject({ "1_a.sql": "create extension pg_net;" }, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      expect(await findDrift(project.target, project.operation)).toEqual(nothing);
      await query(
        project.url,
        "create function call() returns bigint language sql as $$ select net.http_get('http://x') $$",
      );
      const { hints } = await findDrift(project.target, project.operation);
      expect(hints[0]).toContain("The scratch server has stubs of pg_net");
    });
  });
});

describe("what a Supabase project does beyond its own tables", () => {
  const role = `worker_${randomBytes(4).toString("hex")}`;
  const files = {
    "1_roles.sql": `create role ${role} nologin;
create schema work authorization postgres;
grant usage on schema work to ${role};`,
    "2_users.sql": `create table work.profiles (id uuid primary key references auth.users on delete cascade);
create function work.on_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin insert into work.profiles values (new.id); return new; end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function work.on_user();
create policy "own files" on storage.objects for select to authenticated using (owner = (select auth.uid()));
alter publication supabase_realtime add table work.profiles;
alter default privileges in schema work grant select on tables to ${role};
create table work.later (id int primary key);
comment on column work.later.id is 'what; it -- is';`,
    "3_extensions.sql": `create extension if not exists hstore with schema extensions;
create table work.bags (b extensions.hstore);
create extension if not exists pg_cron;`,
    "4_session.sql": "set search_path = work;\nset role authenticated;\nselect 1;",
    "5_after.sql": "create table placed (id int);",
  };

  it("is no drift", async () => {
    await withProject(files, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      const drift = await findDrift(project.target, project.operation);
      await query(project.url, `grant ${role} to postgres; drop owned by ${role}; drop role ${role}`);
      expect(drift).toEqual(nothing);
    });
  });

  it("is no drift where a superuser did what only one may do", async () => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      const superuser = DatabaseUrl.parse(inject("superuserUrl"), "the test setup");
      const { database } = DatabaseUrl.parse(project.url, "the test setup");
      const admin = superuser.with({ database }).withPassword();
      const statement =
        "create function public.closed() returns int language sql leakproof immutable as 'select 1'";
      await query(admin, `${statement}; alter function public.closed() owner to postgres`);
      await query(
        project.url,
        "insert into supabase_migrations.schema_migrations (version, name, statements) values ('2', 'b', $1)",
        [[statement]],
      );
      expect(await findDrift(project.target, project.operation)).toMatchObject({ unbuilt: [] });
    });
  });

  it("is no drift where the server's own superuser did it", async () => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      const superuser = DatabaseUrl.parse(inject("superuserUrl"), "the test setup");
      const { database } = DatabaseUrl.parse(project.url, "the test setup");
      project.write(".env", `PANTLER_ENGINE_URL=${superuser.with({ database }).withPassword()}\n`);
      const { target, operation } = await project.reopen();
      await migrateUp(target, {}, operation);
      expect(await findDrift(target, operation)).toEqual(nothing);
    });
  });

  it("is drift where something was given to another role", async () => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      const other = `other_${randomBytes(4).toString("hex")}`;
      await query(
        project.url,
        `create role ${other}; grant ${other} to postgres; grant create on schema public to ${other}`,
      );
      await query(project.url, `alter table a owner to ${other}`);
      const { differences } = await findDrift(project.target, project.operation);
      await query(project.url, `drop owned by ${other}; drop role ${other}`);
      expect(differences).toContainEqual(
        expect.objectContaining({ kind: "table", right: expect.stringContaining(`owner ${other}`) }),
      );
    });
  });
});

describe("an interrupted search", () => {
  it("ends as one, and leaves nothing", async () => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      const controller = new AbortController();
      const operation = new Operation((event) => {
        if (event.type === "step-started" && event.title.startsWith("build")) controller.abort();
      });
      const error = await failure(findDrift(project.target, operation, controller.signal));
      expect(error).toMatchObject({ code: "interrupted", state: "The environment was only read." });
    });
  });
});
