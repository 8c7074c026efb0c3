import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { DatabaseUrl, type LintFinding, lintMigrations, lintPending, migrateUp } from "../../src/index.js";
import { withRole } from "../support/database.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const before = readFileSync(fileURLToPath(new URL("../fixtures/lint/before.sql", import.meta.url)), "utf8");

const fiveCustomers = `
insert into auth.users (id, email) values ('00000000-0000-0000-0000-000000000001', 'keeper@example.com');
insert into public.customers (owner_id, name, email, age, balance)
select '00000000-0000-0000-0000-000000000001', 'customer ' || n, nullif('c' || n % 4 || '@example.com', 'c0@example.com'),
  nullif(n, 3) * 10, n + 0.25
from generate_series(1, 5) as n;
insert into public.orders (customer_id) select id from public.customers;
`;

/** Runs a test on a project whose first migration is applied and whose tables hold a few rows. */
async function withShop(test: (project: TestProject) => Promise<void>, rows = fiveCustomers): Promise<void> {
  await withProject({ "1_before.sql": before }, async (project) => {
    await migrateUp(project.target, {}, project.operation);
    await query(project.url, rows);
    await test(project);
  });
}

/** What is said of one pending migration. */
async function judge(project: TestProject, sql: string): Promise<LintFinding[]> {
  project.write("supabase/migrations/2_after.sql", sql);
  project.write("supabase/rollbacks/2_after.sql", "select 1;");
  return await lintPending((await project.reopen()).target, project.operation);
}

/** The same in short: rule and level. */
async function inShort(project: TestProject, sql: string): Promise<string[]> {
  return (await judge(project, sql)).map(({ rule, level }) => `${level} ${rule}`).sort();
}

const asReader = { options: "login password 'x'" };

/** Lints a not null as a role that may read the ledger and what it is given. */
async function judgeAs(
  project: TestProject,
  role: string,
  table: string,
  given: string,
): Promise<LintFinding[]> {
  await query(
    project.url,
    `grant usage on schema supabase_migrations to ${role};
     grant select on all tables in schema supabase_migrations to ${role}; ${given}`,
  );
  const column = table === "legacy" ? "body" : "email";
  project.write(
    "supabase/migrations/2_after.sql",
    `alter table ${table} alter column ${column} set not null;`,
  );
  project.write("supabase/rollbacks/2_after.sql", "select 1;");
  const url = DatabaseUrl.parse(project.url, "the test").with({ user: role }).withPassword();
  const client = new pg.Client({ connectionString: url.replace(/:[^:@/]*@/, ":x@") });
  await client.connect();
  try {
    const request = { versions: new Set(["2"]) };
    return await lintMigrations((await project.reopen()).target.project, client, request, project.operation);
  } finally {
    await client.end();
  }
}

