import { beforeAll, describe, expect, it } from "vitest";
import { classifyStatement, isOrdinary, loadParser, SqlSyntaxProblem } from "../../src/postgres/classify.js";

beforeAll(loadParser);

function refusal(text: string): SqlSyntaxProblem {
  try {
    classifyStatement(text);
  } catch (error) {
    if (error instanceof SqlSyntaxProblem) return error;
    throw error;
  }
  throw new Error(`was not refused: ${text}`);
}

describe("what a statement needs of its transaction", () => {
  it.each([
    "create unique index concurrently on s.t (a)",
    "drop index concurrently if exists s.i",
    "reindex index concurrently i",
    "reindex (verbose, concurrently on) table t",
    "reindex database d",
    "reindex system d",
    "reindex schema s",
    "vacuum",
    "vacuum (full, analyze) t",
    "create database d",
    "drop database if exists d",
    "create tablespace s location '/s'",
    "drop tablespace s",
    "alter system set work_mem = '1MB'",
    "alter system reset all",
    "alter database d set tablespace s",
    "cluster",
    "cluster verbose",
    "create subscription s connection 'c' publication p",
    "create subscription s connection 'c' publication p with (create_slot)",
    "drop subscription s",
    "alter subscription s refresh publication",
    "alter subscription s set publication p",
    "alter subscription s add publication p with (refresh = true)",
    "alter subscription s set (failover = true)",
    "alter table t detach partition p concurrently",
    "discard all",
    "commit prepared 'x'",
    "-- why\nrollback prepared 'x'",
  ])("has to run outside: %s", (text) => {
    expect(isOrdinary(text)).toBe(false);
    const { need, why } = classifyStatement(text);
    expect(need).toBe("outside");
    expect(why).toMatch(/^[a-z ]+ cannot run inside a transaction$/);
  });

  it.each([
    "create index on t (a)",
    "drop index i",
    "reindex (concurrently false) table t",
    "reindex (concurrently 0) table t",
    "reindex index i",
    "analyze t",
    "cluster t using i",
    "alter database d set work_mem = '1MB'",
    "alter database d rename to e",
    "create subscription s connection 'c' publication p with (connect = false)",
    "create subscription s connection 'c' publication p with (create_slot = off)",
    "create subscription s connection 'c' publication p with (create_slot = 'OFF')",
    "alter subscription s disable",
    "alter subscription s drop publication p with (refresh = false)",
    "alter subscription s set (streaming = on)",
    "alter table t detach partition p finalize",
    "alter table t detach partition p",
    "discard plans",
    "alter type e rename value 'a' to 'b'",
    "comment on table t is 'create index concurrently'",
    "select 1 as vacuum",
  ])("runs anywhere: %s", (text) => {
    const found = classifyStatement(text);
    expect(found.need).toBe("any");
    expect(found.why).toBeUndefined();
  });

  it("asks for a commit after a new enum value", () => {
    expect(classifyStatement("alter type s.e add value if not exists 'x' before 'y'")).toEqual({
      node: "AlterEnumStmt",
      need: "commit-after",
      why: "a value added to an enum cannot be used before the commit",
    });
  });

  it.each([
    ["begin", "begin"],
    ["start transaction isolation level serializable", "begin"],
    ["commit and chain", "commit"],
    ["end", "commit"],
    ["abort", "rollback"],
    ["rollback", "rollback"],
    ["savepoint a", "savepoint"],
    ["release a", "savepoint"],
    ["rollback to a", "savepoint"],
    ["prepare transaction 'x'", "prepared"],
    ["commit prepared 'x'", "prepared"],
  ])("knows what %s does to the transaction", (text, transaction) => {
    expect(isOrdinary(text)).toBe(false);
    expect(classifyStatement(text)).toMatchObject({ node: "TransactionStmt", transaction });
  });

  it("does not take prepare of a query for a transaction", () => {
    expect(classifyStatement("prepare p as select 1")).toEqual({ node: "PrepareStmt", need: "any" });
  });
});

describe("what a statement is", () => {
  it("names the parse node behind comments", () => {
    expect(classifyStatement("-- a\n/* b */ create table t (a int)")).toEqual({
      node: "CreateStmt",
      need: "any",
    });
  });

  it("calls text of nothing but comments an empty query, as the server does", () => {
    for (const text of ["", " \r\n", "-- a", "/* a */"]) {
      expect(classifyStatement(text)).toEqual({ node: "EmptyQuery", need: "any" });
    }
  });
});

