import { digestStatement, rowSettings, sqlColumns, sqlName } from "../../copy/index.js";
import { quoteIdentifier, quoteLiteral } from "../../postgres/index.js";
import { isDirect, type Load, loadingOrder, planLoads } from "../restore/load-rows.js";
import { type Expected, expectations } from "../restore/restore-verify.js";
import { digestOf, isAuth } from "../restore/restore-whole.js";
import { fileNames } from "./archive-names.js";
import { encryptedEnding } from "./archive-writer.js";
import type { Manifest } from "./manifest.js";

/**
 * The script that restores an archive, decrypted if need be, with psql alone, into an empty database (for Supabase's own schemas: one
 * that has them), in one transaction, which comes to nothing when a row is not what it was.
 */
export function renderRestoreScript(manifest: Omit<Manifest, "format">): string {
  const loads = planLoads(loadingOrder(manifest.tables), manifest.tables);
  return [
    ...head(manifest),
    `\\ir ${fileNames.roles}`,
    `\\ir ${fileNames.pre}`,
    ...loads.flatMap((load) => whereThere(load, loadTable(load, manifest.id))),
    ...manifest.sequences.map(
      (sequence) =>
        `select pg_catalog.setval(${quoteLiteral(sqlName(sequence))}, ${sequence.lastValue}, ${sequence.isCalled}) \\gset pantler_`,
    ),
    ...expectations(loads, digestOf).flatMap((expected) => whereThere(expected, [check(expected)])),
    `\\ir ${fileNames.post}`,
    "commit;",
    `\\echo '${manifest.id} is restored, and every row is what it was.'`,
    "",
  ].join("\n");
}

function head(manifest: Omit<Manifest, "format">): string[] {
  const { id, project, environment } = manifest;
  return [
    `-- Restores the backup ${id} of ${oneLine(project)} (${oneLine(environment)}) into an empty database, in one`,
    "-- transaction. Run it in this folder, with psql and gzip on the machine:",
    `--   psql --no-psqlrc -d <the database's address> -f ${fileNames.script}`,
    ...(manifest.encryption === undefined
      ? []
      : ["-- All files, also those in other folders, have to be decrypted before."]),
    ...(manifest.files.some(({ name }) => plainName(name) === fileNames.broken)
      ? [`-- Afterwards ${fileNames.broken} can be run, when the tables that it names have their rows.`]
      : []),
    "\\set ON_ERROR_STOP on",
    "\\set QUIET on",
    "\\encoding UTF8",
    "set client_min_messages = warning;",
    "set lock_timeout = 0;",
    rowSettings.trim(),
    "begin isolation level read committed;",
  ];
}

/** Tables of Supabase's are not everywhere. */
function whereThere({ table }: Load, lines: readonly string[]): string[] {
  if (!isAuth(table)) return [...lines];
  const isThere = `pg_catalog.to_regclass(${quoteLiteral(sqlName(table))}) is not null`;
  return [`select ${isThere} as present \\gset`, "\\if :present", ...lines, "\\endif"];
}

function loadTable(load: Load, id: string): string[] {
  const { table, into } = load;
  const renamings: Renaming[] = [];
  // psql's own commands end with the line, so what has a line break in its name is called otherwise meanwhile.
  const inOneLine = (name: string, other: string, rename: Renaming["rename"]) => {
    if (!/[\r\n]/.test(name)) return name;
    renamings.push({ rename, name: quoteIdentifier(name), other });
    return other;
  };
  const schema = inOneLine(
    into.schema,
    "pantler_schema",
    (from, to) => `alter schema ${from} rename to ${to};`,
  );
  const name = inOneLine(
    into.name,
    "pantler_table",
    (from, to) => `alter table ${quoteIdentifier(schema)}.${from} rename to ${to};`,
  );
  const target = sqlName({ schema, name });
  const columns = table.columns.map((column, index) =>
    inOneLine(
      column,
      `pantler_column_${index}`,
      (from, to) => `alter table ${target} rename column ${from} to ${to};`,
    ),
  );
  const list = columns.length > 0 ? `(${sqlColumns(columns)}) ` : "";
  const copies = table.files.map((file) => {
    const folder = file.backup === undefined || file.backup === id ? "" : `../${file.backup}/`;
    return `\\copy ${target} ${list}from program 'gzip -dc < ${folder}${plainName(file.name)}'`;
  });
  return [
    ...renamings.map((each) => each.rename(each.name, each.other)),
    ...(table.callsFunctions ? ["set local search_path to default;"] : []),
    ...copies,
    ...(table.callsFunctions ? ["set local search_path to '';"] : []),
    ...renamings.reverse().map((each) => each.rename(each.other, each.name)),
  ];
}

interface Renaming {
  readonly rename: (from: string, to: string) => string;
  readonly name: string;
  readonly other: string;
}

function check(expected: Expected): string {
  const { into, table, digest } = expected;
  const scope = isDirect(expected) ? "only" : "partitions";
  const found = digestStatement({ ...into, columns: table.columns }, undefined, scope);
  const message = `${sqlName(into)} is not as in the backup`.replaceAll("%", "%%");
  const body = `
begin
  if (${digest.rows}, ${digest.sum}, ${digest.xor}) <> (
    select rows, coalesce(sum, 0), coalesce(xor, 0) from (${found}) as digest
  ) then
    raise exception ${quoteLiteral(message)};
  end if;
end
`;
  return `do ${quoteLiteral(body)};`;
}

/** What a file is called once it is decrypted. */
function plainName(name: string): string {
  return name.endsWith(encryptedEnding) ? name.slice(0, -encryptedEnding.length) : name;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}
