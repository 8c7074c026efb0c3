import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  type AccessFinding,
  accessRules,
  DatabaseUrl,
  lintAccess,
  Operation,
  openProject,
} from "../../src/index.js";
import { accessFixtures, adaAndBen } from "../support/access-fixtures.js";
import { withDatabase, withDatabaseUrl, withRole } from "../support/database.js";
import { query } from "../support/inspect.js";
import { withFolder, withProject } from "../support/project.js";

/** Lints a database of its own in which some SQL was run. */
async function lintOf(sql: string): Promise<readonly AccessFinding[]> {
  let findings: readonly AccessFinding[] = [];
  await withProject({}, async ({ url, target }) => {
    await query(url, adaAndBen);
    await query(url, sql);
    const lint = await lintAccess(DatabaseUrl.parse(url, "the test"), target.project, new Operation());
    findings = lint.findings;
  });
  return findings;
}

/** https://supabase.com/docs/guides/database/database-advisors */
const advisors = [
  ...["auth_users_exposed", "auth_rls_initplan", "rls_enabled_no_policy", "policy_exists_rls_disabled"],
  ...[
    "rls_disabled_in_public",
    "security_definer_view",
    "function_search_path_mutable",
    "extension_in_public",
  ],
  ...["multiple_permissive_policies", "unindexed_foreign_keys", "no_primary_key", "duplicate_index"],
  ...["foreign_table_in_api", "materialized_view_in_api", "rls_references_user_metadata"],
  ...["sensitive_columns_exposed", "rls_policy_always_true"],
];

const isGrave = ({ level }: AccessFinding) => level !== "info";