describe("migration lint, with an environment", () => {
  it("stops a not null on a column with empty rows, and says how many and which", async () => {
    await withShop(async (project) => {
      await query(project.url, "update customers set email = null where id <= 2");
      const findings = await judge(project, "alter table customers alter column email set not null;");
      expect(findings).toMatchObject([
        {
          rule: "not-null-breaks",
          level: "error",
          file: "supabase/migrations/2_after.sql",
          line: 1,
          message:
            "public.customers.email becomes not null, and 3 rows of public.customers have no value there (id: 1, 2, 4).",
        },
      ]);
    });
  });

  it("shows five keys at most, and goes by the key's own order", async () => {
    await withShop(async (project) => {
      await query(project.url, "update customers set email = null");
      await query(
        project.url,
        "insert into customers (owner_id, name) select owner_id, 'more' from customers, generate_series(1, 2)",
      );
      const [finding] = await judge(project, "alter table customers alter column email set not null;");
      expect(finding?.message).toContain(
        "15 rows of public.customers have no value there (id: 1, 2, 3, 4, 5, …)",
      );
    });
  });

  it("only warns of it when a statement before it may mend the rows", async () => {
    await withShop(async (project) => {
      const mended = "update customers set email = 'none' where email is null;\n";
      const breach = "alter table customers alter column email set not null;";
      expect(await inShort(project, mended + breach)).toEqual(["warning not-null-breaks"]);
      expect(await inShort(project, `select public.mend();\n${breach}`)).toEqual(["warning not-null-breaks"]);
      expect(await inShort(project, `update orders set note = '';\n${breach}`)).toEqual([
        "error not-null-breaks",
      ]);
    });
  });

  it.each([
    [
      "a unique constraint",
      "alter table customers add constraint u unique (email);",
      "unique-breaks",
      "2 rows",
    ],
    ["a unique index", "create unique index u on customers (email);", "unique-breaks", "2 rows"],
    [
      "a unique index of an expression, on some rows",
      "create unique index u on customers using btree (lower(email), (age > 1000) desc) where (age > 0) -- some\n;",
      "unique-breaks",
      "2 rows",
    ],
    [
      "a unique index that takes nulls for equal",
      "create unique index u on customers (mood) nulls not distinct;",
      "unique-breaks",
      "5 rows",
    ],
    [
      "a primary key",
      "alter table legacy drop constraint legacy_pkey; alter table customers drop constraint customers_pkey cascade; alter table customers add primary key (email);",
      "not-null-breaks",
      "1 row ",
    ],
    [
      "a check",
      "alter table customers add constraint c check (age < 45 /* ) */ and name <> ')');",
      "check-breaks",
      "1 row ",
    ],
    [
      "a check that is validated in a second step",
      "alter table customers add constraint c check (age < 45) not valid;\nalter table customers validate constraint c;",
      "check-breaks",
      "1 row ",
    ],
    [
      "a column without a default",
      "alter table customers add column phone text not null;",
      "not-null-breaks",
      "5 rows",
    ],
    [
      "a foreign key",
      "insert into legacy select 1; alter table customers add constraint f foreign key (id) references legacy;",
      "foreign-key-breaks",
      "5 rows",
    ],
    [
      "a smaller type",
      "alter table customers alter column balance type numeric(10, 1);",
      "type-change-loses-data",
      "5 values",
    ],
    [
      "a whole number",
      "alter table customers alter balance type integer, alter column age type bigint;",
      "type-change-loses-data",
      "5 values",
    ],
    [
      "a shorter text",
      "alter table customers alter column email type varchar(3);",
      "type-change-loses-data",
      "4 values",
    ],
    ["a dropped column", "alter table customers drop column balance;", "drop-loses-data", "5 values"],
    ["a dropped table", "drop table orders;", "drop-loses-data", "5 rows"],
    ["an emptied table", "truncate orders;", "empties-table", "5 rows"],
  ])("finds the rows that %s would break or lose, and refuses it", async (_what, sql, rule, count) => {
    await withShop(async (project) => {
      const findings = await judge(project, sql);
      const finding = findings.find((each) => each.rule === rule);
      expect(finding, JSON.stringify(findings)).toBeDefined();
      expect(finding?.level === "error" || rule === "not-null-breaks").toBe(true);
      expect(finding?.message).toContain(count);
    });
  });

  it("says nothing of the same statements when the rows allow them", async () => {
    await withShop(async (project) => {
      const sql = `
        alter table customers alter column name set not null;
        alter table customers add constraint u unique (name);
        create unique index u2 on customers (lower(name)) where age is not null;
        alter table customers add constraint c check (age > 0);
        alter table orders add constraint f foreign key (customer_id) references customers;
        alter table customers alter column age type smallint;
        alter table customers drop column mood;
        alter table legacy add column extra text not null;
        drop table legacy;
      `;
      const rules = (await judge(project, sql)).map(({ rule }) => rule);
      expect([...new Set(rules)]).toEqual(["rollback-unprovable"]);
    });
  });

  it("says that a value does not go into a type at all", async () => {
    await withShop(async (project) => {
      const findings = await judge(
        project,
        "alter table customers alter column name type integer using name::integer;",
      );
      expect(findings).toMatchObject([{ rule: "type-change-loses-data", level: "error" }]);
      expect(findings[0]?.message).toContain("customer 1");
    });
  });

  it("weighs a lock by the rows of the table", async () => {
    await withShop(async (project) => {
      const sql = "create index customers_name_idx on customers (name);";
      expect(await inShort(project, sql)).toEqual([]);
      const more = (count: number) =>
        query(
          project.url,
          `insert into customers (owner_id, name) select '00000000-0000-0000-0000-000000000001', 'n' from generate_series(1, ${count})`,
        );
      await more(5_000);
      expect(await inShort(project, sql)).toEqual(["info require-concurrent-index-creation"]);
      await more(100_000);
      await query(project.url, "analyze customers");
      const [finding] = await judge(project, sql);
      expect(finding).toMatchObject({ rule: "require-concurrent-index-creation", level: "warning" });
      expect(finding?.message).toMatch(/on public\.customers, which has 105,\d{3} rows/);
    });
  });

  it("has nothing against an index on a table that the pending files make", async () => {
    await withShop(async (project) => {
      project.write(
        "supabase/migrations/2_a.sql",
        "create table app_notes (id bigint primary key, body text, updated_at timestamptz);\nalter table app_notes enable row level security;\ncreate policy p on app_notes using (true);",
      );
      project.write("supabase/rollbacks/2_a.sql", "drop table app_notes;");
      project.write("supabase/migrations/3_b.sql", "create index on app_notes (body);");
      project.write("supabase/rollbacks/3_b.sql", "select 1;");
      expect(await lintPending((await project.reopen()).target, project.operation)).toEqual([]);
    });
  });

  it("knows the environment's columns, indexes, policies and grants, whatever the files say", async () => {
    await withShop(async (project) => {
      await query(
        project.url,
        "alter table customers add column team uuid; create index on customers (team)",
      );
      const policy = "create policy t on customers using (team = (select auth.uid()));";
      expect(await inShort(project, policy)).toEqual([]);
      await query(project.url, "alter table customers disable row level security");
      expect(await inShort(project, policy)).toEqual(["error policy-without-row-security"]);
      const view = "create view names as select name from orders;";
      expect(await inShort(project, view)).toEqual(["error view-without-security-invoker"]);
      await query(
        project.url,
        `create schema reporting;
         create view reporting.names with (security_invoker = true) as select note from orders;
         grant select on reporting.names to authenticated`,
      );
      const replaced = "create or replace view reporting.names as select note from orders;";
      expect(await inShort(project, replaced)).toEqual(["error view-without-security-invoker"]);
      await query(project.url, "revoke all on reporting.names from authenticated");
      expect(await inShort(project, replaced)).toEqual([]);
    });
  });

  it("follows what the pending files rename", async () => {
    await withShop(async (project) => {
      const sql = `
        -- pantler:ignore renaming-table nobody uses it yet
        alter table customers rename to clients;
        -- pantler:ignore renaming-column nobody uses it yet
        alter table clients rename column email to mail;
        alter table clients alter column mail set not null;
      `;
      const findings = await judge(project, sql);
      expect(findings).toMatchObject([{ rule: "not-null-breaks", level: "error" }]);
      expect(findings[0]?.message).toContain("public.clients.mail becomes not null, and 1 row of");
    });
  });

  it("says what its role may not look at", async () => {
    await withRole(async (role) => {
      await withShop(async (project) => {
        const findings = await judgeAs(project, role, "legacy", "");
        expect(findings.map(({ rule, level }) => `${level} ${rule}`)).toEqual([
          "warning unchecked",
          "warning unchecked",
          "warning adding-not-nullable-field",
        ]);
        expect(findings[0]?.message).toBe(
          "Whether the rows of public.legacy allow this could not be checked: permission denied for table legacy.",
        );
      });
    }, asReader);
  });

  it("does not count what policies hide from its role", async () => {
    await withRole(async (role) => {
      await withShop(async (project) => {
        const findings = await judgeAs(project, role, "customers", `grant select on customers to ${role}`);
        expect(findings.map(({ rule, level }) => `${level} ${rule}`)).toEqual([
          "warning unchecked",
          "warning unchecked",
          "warning adding-not-nullable-field",
        ]);
        expect(findings[0]?.message).toContain("row-level security policy");
      });
    }, asReader);
  });

  it("does not wait for a table that somebody has locked", async () => {
    await withShop(async (project) => {
      const holder = new pg.Client({ connectionString: project.url });
      await holder.connect();
      await holder.query("begin; lock table customers");
      const findings = await judge(project, "alter table customers alter column email set not null;");
      await holder.end();
      expect(findings.map(({ rule }) => rule)).toContain("unchecked");
      expect(findings[0]?.message).toContain("somebody has locked the table");
    });
  });

  it("leaves no transaction open and changes nothing", async () => {
    await withShop(async (project) => {
      const client = new pg.Client({ connectionString: project.url });
      await client.connect();
      project.write(
        "supabase/migrations/2_after.sql",
        "alter table customers alter column email set not null;",
      );
      await lintMigrations(project.target.project, client, {}, project.operation);
      const { rows } = await client.query(
        "select pg_current_xact_id_if_assigned() as id, count(*) from customers",
      );
      expect(rows).toEqual([{ id: null, count: "5" }]);
      await client.query("insert into legacy (id) values (1)");
      await client.end();
    });
  });

  it("judges applied files by their text, and pending ones by the environment", async () => {
    await withShop(async (project) => {
      project.write(
        "supabase/migrations/2_after.sql",
        "alter table customers alter column email set not null;",
      );
      const client = new pg.Client({ connectionString: project.url });
      await client.connect();
      const findings = await lintMigrations(project.target.project, client, {}, project.operation).finally(
        () => client.end(),
      );
      const files = new Set(findings.map(({ file }) => file));
      expect([...files]).toEqual(["supabase/migrations/1_before.sql", "supabase/migrations/2_after.sql"]);
      expect(
        findings.some(({ rule, file }) => rule === "table-without-row-security" && file.includes("1_")),
      ).toBe(true);
    });
  });
});
