import { readFileSync } from "node:fs";
import fc from "fast-check";
import { loadModule, parseSync } from "libpg-query";
import { beforeAll, describe, expect, it } from "vitest";
import { blankLineComments, leadingWord, splitStatements } from "../../src/postgres/split-statements.js";

interface Measured {
  readonly text: string;
  readonly statements: readonly string[];
}

// Every text was pushed with Supabase CLI 3.1.0, in this order and by a superuser, to one empty database of PostgreSQL
// 17.10; the statements are the ledger's.
const measured: readonly Measured[] = JSON.parse(
  readFileSync(new URL("./fixtures/supabase-splits.json", import.meta.url), "utf8"),
);

const texts = (sql: string): string[] => splitStatements(sql).statements.map((statement) => statement.text);

/** Statements that hide semicolons, quotes and comments in each other. None is open at its end. */
const nasty = [
  "select 1",
  "select ';'",
  "select 'it''s;'",
  "select '\\'",
  "select E'\\';'",
  "select e'\\\\'",
  "select E'a'\n -- ' ;\n '\\';'",
  "select 'a'\n'\\'",
  "select U&'\\0e01;'",
  'select U&"a;" from (select 1 as "a;") v',
  "select N';', B'1', X'ff'",
  "select $$;$$",
  "select $ก$;$$;$a$;$ก$",
  "select $a$ $a ; $A$ ;$a$",
  "select 1 as a$b$",
  'select 1 as "a;b", 2 as "--", 3 as "$$"',
  'select 1 as """;"',
  "select 1 /* ; /* ' ; */ $$ ; */",
  "select 4/-- ; '\n2",
  "select 1 -/*;*/- 2",
  "/* ; */ select 1 /***/",
  "-- ; $$\nselect 1",
  "-- ลูกค้า 🧺;\r\nselect '🧺;'",
  "begin",
  "commit",
  "do $do$ begin perform 1; end; $do$",
  "create function f() returns int begin atomic select 1; select case when true then 1 end; end",
  'create or replace procedure p() language sql BEGIN\r\n\tATOMIC select 1 as end; select 2 as "case"; END',
  "create function f() returns int begin /* ; */ atomic select v.end from v; /* end; */ end",
  "create function f() returns int return 1",
  "create rule r as on insert to t do also (insert into t values (1); insert into t values (2))",
  "create table begin (atomic int)",
  "select begin atomic from t",
  "select (1), ((2))",
];

describe("splitting as the Supabase CLI does", () => {
  it("gives what the CLI recorded, byte for byte, for every measured file", () => {
    expect(measured.length).toBeGreaterThanOrEqual(60);
    for (const { text, statements } of measured)
      expect(texts(text), JSON.stringify(text)).toEqual(statements);
  });

  it("says where each statement starts in the string it was given", () => {
    for (const { text } of measured) {
      for (const statement of splitStatements(text).statements) {
        expect(text.slice(statement.offset, statement.offset + statement.text.length)).toBe(statement.text);
      }
    }
    expect(splitStatements("\ufeff\r\n-- a\r\nselect 1").statements).toEqual([
      { text: "-- a\r\nselect 1", offset: 3 },
    ]);
  });

  it("takes the semicolons that end a file inside a line comment for terminators", () => {
    expect(texts("select 1; -- a;;")).toEqual(["select 1", "-- a"]);
    expect(texts("select 1; -- a;;\n")).toEqual(["select 1", "-- a;;"]);
  });
});

describe("splitting what the CLI cannot push", () => {
  it("keeps the commands of a rule together although their own parentheses close before", () => {
    const rule = "create rule r as on insert to t do (insert into t values (1); insert into t values (2))";
    expect(texts(`${rule}; select 1`)).toEqual([rule, "select 1"]);
  });

  it("sees a body behind a comment between begin and atomic", () => {
    const routine = "create function f() returns int begin -- ;\n atomic select 1; end";
    expect(texts(`${routine}; select 1`)).toEqual([routine, "select 1"]);
  });

  it("does not take a column named begin with the alias atomic for a body", () => {
    expect(texts("select begin atomic from t; select 2")).toEqual(["select begin atomic from t", "select 2"]);
  });

  it("takes lines for psql out of the statements and leaves positions as they were", () => {
    const sql = "-- dump\n\n\\restrict abc\r\n\nselect 1\n  \\echo 'it''s; me'\n+ 1;\n\\unrestrict abc";
    const { statements, metaCommands } = splitStatements(sql);
    expect(metaCommands).toEqual([
      { text: "\\restrict abc", offset: sql.indexOf("\\restrict") },
      { text: "\\echo 'it''s; me'", offset: sql.indexOf("\\echo") },
      { text: "\\unrestrict abc", offset: sql.indexOf("\\unrestrict") },
    ]);
    expect(statements).toEqual([
      { text: `-- dump\n\n${" ".repeat(13)}\r\n\nselect 1\n  ${" ".repeat(17)}\n+ 1`, offset: 0 },
    ]);
  });

  it("starts a statement after a line for psql that comes before it", () => {
    const { statements } = splitStatements("\\connect other\nselect 1");
    expect(statements).toEqual([{ text: "select 1", offset: 15 }]);
  });

  it("leaves backslashes alone in quotes, in comments and after other text", () => {
    for (const sql of [
      "select '\n\\echo'",
      "/*\n\\echo */ select 1",
      "select $$\n\\echo$$",
      'select "\n\\echo"',
    ]) {
      expect(splitStatements(sql)).toEqual({ statements: [{ text: sql, offset: 0 }], metaCommands: [] });
    }
    expect(splitStatements("select 1 \\gset").metaCommands).toEqual([]);
  });

  it("comes to an end on text that is open at its end", () => {
    for (const open of [
      "'",
      '"',
      "E'\\",
      "E'a'\n",
      "$a$",
      "$a",
      "/*",
      "/* /* */",
      "(",
      "\\",
      "-",
      "/",
      "--",
    ]) {
      expect(texts(`select 1; select ${open}`)[0]).toBe("select 1");
    }
    expect(texts("create function f() begin atomic select 1; select 2;")).toHaveLength(1);
  });
});