describe("access lint", () => {
  const leaky = accessFixtures("leaky");
  const sound = accessFixtures("sound");

  it("has at least twenty-five leaky schemas and ten sound ones to prove itself on", () => {
    expect(leaky.length).toBeGreaterThanOrEqual(25);
    expect(sound.length).toBeGreaterThanOrEqual(10);
  });

  it.concurrent.each(leaky)("finds in $name that $about", async ({ sql, rules }) => {
    const findings = await lintOf(sql);
    const found = new Set(findings.map(({ rule }) => rule));
    expect([...found]).toEqual(expect.arrayContaining([...rules]));
    const grave = new Set(findings.filter(isGrave).map(({ rule }) => rule));
    expect([...grave].filter((rule) => !rules.includes(rule))).toEqual([]);
    for (const { message, remedy, rule } of findings) {
      expect(message).toMatch(/\.$/);
      expect(remedy).not.toBe("");
      expect(accessRules).toHaveProperty(rule);
    }
  });

  it.concurrent.each(sound)("finds nothing wrong with $about ($name)", async ({ sql }) => {
    expect((await lintOf(sql)).filter(isGrave)).toEqual([]);
  });

  it("says what is exposed to whom, and calls it what Supabase's advisors do", async () => {
    const [finding] = await lintOf("create table public.open (id int primary key)");
    expect(finding).toMatchObject({
      rule: "table-without-row-security",
      level: "error",
      subject: "public.open",
      message:
        "public.open is served by the API and has no row security: anon and authenticated may select, insert, update and delete any row.",
    });
    expect(accessRules["table-without-row-security"].advisor).toBe("rls_disabled_in_public");
  });

  it("lets everybody read lookups, and strangers send messages, with a note and no more", async () => {
    const findings = await lintOf(`
      create table public.countries (code text primary key);
      create table public.messages (id bigint generated always as identity primary key, body text);
      alter table public.countries enable row level security;
      alter table public.messages enable row level security;
      create policy r on public.countries for select using (true);
      create policy w on public.messages for insert to anon with check (length(body) < 1000);`);
    expect(findings.map(({ rule, level }) => [rule, level])).toEqual([
      ["policy-always-true", "info"],
      ["policy-ignores-caller", "info"],
    ]);
  });

  it("does not take what is looked up by the row for a membership", async () => {
    const findings = await lintOf(`
      create table public.teams (id uuid primary key);
      create table public.projects (
        id uuid primary key, owner_id uuid not null references auth.users (id), team_id uuid references public.teams (id)
      );
      create table public.tasks (id uuid primary key, project_id uuid references public.projects (id));
      create index on public.projects (owner_id); create index on public.projects (team_id);
      create index on public.tasks (project_id);
      alter table public.teams enable row level security;
      alter table public.projects enable row level security;
      alter table public.tasks enable row level security;
      create policy own on public.projects for all to authenticated using (owner_id = (select auth.uid()));
      create policy own on public.tasks for all to authenticated using (exists (
        select from public.projects where projects.id = tasks.project_id
          and (projects.owner_id = (select auth.uid()) or projects.team_id in (select teams.id from public.teams))
      ));`);
    expect(findings.filter(isGrave)).toEqual([]);
  });

  it("lets people follow each other, and not make themselves administrators", async () => {
    const findings = await lintOf(`
      create table public.follows (
        follower_id uuid references auth.users (id), followed_id uuid references auth.users (id),
        primary key (follower_id, followed_id)
      );
      create table public.admins (user_id uuid primary key references auth.users (id), since date);
      create table public.posts (id uuid primary key, author_id uuid not null references auth.users (id));
      create index on public.follows (followed_id); create index on public.posts (author_id);
      alter table public.follows enable row level security;
      alter table public.admins enable row level security;
      alter table public.posts enable row level security;
      create policy own on public.follows for all to authenticated using (follower_id = (select auth.uid()));
      create policy own on public.admins for insert to authenticated with check (user_id = (select auth.uid()));
      create policy followed on public.posts for select to authenticated using (
        author_id in (select followed_id from public.follows where follower_id = (select auth.uid())));
      create policy staff on public.posts for delete to authenticated
        using ((select auth.uid()) in (select user_id from public.admins));`);
    expect(findings.filter(isGrave).map(({ rule, subject }) => [rule, subject])).toEqual([
      ["membership-self-service", "public.admins"],
    ]);
  });

  it("takes the default rights of a schema that the API does not serve for nobody's business", async () => {
    expect(await lintOf("create schema inside; create table inside.t (id int primary key)")).toEqual([]);
  });

  it("knows the rules of Supabase's advisors that look at who may see what", () => {
    const known = Object.values(accessRules).flatMap(({ advisor }) => advisor?.split(", ") ?? []);
    expect(known).toEqual(expect.arrayContaining(advisors));
  });

  it("accepts what the config accepts, and keeps the reason", async () => {
    await withProject({}, async (project) => {
      await query(project.url, "create table public.open (id int primary key)");
      const accept = [
        { rule: "table-without-row-security", on: "public.open", because: "a demonstration" },
        { rule: "public-bucket", on: "bucket logos", because: "it was there once" },
      ];
      project.write("pantler.config.json", JSON.stringify({ access: { accept } }));
      const { target } = await project.reopen();
      const said: unknown[] = [];
      const operation = new Operation((event) => said.push(event));
      const { findings, accepted } = await lintAccess(target.url, target.project, operation);
      expect(JSON.stringify(said)).toContain("names public-bucket on bucket logos, which was not found");
      expect([findings, accepted]).toMatchObject([
        [],
        [{ subject: "public.open", because: "a demonstration" }],
      ]);
    });
  });

  it("reads catalogs as a role that owns nothing, and changes nothing", async () => {
    await withRole(
      async (role) => {
        await withProject({}, async ({ url, target }) => {
          await query(url, "create table public.open (id int primary key)");
          const reader = target.url.with({ user: role, password: "x" });
          const said: unknown[] = [];
          const operation = new Operation((event) => said.push(event));
          const { findings } = await lintAccess(reader, target.project, operation);
          expect(findings.map(({ rule }) => rule)).toEqual(["table-without-row-security"]);
          expect(JSON.stringify(said)).toContain("may not read storage.buckets");
        });
      },
      { options: "login password 'x'" },
    );
  });

  it("finds foreign tables, which nothing can protect, and what is granted in vain", async () => {
    await withDatabase(async ({ admin, url }) => {
      await admin.query(`
        create extension postgres_fdw schema extensions;
        create server elsewhere foreign data wrapper postgres_fdw;
        create foreign table public.far (id int) server elsewhere;
        grant select on public.far to anon;
        create table public.jobs (id int primary key);
        alter table public.jobs enable row level security;
        grant select on public.jobs to authenticated;
        create policy own on public.jobs to service_role using (true);`);
      await withFolder({ "supabase/config.toml": "" }, async (root) => {
        const project = await openProject({ from: root, variables: {} });
        const { findings } = await lintAccess(DatabaseUrl.parse(url, "the test"), project, new Operation());
        expect(findings.map(({ rule, subject, level }) => [rule, subject, level])).toEqual([
          ["foreign-table-exposed", "public.far", "error"],
          ["closed-table-granted", "public.jobs", "info"],
        ]);
      });
    });
  });

  it("notes what may be meant so, and what could be better", async () => {
    const findings = await lintOf(`
      create extension hstore schema public;
      create table public.logs (what text);
      alter table public.logs enable row level security;
      create table public.teams (id int primary key, owner_id uuid not null references auth.users (id));
      create table public.papers (id int primary key, team_id int not null references public.teams (id));
      create index on public.teams (owner_id); create index on public.papers (team_id);
      alter table public.teams enable row level security;
      alter table public.papers enable row level security;
      create policy a on public.teams for select to authenticated using (owner_id = (select auth.uid()));
      create policy b on public.teams for select to authenticated using (id = 1);
      create policy a on public.papers for select to authenticated using (exists (
        select from public.teams where teams.id = papers.team_id and teams.owner_id = (select auth.uid())));`);
    expect(findings.map(({ rule, subject, level }) => [level, rule, subject])).toEqual([
      ["warning", "extension-in-api-schema", "extension hstore"],
      ["info", "policy-subquery-per-row", 'policy "a" on public.papers'],
      ["info", "no-primary-key", "public.logs"],
      ["info", "row-security-without-policy", "public.logs"],
      ["info", "several-permissive-policies", "public.teams"],
    ]);
  });

  it("describes every rule in the documents, with its level", () => {
    const text = readFileSync(fileURLToPath(new URL("../../../../docs/access.md", import.meta.url)), "utf8");
    const described = [...text.matchAll(/^\| `([\w-]+)` \| (\w+) \|.* \| (.*) \|$/gm)].map(
      ([, name, level, advisor]) => [name, level, advisor?.replaceAll("`", "")],
    );
    const rules = Object.entries(accessRules).map(([name, { level, advisor }]) => [
      name,
      level,
      advisor ?? "",
    ]);
    expect(described).toEqual(rules);
  });
});