describe("a statement that is not worth parsing", () => {
  it.each([
    "create table t (a int)",
    "-- why\ninsert into t values (1)",
    "with x as (select 1) select * from x",
    "alter table t add column a int",
    "drop table t",
    "grant select on t to anon",
  ])("is known as ordinary: %s", (text) => {
    expect(isOrdinary(text)).toBe(true);
    expect(classifyStatement(text).need).toBe("any");
  });

  it.each(["alter type t add value 'x'", "copy t from stdin", "discard all", "dear diary", "", "-- a"])(
    "is not: %j",
    (text) => {
      expect(isOrdinary(text)).toBe(false);
    },
  );
});

describe("text that the server takes and libpg-query refuses", () => {
  it("is a string that continues behind a comment", () => {
    for (const text of ["select 'a' -- '\n 'b'", "select E'a'\n -- ก ' ;\n '\\';'"]) {
      expect(classifyStatement(text)).toEqual({ node: "SelectStmt", need: "any" });
    }
    const text = "-- 🧺\nselect 'a' -- ก\n'b' 1";
    expect(refusal(text)).toMatchObject({
      message: 'syntax error at or near "1"',
      cursorOffset: text.length - 1,
    });
  });
});

describe("text that the grammar refuses", () => {
  it("points at the place", () => {
    const text = "select 1\n  form t x";
    expect(refusal(text)).toMatchObject({
      name: "SqlSyntaxProblem",
      message: 'syntax error at or near "t"',
      cursorOffset: text.indexOf("t x"),
    });
  });

  it.each([
    ["Thai text", "select 'ลูกค้า' 1 2", "1 2"],
    ["emoji", "select '🧺🧺' 1 2", "1 2"],
    ["a comment in Thai before", "-- 🧺 ก\nselect 1 1", "1"],
    ["carriage returns", "select 'é'\r\n, 'ก🧺'\r\n)", ")"],
    ["an open string", "select '🧺', 'abc", "'abc"],
    ["an open comment", "select 'ก' /* abc", "/* abc"],
    ["a Unicode escape", "select '🧺', U&'กก\\zz'", "\\zz'"],
  ])("counts in UTF-16 units with %s", (_, text, rest) => {
    const { cursorOffset } = refusal(text);
    expect(text.slice(cursorOffset)).toBe(rest);
  });

  it("points behind the text when it stops too early", () => {
    const text = "select '🧺' from";
    expect(refusal(text)).toMatchObject({
      message: "syntax error at end of input",
      cursorOffset: text.length,
    });
  });

  it("refuses a second statement, which the caller would not have asked about", () => {
    const text = "select '🧺ก';vacuum";
    expect(refusal(text).cursorOffset).toBe(text.indexOf("vacuum"));
  });

  it("refuses a null character, behind which the parser would read nothing", () => {
    expect(refusal("select 1\0; drop table t").cursorOffset).toBe(8);
  });
});

describe("large and deep statements", () => {
  it("knows an insert of many rows by its first word", () => {
    const rows = Array.from({ length: 100_000 }, (_, row) => `(${row}, 'name ${row}')`).join(",\n");
    expect(classifyStatement(`-- seed\ninsert into t values ${rows}`)).toEqual({
      node: "InsertStmt",
      need: "any",
    });
  });

  it("parses other statements of that length", () => {
    const body = "x".repeat(1_000_000);
    expect(classifyStatement(`create index concurrently i on t (a) where b <> '${body}'`).need).toBe(
      "outside",
    );
    expect(refusal(`create function f() as $$${body}$$ 1`).message).toMatch(/^syntax error/);
  });

  it("survives expressions deeper than the parser's stack, again and again", () => {
    const sum = `1${"+1".repeat(12_000)}`;
    for (let times = 0; times < 100; times++) {
      expect(classifyStatement(`select ${sum}`)).toEqual({ node: "SelectStmt", need: "any" });
      expect(refusal(`create view v as select ${sum}`).message).toMatch(/nested too deeply/);
    }
    expect(classifyStatement("select 1").node).toBe("SelectStmt");
  });

  it("keeps its memory after many statements, refused ones among them", () => {
    const turn = () => {
      for (let count = 0; count < 5_000; count++) {
        classifyStatement(`create table t${count} (a int not null default ${count})`);
        refusal(`create table t${count} (a int not null default '${count})`);
      }
      return process.memoryUsage().external;
    };
    const before = turn();
    expect(turn() - before).toBeLessThan(16 * 1024 * 1024);
  });
});
