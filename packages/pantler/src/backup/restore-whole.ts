import { copyIn, refreshViews, restoreSequences, sqlName } from "../copy/index.js";
import type { Operation } from "../operation/index.js";
import type { Client } from "../postgres/index.js";
import { type DumpEntry, parseEntries } from "../schema/index.js";
import { applyEntries } from "./apply-entries.js";
import { fileNames } from "./archive-names.js";
import type { ArchiveReader } from "./archive-reader.js";
import { clearProject } from "./clear-project.js";
import { authTables, isSame } from "./contents.js";
import type { ArchivedTable, Manifest } from "./manifest.js";
import { mergeRows } from "./merge-rows.js";
import { compareRows, rowsDiffer } from "./restore-verify.js";
import { withoutTriggers } from "./triggers.js";

/** The text of a schema, and which tables get rows. */
export interface Whole {
  readonly reader: ArchiveReader;
  readonly pre: readonly DumpEntry[];
  readonly post: readonly DumpEntry[];
  readonly tables: readonly ArchivedTable[];
}

/** Reads an archive's schema. */
export async function readWhole(reader: ArchiveReader, tables: readonly ArchivedTable[]): Promise<Whole> {
  return {
    reader,
    pre: parseEntries(await reader.text(fileNames.pre), "pre"),
    post: parseEntries(await reader.text(fileNames.post), "post"),
    tables,
  };
}

/**
 * Replaces everything the project has in a database by what an archive holds, inside the transaction that is open.
 * @throws UnchangedError `rows-differ` when the rows are not those of the archive
 */
export async function replaceWhole(client: Client, whole: Whole, operation: Operation): Promise<void> {
  const { reader, pre, post, tables } = whole;
  const { manifest } = reader;
  await operation.step("drop what is there", async () => await clearProject(client));
  await operation.step("make the tables", async (step) => {
    await makeRoles(client, reader);
    await applyEntries(client, pre, true, (done) => step.progress(done, pre.length, "entries"));
  });
  await operation.step("load the rows", async (step) => {
    const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    for (const table of tables) {
      const count = (bytes: number) => {
        done += bytes;
        step.progress(done, total, `bytes, ${sqlName(table)}`);
      };
      if (isAuth(table)) await replaceAuthRows(client, reader, table, operation);
      else await copyIn(client, table, table.columns, counted(reader.rows(table), count), { freeze: true });
    }
    step.note(describeRows(tables));
  });
  await operation.step("restore indexes, constraints and rules", async (step) => {
    await restoreSequences(client, manifest.sequences);
    await applyEntries(client, post, true, (done) => step.progress(done, post.length, "entries"));
  });
  await operation.step("compare the rows with the backup", async (step) => {
    const report = (done: number) => step.progress(done, tables.length, "tables");
    const differences = await compareRows([client], tables, report);
    if (differences.length > 0) throw rowsDiffer(differences);
  });
  await fillViews(client, manifest, operation);
}

/** Makes the roles that the archive needs and the server lacks; the script leaves those alone that are there. */
export async function makeRoles(client: Client, reader: ArchiveReader): Promise<void> {
  const { rows } = await client.query<{ missing: boolean }>(
    "select exists (select from unnest($1::text[]) as needed (name) where name not in (select rolname from pg_roles)) as missing",
    [reader.manifest.roles],
  );
  if (rows[0]?.missing) await client.query(await reader.text(fileNames.roles));
}

/** Fills materialised views anew. */
export async function fillViews(client: Client, { views }: Manifest, operation: Operation): Promise<void> {
  if (views.length === 0) return;
  await operation.step("fill materialised views", async (step) => {
    await refreshViews(client, views);
    step.note(String(views.length));
  });
}

/** Whether a table is one of Supabase's whose rows are the project's. */
export function isAuth(table: ArchivedTable): boolean {
  return authTables.some((auth) => isSame(auth, table));
}

/**
 * Makes the rows of a table of Supabase's those of the archive, row by row: what refers to rows that stay, such as
 * the sessions of a user, stays too.
 */
export async function replaceAuthRows(
  client: Client,
  reader: ArchiveReader,
  table: ArchivedTable,
  operation: Operation,
): Promise<void> {
  const onRefused = () =>
    operation.finding("warning", `the triggers of ${sqlName(table)} ran: the role may not silence them`);
  await withoutTriggers(client, table, onRefused, async () => {
    await mergeRows(client, table, reader.rows(table), "update", true);
  });
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

export function describeRows(tables: readonly ArchivedTable[]): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return `${tables.length} tables, ${rows} rows`;
}