describe("access lint, of databases that are not like the others", () => {
  it("judges a database that Supabase has never seen", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `create table public.t (id int primary key, parent int references public.t (id));
         create function public.f() returns int language sql as 'select 1';
         create view public.v as select * from public.t;`,
      );
      await withFolder({ "supabase/config.toml": "" }, async (root) => {
        const project = await openProject({ from: root, variables: {} });
        const { findings } = await lintAccess(DatabaseUrl.parse(url, "the test"), project, new Operation());
        expect(findings.filter(isGrave).map(({ rule }) => rule)).toEqual([]);
      });
    }, "template0");
  });

  it("judges one with everything that a schema can hold", async () => {
    const sql = readFileSync(
      fileURLToPath(new URL("../fixtures/torture-supabase.sql", import.meta.url)),
      "utf8",
    );
    await withDatabase(async ({ admin, url }) => {
      await admin.query(sql);
      await withFolder({ "supabase/config.toml": "" }, async (root) => {
        const project = await openProject({ from: root, variables: {} });
        const { findings } = await lintAccess(DatabaseUrl.parse(url, "the test"), project, new Operation());
        expect(findings.length).toBeGreaterThan(0);
      });
    });
  });

  it("follows the server in what it takes for a circle of policies", async () => {
    const table = (name: string, reads: string, command = "select") => `
      create table public.${name} (id int primary key, owner_id uuid);
      alter table public.${name} enable row level security;
      create policy p on public.${name} for ${command} to authenticated using (${reads});`;
    const cases: Record<string, boolean> = {
      [`${table("a", "true")} ${table("b", "id in (select id from public.a)")}`]: false,
      [`create table public.b (id int); ${table("a", "id in (select id from public.b)")}
        alter table public.b enable row level security;
        create policy p on public.b for select to authenticated using (id in (select id from public.a));`]: true,
      // Reading the table itself for a change is fine where nothing comes back from reading it.
      [`${table("a", "id in (select x.id from public.a x)", "delete")}
        create policy r on public.a for select to authenticated using (true);`]: false,
      [`${table("a", "true")} create view public.v as select * from public.a;
        alter policy p on public.a using (id in (select id from public.v));`]: false,
      [`${table("a", "true")} create view public.v with (security_invoker = on) as select * from public.a;
        alter policy p on public.a using (id in (select id from public.v));`]: true,
    };
    for (const [sql, isCircle] of Object.entries(cases)) {
      await withDatabase(async ({ client, url }) => {
        await client.query(sql);
        await client.query("begin; set local role authenticated");
        const codes: unknown[] = [];
        for (const statement of ["select count(*) from public.a", "delete from public.a"]) {
          await client.query("savepoint s");
          await client.query(statement).catch((error: { code?: string }) => codes.push(error.code));
          await client.query("rollback to s");
        }
        expect(codes.includes("42P17")).toBe(isCircle);
        await client.query("rollback");
        await withFolder({ "supabase/config.toml": "" }, async (root) => {
          const project = await openProject({ from: root, variables: {} });
          const { findings } = await lintAccess(DatabaseUrl.parse(url, "the test"), project, new Operation());
          expect(findings.some(({ rule }) => rule === "policy-recursion")).toBe(isCircle);
        });
      });
    }
  });
});

