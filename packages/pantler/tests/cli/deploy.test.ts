import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pantler } from "../support/cli.js";
import { type Production, withProduction } from "../support/production.js";

const phrase = "APPLY MIGRATIONS production";

const note = {
  "migrations/20260202000000_note.sql": "alter table public.jars add column note text;",
  "rollbacks/20260202000000_note.sql": "alter table public.jars drop column note;",
};

async function applied({ sql }: Production): Promise<unknown> {
  const [row] = await sql("select count(*)::int as count from supabase_migrations.schema_migrations");
  return row?.count;
}

describe("pantler deploy", () => {
  it("deploys with the confirmation, and tells programs and people what it did", async () => {
    await withProduction(note, async (production) => {
      const summary = join(production.root, "summary.md");
      const run = await pantler(["deploy", "production", "--confirm", phrase, "--json"], {
        cwd: production.root,
        env: { GITHUB_STEP_SUMMARY: summary },
      });
      expect(run.code).toBe(0);
      expect(run.result).toMatchObject({
        ok: true,
        outcome: "applied",
        backup: { proven: true },
        rehearsal: { migrations: ["20260202000000"], rollback: { status: "proven" } },
      });
      expect(readFileSync(summary, "utf8")).toContain("# Deployed to production");
      const again = await pantler(["deploy", "production", "--confirm", phrase], { cwd: production.root });
      expect(again).toMatchObject({ code: 0, stdout: "Nothing is pending for production.\n" });
    });
  });

  it("without a confirmation, or with another one, refuses at once and changes nothing", async () => {
    await withProduction(note, async (production) => {
      for (const words of [[], ["--yes"], ["--confirm", "production"], ["--confirm", phrase.toLowerCase()]]) {
        const run = await pantler(["deploy", "production", "--json", ...words], { cwd: production.root });
        expect(run.code).toBe(3);
        expect(run.result).toMatchObject({
          ok: false,
          error: { code: "not-confirmed", remedy: `Confirm it: --confirm '${phrase}'` },
        });
      }
      expect(await applied(production)).toBe(1);
      expect(existsSync(join(production.root, "backups"))).toBe(false);
    });
  });

  it("tried only, shows what would happen and needs no confirmation", async () => {
    await withProduction(note, async (production) => {
      const run = await pantler(["deploy", "production", "--dry-run"], { cwd: production.root });
      expect(run.code).toBe(0);
      expect(run.stdout).toContain("1 migration rehearsed");
      expect(run.stdout).toContain("Rehearsed for production; nothing was deployed.");
      expect(await applied(production)).toBe(1);
    });
  });

  it("refuses what lint finds in the live data, in three lines and what there is to see", async () => {
    const strict = {
      "migrations/20260202000000_strict.sql": "alter table public.jars alter label set not null;",
    };
    await withProduction(strict, async (production) => {
      await production.sql("update jars set label = null where id <= 3");
      const summary = join(production.root, "summary.md");
      const run = await pantler(["deploy", "production", "--confirm", phrase], {
        cwd: production.root,
        env: { GITHUB_STEP_SUMMARY: summary },
      });
      expect(run.code).toBe(3);
      expect(readFileSync(summary, "utf8")).toMatch(/^# Not deployed to production\n\n.*3 rows/);
      expect(run.stderr).toContain("supabase/migrations/20260202000000_strict.sql:1:");
      expect(run.stderr).toContain("3 rows");
    });
  });

  it("names the environment that there is not, and the one whose address is missing", async () => {
    await withProduction({}, async (production) => {
      const run = await pantler(["deploy", "staging", "--confirm", "APPLY MIGRATIONS staging"], {
        cwd: production.root,
      });
      expect(run.code).toBe(2);
      expect(run.stderr).toContain("no environment named staging");
    });
  });
});

describe("pantler migration rehearse", () => {
  it("runs what is pending on a copy, and leaves the environment alone", async () => {
    await withProduction(note, async (production) => {
      const run = await pantler(["migration", "rehearse", "--env", "production", "--json"], {
        cwd: production.root,
      });
      expect(run.code).toBe(0);
      expect(run.result).toMatchObject({ backup: { proven: true }, migrations: ["20260202000000"] });
      expect(await applied(production)).toBe(1);
    });
  });

  it("answers no when a rollback script does not bring back the schema", async () => {
    const wrong = { ...note, "rollbacks/20260202000000_note.sql": "select 1;" };
    await withProduction(wrong, async (production) => {
      const run = await pantler(["migration", "rehearse", "--env", "production"], { cwd: production.root });
      expect(run.code).toBe(1);
      expect(run.stdout).toContain("The rollback scripts do not bring back the schema.");
    });
  });
});
