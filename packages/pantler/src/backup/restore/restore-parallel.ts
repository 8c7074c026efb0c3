import { copyConnections, inParallel, prepareSession, restoreSequences, sqlName } from "../../copy/index.js";
import { type Operation, stopWhenAborted, withReleases } from "../../operation/index.js";
import { type Client, connect, environmentProblem } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import type { ArchiveReader } from "../archive/archive-reader.js";
import type { ArchivedFile, ArchivedTable } from "../archive/manifest.js";
import { applyEntries } from "./apply-entries.js";
import { applyInParallel } from "./apply-in-parallel.js";
import { clearProject, recordsSchema } from "./clear-project.js";
import { isDirect, type Load, loadRows, planLoads } from "./load-rows.js";
import { admitOthers, beAlone, join, listSessions } from "./restore-sessions.js";
import { compareRows } from "./restore-verify.js";
import {
  counted,
  describeRows,
  digestOf,
  isAuth,
  lacksRoles,
  makeRoles,
  replaceAuthRows,
  type Whole,
  withTables,
} from "./restore-whole.js";

/** How long a statement waits for a lock, in milliseconds. Nobody should be working in an empty database. */
const lockTimeout = 30_000;

/** What to do besides filling a database. */
export interface Filling {
  /** How many connections; as many as this machine can feed by default. */
  readonly workers?: number | undefined;
  /** Told the process on the server of each session that works. */
  readonly onSession?: ((session: number) => void) | undefined;
  /** Run when no other restore works in the database, before anything is changed in it. */
  readonly onAlone?: ((client: Client) => Promise<void>) | undefined;
  /** Told what is not as in the archive, in words; what it throws ends the restore. */
  readonly judge?: ((differences: readonly string[]) => void) | undefined;
  /** Run in the transaction that gives the last rights. */
  readonly onFilled?: ((client: Client) => Promise<void>) | undefined;
}

/**
 * Fills an empty database with all that an archive holds, over several connections at once. What it has done when it
 * fails stays, and its sessions may still be at it: see `beAlone`.
 * @returns what is not as in the archive, in words; empty when every row is
 * @throws UnchangedError `interrupted`, and what made it fail
 */
export async function fillEmpty(
  url: DatabaseUrl,
  whole: Whole,
  operation: Operation,
  signal: AbortSignal | undefined,
  filling: Filling = {},
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
        await client.query(
          // Nothing has to be on the disk before the end: what a crash loses is started over, as the marker says.
          `set lock_timeout = ${lockTimeout}; set default_transaction_isolation = 'read committed'; set synchronous_commit = off`,
        );
        return client;
      };
      const first = await open();
      await beAlone(first, await listSessions(first));
      await filling.onAlone?.(first);
      await admitOthers(first);
      const joining = async (client: Client) => {
        filling.onSession?.(await join(client));
        return client;
      };
      // All are waited for, so that none is still being opened when those that are get closed.
      const opened = await Promise.allSettled([
        joining(first),
        ...Array.from(
          { length: (filling.workers ?? copyConnections()) - 1 },
          async () => await joining(await open()),
        ),
      ]);
      const clients = opened.map((outcome) => {
        if (outcome.status === "rejected") throw outcome.reason;
        return outcome.value;
      });
      stopWhenAborted(signal, brokenOff);
      return await fill(first, clients, whole, operation, filling);
    });
  } catch (error) {
    stopWhenAborted(signal, brokenOff, error);
    throw environmentProblem(url, error) ?? error;
  }
}

const brokenOff = "The database holds a part of the backup.";

async function fill(
  first: Client,
  clients: readonly Client[],
  whole: Whole,
  operation: Operation,
  { judge, onFilled }: Filling,
): Promise<string[]> {
  const { reader, pre, post, rights, tables, sequences } = whole;
  const loads = await withTables(first, planLoads(tables, reader.manifest.tables), operation);
  await operation.step("make the tables", async (step) => {
    await clearProject(first, [recordsSchema]);
    if (await lacksRoles(first, reader)) await makeRoles(first, reader);
    await applyEntries(first, pre, false, (done) => step.progress(done, pre.length, "entries"));
  });
  await operation.step("load the rows", async (step) => {
    const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    await loadAll(clients, reader, loads, (table, bytes) => {
      done += bytes;
      step.progress(done, total, `bytes, ${sqlName(table)}`);
    });
    step.note(describeRows(tables));
    await restoreSequences(first, sequences);
  });
  const differences = await operation.step("compare the rows with the backup", async (step) => {
    return await compareRows(clients, loads, digestOf, (done) => step.progress(done, loads.length, "tables"));
  });
  judge?.(differences);
  await operation.step("restore indexes, constraints and rules", async (step) => {
    await applyInParallel(clients, post, (done) => step.progress(done, post.length, "entries"));
  });
  await operation.step("restore rights", async (step) => {
    // What was committed before is on the disk when this is.
    await first.query("begin; set local synchronous_commit = on");
    await applyEntries(first, rights, true, (done) => step.progress(done, rights.length, "entries"));
    // What roles that are there get is the server's, so that it comes with what cannot fail any more.
    await makeRoles(first, reader);
    await onFilled?.(first);
    await first.query("commit");
  });
  return differences;
}

type OnBytes = (table: ArchivedTable, bytes: number) => void;

async function loadAll(
  clients: readonly Client[],
  reader: ArchiveReader,
  loads: readonly Load[],
  onBytes: OnBytes,
): Promise<void> {
  const [first] = clients;
  for (const load of loads) {
    if (!first || !isAuth(load.table)) continue;
    await first.query("begin");
    await replaceAuthRows(first, load, reader.rows(load.table));
    await first.query("commit");
  }
  const others = loads.filter(({ table }) => !isAuth(table));
  const callsFunctions = ({ table }: Load) => table.callsFunctions === true;
  await loadFiles(
    clients,
    reader,
    others.filter((load) => !callsFunctions(load)),
    onBytes,
  );
  await loadFiles(clients, reader, others.filter(callsFunctions), onBytes);
}

/** Emptying a table costs more than freezing less than this saves, in bytes. */
const worthFreezing = 1024 * 1024;

interface FileTask {
  readonly load: Load;
  readonly file: ArchivedFile;
}

async function loadFiles(
  clients: readonly Client[],
  reader: ArchiveReader,
  loads: readonly Load[],
  onBytes: OnBytes,
): Promise<void> {
  const tasks: FileTask[] = loads.flatMap((load) => load.table.files.map((file) => ({ load, file })));
  tasks.sort((left, right) => right.file.bytes - left.file.bytes);
  await inParallel(
    clients,
    tasks,
    async (client, { load, file }) => {
      const { table } = load;
      const rows = counted(reader.fileRows(file), (bytes) => onBytes(table, bytes));
      const freeze = table.files.length === 1 && isDirect(load) && table.bytes >= worthFreezing;
      // Emptied in the same transaction, the table takes rows that need no second look.
      await client.query(freeze ? `begin; truncate only ${sqlName(table)}` : "begin");
      await loadRows(client, load, rows, { freeze });
      await client.query("commit");
    },
    (client) => client.end().catch(() => {}),
  );
}
