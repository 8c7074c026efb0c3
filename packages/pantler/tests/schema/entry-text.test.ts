import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareSchemas, type DumpEntry, parseEntries, renderEntries } from "../../src/schema/index.js";
import { withDatabaseUrl } from "../support/database.js";
import { dumpOf } from "../support/dumping.js";
import { failure } from "../support/failure.js";
import { schemaOf } from "../support/inspect.js";
import { loadTorture, loadTortureOfSupabase } from "../support/torture.js";

/** Text with what could be taken for the end of something. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\n",
        "\r\n",
        "\r",
        "\\restrict",
        "$$",
        ";",
        "'",
        '"',
        "-- entry {}",
        '\n-- entry {"lines":1}\n',
        "\u2028",
        "é😀",
      ),
    ),
  )
  .map((parts) => parts.join(""));

const name = fc.record({ schema: text, name: text });

const entry: fc.Arbitrary<DumpEntry> = fc.record(
  {
    section: fc.constant("pre" as const),
    type: text,
    schema: fc.option(text, { nil: undefined }),
    name: text,
    owner: text,
    sql: text,
    relation: name,
    references: name,
  },
  { requiredKeys: ["section", "type", "schema", "name", "owner", "sql"] },
);

const psql = ["/usr/lib/postgresql/15/bin/psql", "/usr/bin/psql"].find((path) => existsSync(path));

describe("the text of entries", () => {
  it("is read back exactly, whatever is in it", () => {
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        expect(parseEntries(renderEntries(entries), "pre")).toEqual(entries);
      }),
    );
  });

  it("is read back exactly for everything that can be dumped", async () => {
    await withDatabaseUrl(async (url) => {
      await loadTorture(url);
      await loadTortureOfSupabase(url);
      const { entries } = await dumpOf(url);
      for (const section of ["pre", "post"] as const) {
        const own = entries.filter((each) => each.section === section);
        expect(parseEntries(renderEntries(own), section)).toEqual(own);
      }
    });
  });

  it.skipIf(!psql)("is a script for psql", async () => {
    await withDatabaseUrl(async (source) => {
      await loadTorture(source, { without: ["beyond pg_dump"] });
      const { entries } = await dumpOf(source);
      await withDatabaseUrl(async (copy) => {
        const run = spawnSync(psql ?? "", ["-X", "-q", "-v", "ON_ERROR_STOP=1", copy], {
          input: `set search_path = ''; set check_function_bodies = off;\n${renderEntries(entries)}`,
          encoding: "utf8",
          env: {
            PATH: process.env.PATH,
            PGOPTIONS: "-c client_min_messages=warning",
            PGCLIENTENCODING: "UTF8",
          },
        });
        expect(run).toMatchObject({ status: 0, stderr: "", stdout: "" });
        expect(compareSchemas(await schemaOf(source), await schemaOf(copy))).toEqual([]);
      });
    });
  });

  it("is refused where it was changed", async () => {
    const written = renderEntries([
      {
        section: "pre",
        type: "TABLE",
        schema: "s",
        name: "t",
        owner: "o",
        sql: "create table s.t ();\n\nselect 1;",
      },
    ]);
    const refusal = async (changed: string) =>
      (await failure((async () => parseEntries(changed, "pre"))())).message;
    expect(await refusal(written.slice(0, -12))).toMatch(/^Line 1 .* cut off/);
    expect(await refusal(`${written}select 2;\n`)).toMatch(/^Line 5 .* an entry should begin here/);
    expect(await refusal(written.replace('"lines":3', '"lines":"3"'))).toMatch(/^Line 1 .* header/);
    expect(await refusal(written.replace('"lines":3', '"lines":3,'))).toMatch(/^Line 1 .* header/);
    expect(await refusal(written.replace('"lines":3', '"lines":2'))).toMatch(
      /^Line 4 .* an entry should begin here/,
    );
  });
});