describe("splitting anything", () => {
  beforeAll(loadModule);

  it("gives joined statements back", () => {
    const glue = fc.constantFrom(";", " ;\n", ";\r\n\t", ";;", "; ;", ";\u00a0", ";\f");
    const parts = fc.array(fc.tuple(fc.constantFrom(...nasty), glue), { maxLength: 12 });
    fc.assert(
      fc.property(parts, (pieces) => {
        const sql = pieces.map(([statement, end]) => `${statement}${end}`).join("");
        expect(texts(sql)).toEqual(pieces.map(([statement]) => statement));
      }),
      { numRuns: 1000 },
    );
  });

  it("finds the statements that Postgres' own parser finds", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...nasty), { minLength: 1, maxLength: 8 }), (pieces) => {
        const sql = pieces.join(";\n");
        const bytes = Buffer.from(sql);
        // libpg-query, unlike the server, does not continue a string behind a comment.
        if (blankLineComments(sql) !== sql && sql.includes("E'a'")) return;
        const parsed = parseSync(sql).stmts.map(
          (statement: { stmt_location?: number; stmt_len?: number }) => {
            const start = statement.stmt_location ?? 0;
            const end = statement.stmt_len === undefined ? bytes.length : start + statement.stmt_len;
            return bytes.subarray(start, end).toString().trim();
          },
        );
        expect(texts(sql)).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  it("loses nothing but blanks, terminators and lines for psql, whatever the text", () => {
    const scrap = fc.constantFrom(
      ..."';\"$\\-/*\n\r (){}eE1aก🧺",
      "$a$",
      "E'",
      "begin atomic ",
      "create function ",
      "end;",
    );
    fc.assert(
      fc.property(fc.array(scrap, { maxLength: 60 }), (scraps) => {
        const sql = scraps.join("");
        const { statements, metaCommands } = splitStatements(sql);
        const left: string[] = [];
        let at = 0;
        const taken = [...statements, ...metaCommands].sort((a, b) => a.offset - b.offset);
        for (const { text, offset } of taken) {
          if (offset > at) left.push(sql.slice(at, offset));
          at = Math.max(at, offset + text.length);
        }
        left.push(sql.slice(at));
        expect(left.join("").replace(/[;\s]/g, "")).toBe("");
      }),
      { numRuns: 2000 },
    );
  });

  it("reads hostile text in time that grows with its length alone", () => {
    const hostile = [
      "$a",
      "$a$b",
      "E'a'\n--\n",
      "/*",
      "(;",
      "'",
      "\\\n",
      ";\u00a0",
      "E'\\",
      "--\r",
      "begin atomic;",
      '";',
    ];
    for (const scrap of hostile) {
      const small = charactersRead(scrap.repeat(1000));
      const large = charactersRead(scrap.repeat(4000));
      expect(large, JSON.stringify(scrap)).toBeLessThan(small * 4.5 + 100);
    }
  });
});

describe("the leading word", () => {
  it("is found behind comments and in any case", () => {
    expect(leadingWord("-- a\r\n/* b /* c */ */ INSERT into t")).toBe("insert");
  });

  it("is empty when there is none", () => {
    for (const sql of ["", " -- a", "/* a", "(select 1)"]) expect(leadingWord(sql)).toBe("");
  });
});

describe("blanking line comments", () => {
  it("leaves every other character in its place", () => {
    const sql = "-- 🧺\r\nselect '--', $$--$$, /* -- */ E'a'\n -- ' ;\n '\\'--' -- c";
    const blanked = "     \r\nselect '--', $$--$$, /* -- */ E'a'\n       \n '\\'--'     ";
    expect(blankLineComments(sql)).toBe(blanked);
  });
});

/** Counts how often the splitter looks at a character, by lending it a string that keeps the count. */
function charactersRead(text: string): number {
  let count = 0;
  const counted = new Proxy(Object(text), {
    get(target, key) {
      if (key === "charCodeAt") {
        return (at: number) => {
          count++;
          return text.charCodeAt(at);
        };
      }
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(text) : value;
    },
  });
  splitStatements(counted as string);
  return count;
}
