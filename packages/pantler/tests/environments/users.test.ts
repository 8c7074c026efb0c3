import { describe, expect, it } from "vitest";
import { createTestUsers, findSeedHazard, seedEnvironment } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const seedFile = `
import { defineSeed } from "pantler";
export default defineSeed({
  tables: { notes: { rows: { cook: 3, guest: 1 }, owner: "user_id" } },
});
`;

const config = {
  data: "seed.ts",
  users: {
    testDomain: "test.local",
    seeded: ["base@demo.com"],
    test: [
      {
        role: "cook",
        name: "Test Cook",
        email: "cook@test.local",
        variable: "TEST_COOK_EMAIL",
        appMetadata: { role: "cook" },
      },
      { role: "guest", name: "Test Guest", email: "guest@test.local" },
    ],
  },
};

async function withUsers(test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    project.write("pantler.config.json", JSON.stringify(config));
    project.write("seed.ts", seedFile);
    await query(
      project.url,
      "create table notes (id int generated always as identity primary key, user_id uuid not null references auth.users (id), body text not null)",
    );
    await test(await project.reopen());
  });
}

const addUser = (project: TestProject, email: string) =>
  query(project.url, "insert into auth.users (id, email) values (gen_random_uuid(), $1)", [email]);

const verifies = async (project: TestProject, password: string) =>
  (
    await query(
      project.url,
      "select email from auth.users where encrypted_password = extensions.crypt($1, encrypted_password) order by email",
      [password],
    )
  ).map(({ email }) => email);

describe("test users", () => {
  it("can sign in: their ids come from their addresses, passwords verify, and they have an identity", async () => {
    await withUsers(async (project) => {
      const { users } = await createTestUsers(project.target, {}, project.operation);
      expect(users.map(({ email, outcome }) => `${email} ${outcome}`)).toEqual([
        "cook@test.local created",
        "guest@test.local created",
      ]);
      expect(await verifies(project, "TestPass123!")).toEqual(["cook@test.local", "guest@test.local"]);
      expect(
        await query(
          project.url,
          `select u.id = i.user_id and i.provider_id = u.id::text as same, i.provider, i.email, raw_app_meta_data ->> 'role' as role,
            num_nulls(confirmation_token, recovery_token, email_change, email_change_token_new, email_change_token_current,
              phone_change, phone_change_token, reauthentication_token, email_confirmed_at) as nulls
          from auth.users u join auth.identities i on i.user_id = u.id order by u.email`,
        ),
      ).toEqual([
        { same: true, provider: "email", email: "cook@test.local", role: "cook", nulls: 0 },
        { same: true, provider: "email", email: "guest@test.local", role: null, nulls: 0 },
      ]);
      expect(await query(project.url, "select count(*)::int as count from notes")).toEqual([{ count: 4 }]);
    });
  });

  it("stay as they are in a second run, save for a password that changed", async () => {
    await withUsers(async (project) => {
      const everything =
        "select md5(string_agg(u::text || i::text, '' order by u.id)) from auth.users u join auth.identities i on i.user_id = u.id";
      await createTestUsers(project.target, {}, project.operation);
      const before = await query(project.url, everything);
      const again = await createTestUsers(project.target, {}, project.operation);
      expect(again.users.map(({ outcome }) => outcome)).toEqual(["there already", "there already"]);
      expect(await query(project.url, everything)).toEqual(before);

      project.write(".env", `PANTLER_ENGINE_URL=${project.url}\nTEST_USER_PASSWORD=another one\n`);
      const { target } = await project.reopen();
      const changed = await createTestUsers(target, {}, project.operation);
      expect(changed.users.map(({ outcome }) => outcome)).toEqual(["new password", "new password"]);
      expect(await verifies(project, "another one")).toHaveLength(2);
    });
  });

  it("keep the id under which somebody has made them already, and take addresses from variables", async () => {
    await withUsers(async (project) => {
      project.write(".env", `PANTLER_ENGINE_URL=${project.url}\nTEST_COOK_EMAIL=Chef@Test.Local\n`);
      await addUser(project, "guest@test.local");
      const { target } = await project.reopen();
      const { users } = await createTestUsers(target, {}, project.operation);
      const there = await query(project.url, "select id from auth.users order by email");
      expect(users.map(({ email, id }) => ({ email, id }))).toEqual([
        { email: "chef@test.local", id: there[0]?.id },
        { email: "guest@test.local", id: there[1]?.id },
      ]);
    });
  });

  it("are refused where real people are, unless the environment's exact name is given", async () => {
    await withUsers(async (project) => {
      await addUser(project, "base@demo.com");
      expect(await findSeedHazard(project.target)).toBeUndefined();
      await addUser(project, "ada@example.com");
      for (const work of [createTestUsers, seedEnvironment]) {
        for (const confirmed of [undefined, "Local", "production"]) {
          const error = await failure(work(project.target, { confirmed }, project.operation));
          expect(error).toMatchObject({ code: "real-users", exit: 3, state: "Nothing was done." });
        }
      }
      expect(await query(project.url, "select email from auth.users order by email")).toHaveLength(2);
      await createTestUsers(project.target, { confirmed: "local" }, project.operation);
      expect(await query(project.url, "select email from auth.users order by email")).toHaveLength(4);
    });
  });

  it("are refused on a protected environment in the same way", async () => {
    await withUsers(async (project) => {
      project.write(".env.production", `DATABASE_URL=${project.url}\n`);
      const { target } = await project.reopen("production");
      expect(await findSeedHazard(target)).toEqual({ isProtected: true, realUsers: 0 });
      const error = await failure(createTestUsers(target, {}, project.operation));
      expect(error).toMatchObject({ code: "real-users", exit: 3 });
      expect(error.remedy).toContain("--confirm production");
    });
  });

  it("leave nothing behind when their data cannot be made", async () => {
    await withUsers(async (project) => {
      await query(
        project.url,
        "create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end'",
      );
      await query(project.url, "create trigger no before insert on notes for each row execute function no()");
      const error = await failure(createTestUsers(project.target, {}, project.operation));
      expect(error).toMatchObject({ code: "test-data-failed", exit: 5, sqlstate: "P0001" });
      expect(await query(project.url, "select from auth.users")).toEqual([]);
    });
  });

  it("need a declaration", async () => {
    await withProject({}, async (project) => {
      expect(await failure(createTestUsers(project.target, {}, project.operation))).toMatchObject({
        code: "test-users-missing",
        exit: 2,
      });
    });
  });

  it("are not made from a definition that cannot be read", async () => {
    await withUsers(async (project) => {
      project.write("seed.ts", "export default { rows: 3 };\n");
      expect(await failure(createTestUsers(project.target, {}, project.operation))).toMatchObject({
        code: "data-invalid",
      });
      project.write("seed.ts", "export default {{;\n");
      expect(await failure(createTestUsers(project.target, {}, project.operation))).toMatchObject({
        code: "data-unreadable",
      });
      expect(await query(project.url, "select from auth.users")).toEqual([]);
    });
  });
});
