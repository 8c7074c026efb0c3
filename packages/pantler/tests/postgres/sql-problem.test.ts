import type pg from "pg";
import { describe, expect, it } from "vitest";
import { describeSqlProblem } from "../../src/postgres/index.js";
import { withDatabase } from "../support/database.js";

/**
 * Lets the server fail on a statement, and puts the failure into words.
 * @param text the file's whole text
 * @param statement the part of it that is run; all of it by default
 */
async function problemOf(client: pg.Client, text: string, statement = text) {
  const error: unknown = await client.query(statement).then(
    () => new Error("the statement should have failed"),
    (caught: unknown) => caught,
  );
  return describeSqlProblem(error, { file: "1_a.sql", text, offset: text.indexOf(statement) });
}

/** What the caret of a problem points at, where every character before it is one column wide. */
function pointedAt(detail: string): string {
  const [line = "", caret = ""] = detail.split("\n");
  return line.slice(caret.indexOf("^"));
}

describe("a failed statement is described", () => {
  it("with file, line, column, the line and a caret", async () => {
    await withDatabase(async ({ client }) => {
      expect(await problemOf(client, "select 1,\n  2 as two,\n  jars\nfrom pg_class;")).toEqual({
        message: '1_a.sql:3:3: column "jars" does not exist (42703)',
        detail: ["3 |   jars", "  |   ^"].join("\n"),
        sqlstate: "42703",
        line: 3,
        column: 3,
      });
    });
  });

  it("at its place in the file, not in the statement", async () => {
    await withDatabase(async ({ client }) => {
      const text = "select 1;\nselect 2; select jars;\n";
      expect(await problemOf(client, text, "select jars")).toMatchObject({
        line: 2,
        column: 18,
        detail: "2 | select 2; select jars;\n  |                  ^",
      });
    });
  });

  it("with the server's detail", async () => {
    await withDatabase(async ({ client }) => {
      await client.query("create table jars (id int primary key); insert into jars values (7)");
      const { message, detail } = await problemOf(client, "insert into jars values (7);");
      expect(message).toBe('1_a.sql:1:1: duplicate key value violates unique constraint "jars_pkey" (23505)');
      expect(detail).toContain("\ndetail: Key (id)=(7) already exists.");
    });
  });

  it("with the server's hint", async () => {
    await withDatabase(async ({ client }) => {
      await client.query("create table jars (label text)");
      const { detail } = await problemOf(client, "select lable from jars;");
      expect(detail).toContain('\nhint: Perhaps you meant to reference the column "jars.label".');
    });
  });

  it("with where in a function it happened", async () => {
    await withDatabase(async ({ client }) => {
      const { detail } = await problemOf(client, "do $$ begin perform 1 / 0; end $$;");
      expect(detail).toContain("\ncontext: ");
      expect(detail).toContain("PL/pgSQL function inline_code_block line 1 at PERFORM");
    });
  });

  it("at its end when it breaks off", async () => {
    await withDatabase(async ({ client }) => {
      const text = "select\n  (1";
      expect(await problemOf(client, text)).toMatchObject({
        message: "1_a.sql:2:5: syntax error at end of input (42601)",
        detail: "2 |   (1\n  |     ^",
      });
    });
  });
});

describe("the place of an error is right", () => {
  const scripts: Readonly<Record<string, string>> = {
    "after Thai, whose marks are characters of their own": "select 'กำลังทดสอบ น้ำ', jars;",
    "after characters outside the basic plane": "select '🥫🫙 𝒳', jars;",
    "after ideographs": "select '食品庫', jars;",
    "after accents in both forms": "select 'é e\u0301', jars;",
  };
  for (const [what, text] of Object.entries(scripts)) {
    it(what, async () => {
      await withDatabase(async ({ client }) => {
        const { line, column } = await problemOf(client, text);
        expect(line).toBe(1);
        expect([...text].slice(column - 1).join("")).toBe("jars;");
      });
    });
  }

  it("on lines after such characters, within Windows line ends", async () => {
    await withDatabase(async ({ client }) => {
      const text = "-- กำลัง 🥫 食品\r\nselect '🥫',\r\n  jars,\r\n  1;\r\n";
      expect(await problemOf(client, text)).toMatchObject({
        line: 3,
        column: 3,
        detail: "3 |   jars,\n  |   ^",
      });
    });
  });

  it("in a file that begins with a byte-order mark", async () => {
    await withDatabase(async ({ client }) => {
      const text = "\uFEFFselect jars;\nselect 1;";
      const problem = await problemOf(client, text, "select jars");
      expect(problem).toMatchObject({ line: 1, column: 8, detail: "1 | select jars;\n  |        ^" });
    });
  });

  it("under tabs, which the caret's line repeats", async () => {
    await withDatabase(async ({ client }) => {
      const { column, detail } = await problemOf(client, "select\n\t\tjars\t-- here\n;");
      expect(column).toBe(3);
      expect(detail).toBe("2 | \t\tjars\t-- here\n  | \t\t^");
    });
  });

  it("under wide characters, which take two columns, and marks, which take none", async () => {
    await withDatabase(async ({ client }) => {
      const { detail } = await problemOf(client, "select '食🥫น้ำ', jars;");
      const [, caret = ""] = detail.split("\n");
      // `select `, the quotes with comma and blank, two wide characters, and three Thai ones of which one is a mark.
      expect(caret.length - "  | ".length - 1).toBe(7 + 4 + 4 + 2);
    });
  });

  it("in a long file", async () => {
    await withDatabase(async ({ client }) => {
      const text = `${"select 1; -- 🥫\n".repeat(1200)}select jars;`;
      const { message, detail } = await problemOf(client, text, "select jars;");
      expect(message).toContain("1_a.sql:1201:8: ");
      expect(pointedAt(detail)).toBe("jars;");
    });
  });
});

describe("an error without a position", () => {
  const comments: Readonly<Record<string, string>> = {
    "under its first word": "",
    "under its first word after line comments": "-- one\n  -- two\n",
    "under its first word after block comments, nested ones too": "/* one /* two */ three */ /**/\n",
    "under its first word after blank lines": "\n\r\n\t ",
  };
  for (const [what, before] of Object.entries(comments)) {
    it(`is shown ${what}`, async () => {
      await withDatabase(async ({ client }) => {
        const text = `select 1;${before}drop table jars;`;
        const { detail } = await problemOf(client, text, text.slice("select 1;".length));
        expect(pointedAt(detail)).toBe("drop table jars;");
      });
    });
  }

  it("is shown at a place that the caller knows better", async () => {
    await withDatabase(async ({ client }) => {
      const text = "begin; drop table jars; end;";
      const error: unknown = await client.query("drop table jars").catch((caught: unknown) => caught);
      const source = { file: "1_a.sql", text, offset: 0 };
      expect(pointedAt(describeSqlProblem(error, source, 7).detail)).toBe("drop table jars; end;");
    });
  });

  it("may come from something else than the server", () => {
    const problem = describeSqlProblem(new Error("the connection broke"), {
      file: "1_a.sql",
      text: "select 1;",
      offset: 0,
    });
    expect(problem).toEqual({
      message: "1_a.sql:1:1: the connection broke",
      detail: "1 | select 1;\n  | ^",
      sqlstate: undefined,
      line: 1,
      column: 1,
    });
  });
});
