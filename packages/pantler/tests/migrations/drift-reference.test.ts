import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { DatabaseUrl, findDrift, locateTarget, migrateUp, Operation, openProject } from "../../src/index.js";
import { withDatabaseUrl, withRole } from "../support/database.js";
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
