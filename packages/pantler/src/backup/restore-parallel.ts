import { copyIn, inParallel, prepareSession, restoreSequences, sqlName } from "../copy/index.js";
import {
  NeedsHandsError,
  type Operation,
  stopWhenAborted,
  UnchangedError,
  withReleases,
} from "../operation/index.js";
import { type Client, connect, environmentProblem, withClient } from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import type { DumpEntry } from "../schema/index.js";
import { applyEntries, applyEntry } from "./apply-entries.js";
import type { ArchiveReader } from "./archive-reader.js";
import { clearProject } from "./clear-project.js";
import { markerTable } from "./contents.js";
import type { ArchivedFile, ArchivedTable } from "./manifest.js";
import { compareRows } from "./restore-verify.js";
import {
  counted,
  describeRows,
  fillViews,
  isAuth,
  makeRoles,
  replaceAuthRows,
  type Whole,
} from "./restore-whole.js";

/**
 * Fills an empty database with all that an archive holds, over several connections at once. A marker in the database
 * tells of it until it is done, so that what a killed restore left behind is known for what it is.
 * @param workers how many connections
 * @returns what is not as in the archive, in words; empty when every row is
 * @throws what made it fail, after everything was dropped again
 */
export async function fillEmpty(
  url: DatabaseUrl,
  whole: Whole,
  workers: number,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  try {
    return await withReleases(async (onRelease) => {
      const open = async () => {
        const client = await connect(url);
        const leave = () => client.end().catch(() => {});
        onRelease(leave);
        const abort = () => void leave();
        signal?.addEventListener("abort", abort, { once: true });
        onRelease(() => signal?.removeEventListener("abort", abort));
        await prepareSession(client);
        return client;
      };
      const clients = await Promise.all(Array.from({ length: workers }, open));
      const [first] = clients;
      if (!first) throw new Error("a restore needs a connection");
      return await fill(first, clients, whole, operation);
    });
  } catch (error) {
    await emptyAgain(url, error);
    stopWhenAborted(signal, "The database was emptied again.", error);
    throw environmentProblem(url, error) ?? error;
  }
}

async function fill(
  first: Client,
  clients: readonly Client[],
  whole: Whole,
  operation: Operation,
): Promise<string[]> {
  const { reader, pre, post, tables } = whole;
  await operation.step("make the tables", async (step) => {
    await clearProject(first);
    await setMarker(first, reader.manifest.id);
    await makeRoles(first, reader);
    await applyEntries(first, pre, false, (done) => step.progress(done, pre.length, "entries"));
  });
  await operation.step("load the rows", async (step) => {
    for (const table of tables.filter(isAuth)) {
      await first.query("begin");
      await replaceAuthRows(first, reader, table, operation);
      await first.query("commit");
    }
    const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    await loadFiles(
      clients,
      reader,
      tables.filter((table) => !isAuth(table)),
      (table, bytes) => {
        done += bytes;
        step.progress(done, total, `bytes, ${sqlName(table)}`);
      },
    );
    step.note(describeRows(tables));
  });
  await operation.step("restore indexes, constraints and rules", async (step) => {
    await restoreSequences(first, reader.manifest.sequences);
    await applyInParallel(clients, post, (done) => step.progress(done, post.length, "entries"));
  });
  const differences = await operation.step("compare the rows with the backup", async (step) => {
    return await compareRows(clients, tables, (done) => step.progress(done, tables.length, "tables"));
  });
  await fillViews(first, reader.manifest, operation);
  await first.query(`drop table ${sqlName(markerTable)}`);
  return differences;
}

/** Whether a restore into this database began and did not end. */
export async function isHalfRestored(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass($1) is not null as there", [
    sqlName(markerTable),
  ]);
  return rows[0]?.there ?? false;
}

async function setMarker(client: Client, id: string): Promise<void> {
  await client.query("create schema if not exists pantler");
  await client.query(
    `create table ${sqlName(markerTable)} (backup text not null, started_at timestamptz not null default now())`,
  );
  await client.query(`insert into ${sqlName(markerTable)} (backup) values ($1)`, [id]);
}

interface FileTask {
  readonly table: ArchivedTable;
  readonly file: ArchivedFile;
}

async function loadFiles(
  clients: readonly Client[],
  reader: ArchiveReader,
  tables: readonly ArchivedTable[],
  onBytes: (table: ArchivedTable, bytes: number) => void,
): Promise<void> {
  const tasks: FileTask[] = tables.flatMap((table) => table.files.map((file) => ({ table, file })));
  tasks.sort((left, right) => right.file.bytes - left.file.bytes);
  await inParallel(
    clients,
    tasks,
    async (client, { table, file }) => {
      const rows = counted(reader.fileRows(file), (bytes) => onBytes(table, bytes));
      const alone = table.files.length === 1;
      // Emptied in the same transaction, the table takes rows that need no second look.
      await client.query(alone ? `begin; truncate only ${sqlName(table)}` : "begin");
      await copyIn(client, table, table.columns, rows, { freeze: alone });
      await client.query("commit");
    },
    (client) => client.end().catch(() => {}),
  );
}

/** Entries that concern their own table only, and take long. */
const parallelTypes = new Set(["INDEX", "CONSTRAINT"]);

/** Applies entries in their order, save that runs of indexes and keys of different tables are made at the same time. */
async function applyInParallel(
  clients: readonly Client[],
  entries: readonly DumpEntry[],
  onDone: (entries: number) => void,
): Promise<void> {
  const [first] = clients;
  if (!first) return;
  let done = 0;
  for (let from = 0; from < entries.length; ) {
    const isParallel = (entry: DumpEntry | undefined) =>
      entry !== undefined && parallelTypes.has(entry.type) && entry.relation !== undefined;
    const parallel = isParallel(entries[from]);
    let to = from;
    while (to < entries.length && isParallel(entries[to]) === parallel) to += 1;
    const run = entries.slice(from, to);
    if (parallel) {
      await inParallel(
        clients,
        byTable(run),
        async (client, group) => {
          for (const entry of group) {
            await applyEntry(client, entry);
            done += 1;
            onDone(done);
          }
        },
        (client) => client.end().catch(() => {}),
      );
    } else {
      const before = done;
      await applyEntries(first, run, false, (count) => onDone(before + count));
      done += run.length;
    }
    from = to;
  }
}

function byTable(entries: readonly DumpEntry[]): DumpEntry[][] {
  const groups = new Map<string, DumpEntry[]>();
  for (const entry of entries) {
    const key = entry.relation ? sqlName(entry.relation) : "";
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()];
}

/** Drops what a failed restore has made. When that fails too somebody has to know. */
async function emptyAgain(url: DatabaseUrl, cause: unknown): Promise<void> {
  try {
    await withClient(url, async (client) => {
      await prepareSession(client);
      await clearProject(client);
    });
  } catch (error) {
    throw new NeedsHandsError({
      code: "half-restored",
      message: `The restore failed: ${cause instanceof Error ? cause.message : String(cause)}.`,
      state: `${url} was empty and now holds a part of the backup: ${error instanceof Error ? error.message : String(error)}.`,
      remedy: "Run the same restore again: it starts over.",
      cause,
    });
  }
}

/** The error for a database that was filled, but not with the right rows. */
export function filledWrongly(differences: readonly string[]): UnchangedError {
  return new UnchangedError({
    code: "rows-differ",
    message: `After the restore ${differences.length === 1 ? "a table is" : `${differences.length} tables are`} not as in the backup.`,
    detail: differences.join("\n"),
    state: "The database was emptied again.",
    remedy: "Verify the backup: pantler backup verify",
  });
}
