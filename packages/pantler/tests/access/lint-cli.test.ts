import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { accessRules } from "../../src/index.js";
import { adaAndBen } from "../support/access-fixtures.js";
import { type CliRun, pantler } from "../support/cli.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";
import { sarifValidator } from "../support/sarif.js";

const open = "create table public.open (id int primary key);";

const perRow = `
create table public.notes (id int primary key, owner_id uuid not null references auth.users (id));
create index notes_owner_id_idx on public.notes (owner_id);
alter table public.notes enable row level security;
create policy own on public.notes for all to authenticated using (owner_id = auth.uid());
insert into public.notes select row_number() over (), id from auth.users;
`;

const config = {
  access: {
    identities: [{ name: "ada", email: "ada@example.com" }],
    accept: [{ rule: "table-without-row-security", on: "public.open", because: "it is a demonstration" }],
  },
};

async function withSchema(sql: string, test: (project: TestProject) => Promise<void>): Promise<void> {
  await withProject({}, async (project) => {
    await query(project.url, adaAndBen);
    await query(project.url, sql);
    await test(project);
  });
}

async function lint({ root }: TestProject, ...words: string[]): Promise<CliRun> {
  return await pantler(["access", "lint", ...words], { cwd: root });
}

describe("pantler access lint", () => {
  it("shows each finding under what it is about, and ends with 1 for an error", async () => {
    await withSchema(open, async (project) => {
      const { code, stdout } = await lint(project);
      expect(code).toBe(1);
      expect(stdout).toBe(`public.open
  error table-without-row-security
    public.open is served by the API and has no row security: anon and authenticated may select, insert, update and delete any row.
    → alter table … enable row level security, and add the policies.

1 error
`);
      project.write("pantler.config.json", JSON.stringify(config));
      const accepted = await lint(project);
      expect(accepted).toMatchObject({
        code: 0,
        stdout: "Nothing was found. 1 finding accepted by the config.\n",
      });
    });
  });

  it("writes SARIF that fits the published schema, and annotations for GitHub", async () => {
    await withSchema(open, async (project) => {
      const { stdout } = await lint(project, "--format", "sarif");
      const document = JSON.parse(stdout);
      const validate = sarifValidator();
      validate(document);
      expect(validate.errors).toBeNull();
      const [run] = document.runs;
      expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(Object.keys(accessRules));
      expect(run.results).toMatchObject([
        { level: "error", locations: [{ logicalLocations: [{ fullyQualifiedName: "public.open" }] }] },
      ]);
      const annotations = await lint(project, "--format", "github");
      expect(annotations.stdout).toMatch(
        /^::error title=table-without-row-security::public\.open is served /,
      );
    });
  });

  it("writes a migration with its rollback for what can be rewritten", async () => {
    await withSchema(perRow, async (project) => {
      project.write("pantler.config.json", JSON.stringify(config));
      const { code, result } = await lint(project, "--fix", "--name", "ask once", "--json");
      expect(code).toBe(0);
      expect(result).toMatchObject({ ok: true, fixed: [{ rule: "policy-function-per-row" }], unproven: [] });
      for (const folder of ["migrations", "rollbacks"]) {
        expect(existsSync(join(project.root, `supabase/${folder}/${result.version}_ask_once.sql`))).toBe(
          true,
        );
      }
    });
  });
});
