import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type LintFinding, lintRules, migrateUp } from "../../src/index.js";
import { pantler } from "../support/cli.js";
import { query } from "../support/inspect.js";
import { withFolder, withProject } from "../support/project.js";
import { sarifValidator } from "../support/sarif.js";

const open = "create table public.notes (id bigint primary key, updated_at timestamptz);\n";
const project = {
  "supabase/config.toml": "",
  "supabase/migrations/1_open, 100%: wide.sql": open,
  "supabase/migrations/2_fine.sql": "select 1;\n",
  "supabase/rollbacks/2_fine.sql": "select 1;\n",
};

async function lint(root: string, ...words: string[]) {
  return await pantler(["migration", "lint", ...words], { cwd: root });
}

describe("pantler migration lint", () => {
  it("shows each finding with its file, line, rule, reason and remedy, and ends with 1 for an error", async () => {
    await withFolder(project, async (root) => {
      const { code, stdout } = await lint(root);
      expect(code).toBe(1);
      expect(stdout).toBe(`supabase/migrations/1_open, 100%: wide.sql
  1  error table-without-row-security
     public.notes is served by the API and has no row security: anon and authenticated may use every row.
     → alter table … enable row level security, and add the policies.
  1  warning rollback-missing
     The migration has no rollback script: the way back would be a restore of the whole backup.
     → Write it; pantler migration rehearse proves it.

1 error, 1 warning
`);
    });
  });

  it("ends with 0 when nothing is an error, and says so when there is nothing", async () => {
    await withFolder(
      { "supabase/config.toml": "", "supabase/migrations/2_a.sql": "select 1;" },
      async (root) => {
        const warned = await lint(root);
        expect(warned).toMatchObject({ code: 0 });
        expect(warned.stdout).toMatch(/\n1 warning\n$/);
        expect(await lint(root, "--format", "github")).toMatchObject({ code: 0 });
      },
    );
    await withFolder({ "supabase/config.toml": "" }, async (root) => {
      mkdirSync(join(root, "supabase/migrations"));
      expect(await lint(root)).toMatchObject({ code: 0, stdout: "Nothing was found.\n" });
    });
  });

  it("starts no database unless an environment is named", async () => {
    await withFolder(
      { ...project, ".env": "PANTLER_ENGINE_URL=postgres://nobody@127.0.0.1:1/none\n" },
      async (root) => {
        expect(await lint(root)).toMatchObject({ code: 1 });
        const { code, stderr } = await lint(root, "--env", "local");
        expect(code).toBe(4);
        expect(stderr).toContain("cannot be reached");
      },
    );
  });

  it("gives the findings as fields of the last line with --json, and as a list with --format json", async () => {
    await withFolder(project, async (root) => {
      const { result, code } = await lint(root, "--json");
      const findings = result.findings as LintFinding[];
      expect(code).toBe(1);
      expect(findings.map(({ rule }) => rule)).toEqual(["table-without-row-security", "rollback-missing"]);
      expect(Object.keys(findings[0] ?? {}).sort()).toEqual([
        "file",
        "level",
        "line",
        "message",
        "remedy",
        "rule",
      ]);
      const listed = await lint(root, "--format", "json");
      expect(JSON.parse(listed.stdout)).toEqual(findings);
    });
  });

  it("writes nothing but a SARIF document that fits the published schema", async () => {
    await withFolder(project, async (root) => {
      const { stdout, code } = await lint(root, "--format", "sarif");
      expect(code).toBe(1);
      const document = JSON.parse(stdout);
      const validate = sarifValidator();
      validate(document);
      expect(validate.errors).toBeNull();
      const [run] = document.runs;
      expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(Object.keys(lintRules));
      expect(run.results[0]).toMatchObject({
        ruleId: "table-without-row-security",
        level: "error",
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: "supabase/migrations/1_open%2C%20100%25%3A%20wide.sql" },
              region: { startLine: 1 },
            },
          },
        ],
      });
      for (const { ruleId, ruleIndex } of run.results) {
        expect(run.tool.driver.rules[ruleIndex].id).toBe(ruleId);
      }
      expect(validate({ ...document, version: "2.0.0" })).toBe(false);
    });
  });

  it("writes a SARIF document that fits the schema when nothing is found, too", async () => {
    await withFolder({ "supabase/config.toml": "" }, async (root) => {
      const { stdout } = await lint(root, "--format", "sarif");
      const validate = sarifValidator();
      expect(validate(JSON.parse(stdout))).toBe(true);
      expect(JSON.parse(stdout).runs[0].results).toEqual([]);
    });
  });

  it("escapes annotations as GitHub reads them, with paths from where it runs", async () => {
    await withFolder(project, async (root) => {
      const { stdout } = await lint(root, "--format", "github");
      expect(stdout.split("\n")[0]).toBe(
        "::error file=supabase/migrations/1_open%2C 100%25%3A wide.sql,line=1,title=table-without-row-security::public.notes is served by the API and has no row security: anon and authenticated may use every row. alter table … enable row level security, and add the policies.",
      );
      const above = await lint(dirname(root), "--format", "github", "--project", root);
      expect(above.stdout).toContain(`file=${root.slice(dirname(root).length + 1)}/supabase/migrations/`);
    });
  });

  it("lints what is pending on the environment that is named, by its rows", async () => {
    await withProject({ "1_a.sql": "create table t (id int primary key, name text);" }, async (shop) => {
      await migrateUp(shop.target, {}, shop.operation);
      await query(shop.url, "insert into t (id) values (1), (2), (3)");
      shop.write("supabase/migrations/2_b.sql", "\n\nalter table t alter column name set not null;\n");
      shop.write("supabase/rollbacks/2_b.sql", "alter table t alter column name drop not null;\n");
      const { code, stdout } = await lint(shop.root, "--env", "local");
      expect(code).toBe(1);
      expect(stdout).toContain("  3  error not-null-breaks\n");
      expect(stdout).toContain("3 rows of public.t have no value there (id: 1, 2, 3).");
      expect(stdout).not.toContain("1_a.sql");
    });
  });

  it("is quick: the reference project's text in well under a second of work", async () => {
    const root = fileURLToPath(new URL("../../../../projects/kitchenpantry", import.meta.url));
    const { lintMigrations, Operation, openProject } = await import("../../src/index.js");
    const opened = await openProject({ from: root, variables: {} });
    await lintMigrations(opened, undefined, {}, new Operation());
    const began = performance.now();
    await lintMigrations(opened, undefined, {}, new Operation());
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
