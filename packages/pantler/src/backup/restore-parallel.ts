import { copyIn, inParallel, prepareSession, restoreSequences, sqlName } from "../copy/index.js";
import { type Operation, stopWhenAborted, withReleases } from "../operation/index.js";
import { type Client, connect, environmentProblem } from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import type { DumpEntry } from "../schema/index.js";
import { applyEntries, applyEntry } from "./apply-entries.js";
import type { ArchiveReader } from "./archive-reader.js";
import { clearProject, recordsSchema } from "./clear-project.js";
import { type Begun, emptyAgain, filledWrongly, fillingFailed } from "./empty-again.js";
import type { ArchivedFile, ArchivedTable } from "./manifest.js";
import { dropMarker, setMarker } from "./restore-marker.js";
import { admitOthers, beAlone, join, listSessions } from "./restore-sessions.js";
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

export { filledWrongly } from "./empty-again.js";
export { isHalfRestored } from "./restore-marker.js";

/**
 * Fills an empty database with all that an archive holds, over several connections at once. A marker in the database
 * tells of it until it is done, so that what a killed restore left behind is known for what it is.
 *
 * The caller keeps other restores out with the deployment lock.
 * @param workers how many connections
 * @param judge told what is not as in the archive, in words; what it throws ends the restore
 * @returns the same; empty when every row is as it was
 * @throws what made it fail, after everything was dropped again; UnchangedError `restore-failed`, `rows-differ`,
 * `interrupted`; NeedsHandsError `half-restored`
 */
export async function fillEmpty(
  url: DatabaseUrl,
  whole: Whole,
  workers: number,
  operation: Operation,
  signal: AbortSignal | undefined,
  judge: (differences: readonly string[]) => void = refuseDifferences,
): Promise<string[]> {
  const begun: Begun = { token: undefined, sessions: [], authTables: whole.tables.filter(isAuth) };
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
      const first = await open();
      await beAlone(first, await listSessions(first));
      begun.token = await setMarker(first, whole.reader.manifest.id);
      await admitOthers(first);
      const clients = [first, ...(await allOrNone(Array.from({ length: workers - 1 }, open)))];
      begun.sessions = await Promise.all(clients.map(join));
      const differences = await fill(first, clients, whole, operation);
      judge(differences);
      await dropMarker(first);
      return differences;
    });
  } catch (error) {
    await emptyAgain(url, begun, error);
    stopWhenAborted(signal, "The database was emptied again.", error);
    throw environmentProblem(url, error) ?? fillingFailed(error);
  }
}

/** All are waited for, so that none is still being opened when those that are get closed. */
async function allOrNone<Result>(works: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(works);
  return await Promise.all(works);
}

function refuseDifferences(differences: readonly string[]): void {
  if (differences.length > 0) throw filledWrongly(differences);
}

async function fill(
  first: Client,
  clients: readonly Client[],
  whole: Whole,
  operation: Operation,
): Promise<string[]> {
  const { reader, pre, post, tables } = whole;
  await operation.step("make the tables", async (step) => {
    await clearProject(first, [recordsSchema]);
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
  return differences;
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
