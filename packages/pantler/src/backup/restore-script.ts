import { sqlColumns, sqlName } from "../copy/index.js";
import { quoteIdentifier, quoteLiteral } from "../postgres/index.js";
import { fileNames } from "./archive-names.js";
import { authTables, isSame } from "./contents.js";
import { loadingOrder } from "./load-rows.js";
import type { ArchivedTable, Manifest } from "./manifest.js";

/**
 * The script that restores a plain archive with psql alone, into an empty database (for Supabase's own schemas: one
 * that has them), in one transaction.
 */
export function renderRestoreScript(manifest: Omit<Manifest, "format">): string {
  return `-- Restores the backup ${manifest.id} of ${oneLine(manifest.project)} (${oneLine(manifest.environment)}) into an empty database, in one
-- transaction. Run it in this folder, with psql and gzip on the machine:
--   psql --no-psqlrc -d <the database's address> -f ${fileNames.script}
\\set ON_ERROR_STOP on
\\encoding UTF8
begin;
set local datestyle = 'ISO, YMD';
set local intervalstyle = 'postgres';
set local timezone = 'UTC';
set local lc_monetary = 'C';
set local xmloption = 'content';
set local row_security = off;
set local check_function_bodies = off;
set local statement_timeout = 0;
set local standard_conforming_strings = on;
select pg_catalog.set_config('search_path', '', true) \\g /dev/null
\\ir ${fileNames.roles}
\\ir ${fileNames.pre}
${loadingOrder(manifest.tables)
  .map((table) => loadTable(table, manifest.id))
  .join("")}${manifest.sequences
  .map(
    (sequence) =>
      `select pg_catalog.setval(${quoteLiteral(sqlName(sequence))}, ${sequence.lastValue}, ${sequence.isCalled}) \\g /dev/null\n`,
  )
  .join("")}\\ir ${fileNames.post}
commit;
`;
}

/** psql's own commands end with the line, so what has a line break in its name is called otherwise meanwhile. */
function loadTable(table: ArchivedTable, id: string): string {
  const broken = /[\r\n]/;
  const hasBroken = broken.test(table.schema);
  const renamed = broken.test(table.name);
  const columns = table.columns.map((column, index) => ({
    column,
    plain: broken.test(column) ? `pantler_column_${index}` : column,
  }));
  const plain = { schema: table.schema, name: renamed ? "pantler_table" : table.name };
  const schema = hasBroken ? { ...plain, schema: "pantler_schema" } : plain;
  const renames: [string, string][] = [];
  if (hasBroken) {
    renames.push([
      `alter schema ${quoteIdentifier(table.schema)} rename to pantler_schema`,
      `alter schema pantler_schema rename to ${quoteIdentifier(table.schema)}`,
    ]);
  }
  if (renamed) {
    renames.push([
      `alter table ${sqlName({ ...schema, name: table.name })} rename to pantler_table`,
      `alter table ${sqlName(schema)} rename to ${quoteIdentifier(table.name)}`,
    ]);
  }
  for (const { column, plain: other } of columns) {
    if (column === other) continue;
    const [before, after] = [quoteIdentifier(column), quoteIdentifier(other)];
    renames.push([
      `alter table ${sqlName(schema)} rename column ${before} to ${after}`,
      `alter table ${sqlName(schema)} rename column ${after} to ${before}`,
    ]);
  }
  const list = sqlColumns(columns.map((column) => column.plain));
  const copies = table.files.map(({ name, backup }) => {
    const file = backup === undefined || backup === id ? name : `../${backup}/${name}`;
    return `\\copy ${sqlName(schema)} ${list && `(${list}) `}from program 'gzip -dc < ${file}'\n`;
  });
  const text = [
    ...renames.map(([before]) => `${before};\n`),
    ...copies,
    ...renames.reverse().map(([, after]) => `${after};\n`),
  ].join("");
  if (!authTables.some((auth) => isSame(auth, table))) return text;
  return `select pg_catalog.to_regclass(${quoteLiteral(sqlName(table))}) is not null as present \\gset\n\\if :present\n${text}\\endif\n`;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}
