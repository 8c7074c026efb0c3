import { describe, expect, it } from "vitest";
import { renderRehearsed } from "../../src/cli/render-rehearsal.js";
import { type Rehearsal, renderRehearsal } from "../../src/index.js";

const place = { file: "supabase/migrations/020_types.sql", line: 14 };

const rehearsal: Rehearsal = {
  migrations: ["020"],
  statements: [
    {
      version: "020",
      ...place,
      text: "alter table opportunities alter column value type numeric | 2",
      milliseconds: 4180,
      locks: [{ table: "public.opportunities", mode: "AccessExclusiveLock" }],
      rewritten: ["public.opportunities"],
      scanned: ["public.opportunities"],
      rows: [],
      blocks: "everything",
    },
    {
      version: "020",
      file: place.file,
      line: 20,
      text: "insert into kinds values ('x')",
      milliseconds: 1,
      locks: [{ table: "public.kinds", mode: "RowExclusiveLock" }],
      rewritten: [],
      scanned: [],
      rows: [{ table: "public.kinds", inserted: 1, updated: 0, deleted: 0 }],
      blocks: "nothing",
    },
  ],
  tables: [
    {
      table: "public.opportunities",
      rows: 310_000,
      mode: "AccessExclusiveLock",
      heldMilliseconds: 4200,
      ...place,
    },
  ],
  risks: [
    "020_types.sql:14 rewrites public.opportunities (310,000 rows): every read and write of it waits for about 4.2 s, until the deployment commits.",
  ],
  checks: [
    {
      title: "values are kept",
      file: "supabase/checks/020_types.sql",
      line: 1,
      outcome: "passed",
      found: undefined,
      milliseconds: 12,
      within: undefined,
    },
  ],
  rollback: {
    status: "rows-differ",
    details: ["public.opportunities has other values in its 310000 rows than before"],
  },
  serverMajor: 17,
  schema: [],
  rows: [{ schema: "public", name: "opportunities", before: 310_000, after: 310_000, changed: true }],
  unfaithful: ["The extension pg_net was a stub in the rehearsal: what calls it was not rehearsed."],
  milliseconds: 9100,
};

describe("a rehearsal's report", () => {
  it("tells in Markdown what is riskiest first, and ends no cell of a table with what a file holds", () => {
    const report = renderRehearsal(rehearsal);
    expect(report.indexOf("waits for about 4.2 s")).toBeLessThan(report.indexOf("## Statements"));
    expect(report).toContain("# Rehearsal of 1 migration\n");
    expect(report).toContain("type numeric &#124; 2</code>");
    expect(report).toContain("| <code>public.opportunities</code> | 310,000 | access exclusive | 4.2 s |");
    expect(report).toContain("1 other statement did neither.");
    expect(report).toContain("1 check. All passed; the slowest took 12 ms: values are kept.");
    expect(report).toContain("but not every row.\n\n- public.opportunities has other values");
    expect(report).toContain("## Where the environment may behave differently");
    for (const line of report.split("\n").filter((each) => each.startsWith("| <code>020"))) {
      expect(line.split("|")).toHaveLength(7);
    }
  });

  it("says so when nothing is pending, or nothing will be noticed", () => {
    const none = {
      ...rehearsal,
      migrations: [],
      statements: [],
      tables: [],
      risks: [],
      rows: [],
      checks: [],
    };
    expect(renderRehearsal(none)).toContain("Nothing is pending.");
    expect(renderRehearsal({ ...rehearsal, risks: [] })).toContain("Nothing: no lock was held for long");
  });

  it("fits on a terminal", () => {
    const plain = (text: string) => text;
    const paint = { good: plain, bad: plain, warning: plain, dim: plain, bold: plain };
    expect(renderRehearsed(rehearsal, paint)).toBe(
      `✓ 1 migration rehearsed in 9.1 s
  ! 020_types.sql:14 rewrites public.opportunities (310,000 rows): every read and write of it waits for about 4.2 s, until the deployment commits.

statements that take a strong lock or their time
  020_types.sql:14  4.2 s  blocks everything  rewrites public.opportunities

locked tables
  public.opportunities  310,000 rows  access exclusive  4.2 s  020_types.sql:14

tables whose content changes
  public.opportunities  310,000  → 310,000 rows

✓ 1 check passed
! The rollback scripts bring back the schema, but not every row.
  · public.opportunities has other values in its 310000 rows than before
  ! The extension pg_net was a stub in the rehearsal: what calls it was not rehearsed.`,
    );
  });
});
