import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type LintFinding, lintMigrations, Operation, openProject } from "../../src/index.js";
import { withFolder } from "../support/project.js";

const fixtures = fileURLToPath(new URL("../fixtures/lint/", import.meta.url));
const before = readFileSync(join(fixtures, "before.sql"), "utf8");

const rollbacks = { none: undefined, empty: "-- to be written\n", broken: "drop tabel x;\n" };

/** Lints one migration after the one that makes what is there before; it has a rollback unless it says otherwise. */
async function lintOne(sql: string | Uint8Array): Promise<LintFinding[]> {
  const said = /^-- rollback: (none|empty|broken)$/m.exec(String(sql))?.[1] as
    | keyof typeof rollbacks
    | undefined;
  const rollback = said === undefined ? "select 1;\n" : rollbacks[said];
  return await lintFiles(
    {
      "migrations/2_after.sql": sql,
      ...(rollback === undefined ? {} : { "rollbacks/2_after.sql": rollback }),
    },
    ["2"],
  );
}

async function lintFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  versions?: readonly string[],
): Promise<LintFinding[]> {
  const inside = Object.entries(files).map(([path, content]) => [`supabase/${path}`, content]);
  const all = {
    "supabase/config.toml": "",
    "supabase/migrations/1_before.sql": before,
    ...Object.fromEntries(inside),
  };
  let findings: LintFinding[] = [];
  await withFolder(all, async (root) => {
    const project = await openProject({ from: root, variables: {} });
    const request = versions === undefined ? {} : { versions: new Set(versions) };
    findings = await lintMigrations(project, undefined, request, new Operation());
  });
  return findings;
}

function namesOf(folder: string): string[] {
  return readdirSync(join(fixtures, folder)).map((name) => name.replace(/\.sql$/, ""));
}

describe("migration lint, by text alone", () => {
  it.each(namesOf("bad"))("finds what is wrong with %s, and nothing else", async (name) => {
    const sql = readFileSync(join(fixtures, "bad", `${name}.sql`), "utf8");
    const expected = /^-- finds: (.*)$/m.exec(sql)?.[1]?.split(", ");
    const findings = await lintOne(sql);
    expect(findings.map(({ rule }) => rule).sort()).toEqual(expected?.sort());
    for (const { file, line, message, remedy } of findings) {
      expect(file).toMatch(/^supabase\/(migrations|rollbacks)\/2_after\.sql$/);
      expect(line).toBeGreaterThan(0);
      expect(message).toMatch(/\.$/);
      expect(remedy).not.toBe("");
    }
  });

  it.each(namesOf("good"))("finds nothing wrong with %s", async (name) => {
    expect(await lintOne(readFileSync(join(fixtures, "good", `${name}.sql`), "utf8"))).toEqual([]);
  });

  it("has at least thirty bad migrations and fifteen good ones to prove itself on", () => {
    expect(namesOf("bad").length).toBeGreaterThanOrEqual(30);
    expect(namesOf("good").length).toBeGreaterThanOrEqual(15);
  });
});
