import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type LintFinding, lintMigrations, lintRules, Operation, openProject } from "../../src/index.js";
import { failure } from "../support/failure.js";
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

describe("migration lint, of files that are not as they should be", () => {
  it("says that a file cannot be read as text, and goes on with the others", async () => {
    const findings = await lintFiles({
      "migrations/2_bytes.sql": new Uint8Array([0x73, 0xff, 0xfe, 0x00]),
      "migrations/3_fine.sql": "create tabel x;",
    });
    const own = findings.filter(({ file }) => !file.includes("1_before"));
    expect(own.map(({ rule, level }) => `${level} ${rule}`)).toEqual([
      "error file-unreadable",
      "warning rollback-missing",
      "error syntax",
      "warning rollback-missing",
    ]);
  });

  it("points at the line where the parser stops, with carriage returns, a mark and wide letters before it", async () => {
    const sql =
      "\uFEFF-- größer 日本 🍞\r\ncreate table\r\n  a (b int);\r\n\r\nselect 'é',\r\n  1 from from;\r\n";
    const findings = await lintOne(sql);
    expect(findings.find(({ rule }) => rule === "syntax")).toMatchObject({ line: 6 });
  });

  it("points at the column of a table, not only at its statement", async () => {
    const sql = `-- 日本
create table public.a (
  id bigint primary key,
  "größe" text, /* 🍞 */ customer_id bigint references public.customers,
  owner bigint
    references public.orders,
  updated_at timestamptz
);
revoke all on public.a from anon, authenticated;`;
    const findings = await lintOne(sql);
    expect(findings.map(({ rule, line }) => [rule, line])).toEqual([
      ["foreign-key-without-index", 4],
      ["foreign-key-without-index", 6],
    ]);
  });

  it("reads a file of many rows without keeping them", async () => {
    const rows = Array.from({ length: 60_000 }, (_, n) => `(${n}, 'body; of -- a row ${n}')`).join(",\n");
    const sql = `insert into public.legacy (id, body) values\n${rows};\ncreate index on public.orders (note);\n`;
    const began = performance.now();
    const findings = await lintOne(sql);
    expect(findings.map(({ rule, line }) => [rule, line])).toEqual([
      ["require-concurrent-index-creation", 60_002],
    ]);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("finds nothing in a folder without migrations, and refuses two files of one version", async () => {
    await withFolder({ "supabase/config.toml": "" }, async (root) => {
      const project = await openProject({ from: root, variables: {} });
      expect(await lintMigrations(project, undefined, {}, new Operation())).toEqual([]);
    });
    expect(await failure(lintFiles({ "migrations/1_again.sql": "select 1;" }))).toMatchObject({
      code: "version-twice",
      exit: 2,
    });
  });

  it("asks squawk of files whose names look like patterns", async () => {
    const rollback = { "rollbacks/2_a[b]*{c}?.sql": "select 1;" };
    const sql = "create index on public.orders (note);";
    const findings = await lintFiles({ "migrations/2_a[b]*{c}?.sql": sql, ...rollback }, ["2"]);
    expect(findings.map(({ rule }) => rule)).toEqual(["require-concurrent-index-creation"]);
  });

  it("judges what all files make together when no version is named", async () => {
    const findings = await lintFiles({
      "migrations/2_index.sql": "create index on public.orders (note);",
      "migrations/3_open.sql": "alter table public.legacy enable row level security;",
      "migrations/4_policy.sql": "create policy legacy_read on public.legacy using (true);",
      ...Object.fromEntries(
        [1, 2, 3, 4].map((n) => [
          `rollbacks/${n}_${["", "before", "index", "open", "policy"][n]}.sql`,
          "select 1;",
        ]),
      ),
    });
    expect(findings).toEqual([]);
  });

  it("describes every rule in the documents, with its level", () => {
    const text = readFileSync(fileURLToPath(new URL("../../../../docs/lint.md", import.meta.url)), "utf8");
    const described = [...text.matchAll(/^\| `([\w-]+)` \| (\w+) \|/gm)].map(([, name, level]) => [
      name,
      level,
    ]);
    expect(described).toEqual(Object.entries(lintRules).map(([name, { level }]) => [name, level]));
  });
});
