import { type QualifiedName, restoreSequences, sqlName } from "../../copy/index.js";
import { type Operation, type Step, stopWhenAborted } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { type DumpEntry, parseEntries } from "../../schema/index.js";
import { fileNames } from "../archive/archive-names.js";
import type { ArchiveReader } from "../archive/archive-reader.js";
import type { ArchivedTable, Manifest } from "../archive/manifest.js";
import { authTables, isSame } from "../contents.js";
import { applyEntries } from "./apply-entries.js";
import { clearProject } from "./clear-project.js";
import { beforeRights, fillsView } from "./entry-order.js";
import { type Load, loadingOrder, loadRows, planLoads } from "./load-rows.js";
import { mergeRows } from "./merge-rows.js";
import { undone } from "./one-transaction.js";
import { compareRows, rowsDiffer } from "./restore-verify.js";
import { withoutTriggers } from "./triggers.js";

/** What an archive holds of what is to be restored. */
export interface Whole {
  readonly reader: ArchiveReader;
  readonly pre: readonly DumpEntry[];
  readonly post: readonly DumpEntry[];
  /** Foreign keys that the rows of the archive alone cannot meet. */
  readonly broken: readonly DumpEntry[];
  /** What comes last: until then whoever restores owns all there is. */
  readonly rights: readonly DumpEntry[];
  /** The tables that get rows, in an order in which they can be loaded. */
  readonly tables: readonly ArchivedTable[];
  readonly sequences: Manifest["sequences"];
}

/**
 * Reads an archive's schema.
 * @param tables those that get rows
 * @param withData whether sequences and materialised views get theirs too
 */
export async function readWhole(
  reader: ArchiveReader,
  tables: readonly ArchivedTable[],
  withData = true,
): Promise<Whole> {
  const { made, rights } = beforeRights(parseEntries(await reader.text(fileNames.post), "post"));
  return {
    reader,
    pre: parseEntries(await reader.text(fileNames.pre), "pre"),
    post: made,
    broken: reader.has(fileNames.broken) ? parseEntries(await reader.text(fileNames.broken), "post") : [],
    rights: rights.filter(({ type }) => withData || type !== fillsView),
    tables: loadingOrder(tables),
    sequences: withData ? reader.manifest.sequences : [],
  };
}

/**
 * Replaces everything the project has in a database by what an archive holds, inside the transaction that is open.
 * @param signal looked at between two statements
 * @throws UnchangedError `rows-differ` when the rows are not those of the archive
 */
export async function replaceWhole(
  client: Client,
  whole: Whole,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { reader, pre, post, rights, tables, sequences } = whole;
  const apply = async (entries: readonly DumpEntry[], step: Step) =>
    await applyEntries(client, entries, true, (done) => {
      stopWhenAborted(signal, undone);
      step.progress(done, entries.length, "entries");
    });
  await operation.step("drop what is there", async () => await clearProject(client));
  await operation.step("make the tables", async (step) => {
    await makeRoles(client, reader);
    await apply(pre, step);
  });
  const loads = await withTables(client, planLoads(tables, reader.manifest.tables), operation);
  await operation.step("load the rows", async (step) => {
    const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    for (const load of loads) {
      stopWhenAborted(signal, undone);
      const rows = counted(reader.rows(load.table), (bytes) => {
        stopWhenAborted(signal, undone);
        done += bytes;
        step.progress(done, total, `bytes, ${sqlName(load.table)}`);
      });
      if (isAuth(load.table)) await replaceAuthRows(client, load, rows);
      else await loadRows(client, load, rows, { freeze: true });
    }
    step.note(describeRows(tables));
    await restoreSequences(client, sequences);
  });
  await operation.step("compare the rows with the backup", async (step) => {
    const differences = await compareRows([client], loads, digestOf, (done) => {
      stopWhenAborted(signal, undone);
      step.progress(done, loads.length, "tables");
    });
    if (differences.length > 0) throw rowsDiffer(differences, undone);
  });
  await operation.step("restore indexes, constraints and rules", async (step) => await apply(post, step));
  await operation.step("restore rights", async (step) => await apply(rights, step));
}

/** Whether the server lacks a role that an archive needs. */
export async function lacksRoles(client: Client, reader: ArchiveReader): Promise<boolean> {
  const { rows } = await client.query<{ missing: boolean }>(
    "select exists (select from unnest($1::text[]) as needed (name) where name not in (select rolname from pg_roles)) as missing",
    [reader.manifest.roles],
  );
  return rows[0]?.missing ?? false;
}

/**
 * Makes the roles that an archive needs and the server lacks, and gives those that are there the memberships and
 * settings they lack, as far as the role may.
 */
export async function makeRoles(client: Client, reader: ArchiveReader): Promise<void> {
  const script = await reader.text(fileNames.roles);
  if (script !== "") await client.query(script);
}

/** Leaves out rows of Supabase's tables where there are none: in a database that is not Supabase's. */
export async function withTables(
  client: Client,
  loads: readonly Load[],
  operation: Operation,
): Promise<Load[]> {
  const present: Load[] = [];
  for (const load of loads) {
    const { schema, name, rows } = load.table;
    if (!isAuth(load.table) || (await isThere(client, load.table))) present.push(load);
    else if (rows > 0)
      operation.finding("warning", `${rows} rows of ${schema}.${name} are left out: it is not there`);
  }
  return present;
}

/** Whether a database has a table. */
export async function isThere(client: Client, name: QualifiedName): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass($1) is not null as there", [
    sqlName(name),
  ]);
  return rows[0]?.there ?? false;
}

/** Whether entries make a schema. */
export function hasSchema(entries: readonly DumpEntry[], schema: string): boolean {
  return entries.some(({ type, name }) => type === "SCHEMA" && name === schema);
}

/** Whether a table is one of Supabase's whose rows are the project's. */
export function isAuth(table: QualifiedName): boolean {
  return authTables.some((auth) => isSame(auth, table));
}

/**
 * Makes the rows of a table of Supabase's those of the archive, row by row: what refers to rows that stay, such as
 * the sessions of a user, stays too.
 */
export async function replaceAuthRows(
  client: Client,
  load: Load,
  rows: AsyncIterable<Uint8Array>,
): Promise<void> {
  await withoutTriggers(client, [load.table], async () => {
    await mergeRows(client, load, rows, { name: "the backup", digestOf }, "update", "true");
  });
}

/** What the rows of a table of an archive digest to. */
export function digestOf({ digest }: ArchivedTable): string {
  return digest;
}

/** Reports the size of every piece that passes. */
export async function* counted(
  rows: AsyncIterable<Buffer>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of rows) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** How much there is, in words. */
export function describeRows(tables: readonly { readonly rows: number }[]): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return `${tables.length} ${tables.length === 1 ? "table" : "tables"}, ${rows} ${rows === 1 ? "row" : "rows"}`;
}
