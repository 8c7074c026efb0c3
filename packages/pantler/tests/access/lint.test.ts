import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type AccessFinding, accessRules, DatabaseUrl, lintAccess, Operation } from "../../src/index.js";
import { accessFixtures, adaAndBen } from "../support/access-fixtures.js";
import { withRole } from "../support/database.js";
import { query } from "../support/inspect.js";
import { withProject } from "../support/project.js";

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
        "public.open is served by the API and has no row security: anon may select, insert, update and delete and authenticated may select, insert, update and delete any row.",
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
      const accept = [{ rule: "table-without-row-security", on: "public.open", because: "a demonstration" }];
      project.write("pantler.config.json", JSON.stringify({ access: { accept } }));
      const { target } = await project.reopen();
      const { findings, accepted } = await lintAccess(target.url, target.project, new Operation());
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
