import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { expect, it } from "vitest";
import { drillBackup, verifyBackup } from "../../src/index.js";
import { backUp, restore } from "../support/backups.js";
import { withDatabaseUrl, withRole } from "../support/database.js";
import { query } from "../support/inspect.js";
import { contentOf } from "../support/pantry.js";
import { type TestProject, withProject } from "../support/project.js";

const names = [
  `x"; drop table victims; --`,
  `x'; drop table victims; --`,
  `x); drop table victims; --`,
  `*/ drop table victims; /*`,
  `$$; drop table victims; $$`,
  "../../outside",
  "..",
  ".",
  "/etc/passwd",
  "a/b",
  "a\\b",
  "C:\\outside",
  "-- \\! touch outside",
  "\\! touch outside",
  "`touch outside`",
  "$(touch outside)",
  "; touch outside #",
  "' ; touch outside ; '",
  ":victims",
  `:"victims"`,
  ":'victims'",
  "%s%n",
  "{0}",
  " leading and trailing ",
  "new\nline\r\n\\! touch outside",
  "tab\there",
  "\u001b[2J",
  "manifest.json",
  "CON",
  "victims",
  "Victims",
  "ß-日本語-🍯",
  "n".repeat(63),
  `${"ü".repeat(31)}x`,
];

/** Everything that can have a name, each with names that try to be more than that. */
function schemaOf(quote: (name: string) => string, role: string): string {
  const objects = names.map((name, number) => {
    const [schema, thing] = [quote(`s ${name}`.slice(0, 40)), quote(name)];
    return `
      create schema ${schema};
      create type ${schema}.${thing} as enum ('a', ${quoteText(name)});
      create table ${schema}.${quote(`t${name}`.slice(0, 50))} (
        ${thing} int constraint ${thing} primary key,
        "other" ${schema}.${thing} default 'a',
        body text default ${quoteText(name)}
      );
      insert into ${schema}.${quote(`t${name}`.slice(0, 50))} values (${number}, ${quoteText(name)}, ${quoteText(name)});
      create sequence ${schema}.${quote(`q${name}`.slice(0, 50))} start ${number + 5};
      select nextval(${quoteText(`${schema}.${quote(`q${name}`.slice(0, 50))}`)});
      create materialized view ${schema}.${quote(`v${name}`.slice(0, 50))} as select ${number} as ${thing};
      create function ${schema}.${thing}() returns int language sql as 'select 1';
      create policy ${thing} on ${schema}.${quote(`t${name}`.slice(0, 50))} to ${role};
      comment on schema ${schema} is ${quoteText(name)};
    `;
  });
  return objects.join("\n");
}

function quoteText(text: string): string {
  return pg.escapeLiteral(text);
}

const psql = ["/usr/bin/psql", "/usr/local/bin/psql", "/opt/homebrew/bin/psql"].find((path) =>
  existsSync(path),
);

it("names that try to be statements, commands or paths are only names, all the way to a restore by psql", async () => {
  const name = `r"; drop table victims; -- ${randomBytes(4).toString("hex")}`;
  await withRole(async () => await withProject({}, async (project) => await checkNames(project, name)), {
    name,
  });
}, 120_000);

async function checkNames(project: TestProject, role: string): Promise<void> {
  await query(project.url, "create table victims as select 1 as id");
  await query(project.url, schemaOf(pg.escapeIdentifier, pg.escapeIdentifier(role)));
  const content = await contentOf(project.url);
  const backup = await backUp(project);
  expect(await verifyBackup(backup, project.operation)).toMatchObject({ problems: [] });
  expect(backup.manifest.roles).toContain(role);
  const root = join(project.root, "backups", backup.id);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  for (const file of files) expect(file).toMatch(/^(data(\/[A-Za-z0-9_.-]+)?|[a-z.]+)$/);
  expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(files.length);
  expect(await drillBackup(backup, {}, project.operation)).toMatchObject({ proven: true, differences: [] });
  const present = readdirSync(root, { recursive: true }).length;
  await query(project.url, `drop schema ${pg.escapeIdentifier(`s ${names[0]}`)} cascade; drop table victims`);
  await restore(project, backup);
  expect(await contentOf(project.url)).toBe(content);
  const tables = backup.manifest.tables.map(({ schema, name }) => `${schema}.${name}`);
  await restore(project, backup, { tables: tables.filter((each) => each.startsWith("s ")) });
  expect(await contentOf(project.url)).toBe(content);
  await withDatabaseUrl(async (url) => {
    await restore(project, backup, {}, url);
    expect(await contentOf(url)).toBe(content);
  });
  if (psql === undefined) return;
  await withDatabaseUrl(async (url) => {
    const run = spawnSync(psql, ["--no-psqlrc", "-d", url, "-f", "restore.sql"], {
      cwd: root,
      encoding: "utf8",
    });
    expect(run).toMatchObject({ status: 0, stderr: "" });
    expect(await contentOf(url)).toBe(content);
    expect(readdirSync(root, { recursive: true })).toHaveLength(present);
  });
}