describe("access lint, of what a policy comes to", () => {
  const everySignedIn = [
    "auth.uid() is not null",
    "(select auth.uid()) is not null",
    "auth.role() = 'authenticated'",
    "'authenticated' = (select auth.role())",
    "auth.role() in ('authenticated', 'anon')",
    "auth.role() <> 'anon'",
    "(auth.jwt() ->> 'role') = 'authenticated'",
    "(auth.jwt() ->> 'sub') is not null",
    "current_user = 'authenticated'",
    "current_setting('request.jwt.claim.role', true) = 'authenticated'",
    "1 = 1 or owner_id = auth.uid()",
    "not (auth.uid() is null)",
    "id is not null and true",
    "coalesce(true, owner_id = auth.uid())",
  ];
  const narrower = [
    "owner_id = auth.uid()",
    "auth.role() = 'service_role'",
    "auth.uid() is not null and owner_id = auth.uid()",
    "(auth.jwt() ->> 'aal') = 'aal2'",
    "false",
    "owner_id is not null and coalesce(owner_id = auth.uid(), false)",
    "current_setting('app.tenant', true) = 'x'",
  ];

  it("knows what is true of everybody who signs in, and what is not", async () => {
    const policies = [...everySignedIn, ...narrower].map(
      (expression, at) => `
        create table public.t${at} (id int primary key, owner_id uuid);
        alter table public.t${at} enable row level security;
        create policy p on public.t${at} for delete to authenticated using (${expression});`,
    );
    const wide = (await lintOf(policies.join("\n"))).filter(({ rule }) => rule === "policy-always-true");
    const numbers = wide
      .map(({ subject }) => Number(/public\.t(\d+)$/.exec(subject)?.[1]))
      .sort((a, b) => a - b);
    expect(numbers).toEqual(everySignedIn.map((_, at) => at));
  });

  it("lets a function that runs as its owner read what everybody may read anyway", async () => {
    const findings = await lintOf(`
      create table public.places (id int primary key, name text);
      alter table public.places enable row level security;
      create policy r on public.places for select using (true);
      create function public.search(words text) returns setof public.places language sql stable security definer
        set search_path = '' as $$ select * from public.places where name like words $$;`);
    expect(findings.filter(isGrave)).toEqual([]);
  });
});
