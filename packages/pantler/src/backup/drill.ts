import { type ScratchServer, withScratch } from "../engine/index.js";
import { messageOf, type Operation, PantlerError, stopWhenAborted } from "../operation/index.js";
import { quoteIdentifier, requireServer, sqlstateOf, withClient } from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { type DumpEntry, readSchema } from "../schema/index.js";
import { ArchiveReader, type Keys } from "./archive/archive-reader.js";
import type { Drill } from "./archive/manifest.js";
import type { Backup } from "./catalog.js";
import { writeDrill } from "./drill-record.js";
import { schemaDifferences } from "./restore/compare-schema.js";
import { constraintOf } from "./restore/entry-order.js";
import { requireFit } from "./restore/restore-check.js";
import { fillEmpty } from "./restore/restore-parallel.js";
import { readWhole } from "./restore/restore-whole.js";

/**
 * Proves a backup: restores it into a server of its own, compares schema, counts and digests with the manifest, and
 * records what it found and how long it took, without the start of the server, beside the backup. That it cannot be
 * restored is a finding too, so that it does not stay proven.
 * @param signal interrupts the work, which then leaves no record
 * @param then is given the server with the restored database once the drill is recorded as passed, and may do with it
 *   what it likes: the server goes away afterwards. It does not count as time of the drill, and what it throws is thrown on
 * @throws UnchangedError `interrupted`
 * @throws EnvironmentError `server-older`, `extension-missing` where the embedded server cannot take it
 * @throws InputError when the archive is encrypted and no key, or the wrong one, is given
 */
export async function drillBackup(
  backup: Backup,
  keys: Keys,
  operation: Operation,
  signal?: AbortSignal,
  then: (scratch: ScratchServer, drill: Drill) => Promise<void> = async () => {},
): Promise<Drill> {
  const opened = await openForDrill(backup, keys, signal);
  if (!(opened instanceof ArchiveReader)) return await record(backup, opened, operation);
  return await withScratch(async (server) => await drillOn(server, backup, opened, operation, signal, then));
}

/**
 * Makes a backup and proves it. The server for the drill is made ready meanwhile.
 * @param make makes the backup
 * @returns the backup, and what its drill found
 * @throws what making it and `drillBackup` throw
 */
export async function makeAndDrill(
  make: () => Promise<Backup>,
  keys: Keys,
  operation: Operation,
  signal?: AbortSignal,
  then: (backup: Backup, scratch: ScratchServer) => Promise<void> = async () => {},
): Promise<{ readonly backup: Backup; readonly drill: Drill }> {
  const making = make();
  // Its failure is met below, once the server is there.
  making.catch(() => {});
  try {
    return await withScratch(async (server) => {
      const backup = await making;
      const opened = await openForDrill(backup, keys, signal);
      const drill =
        opened instanceof ArchiveReader
          ? await drillOn(server, backup, opened, operation, signal, async () => await then(backup, server))
          : await record(backup, opened, operation);
      return { backup, drill };
    });
  } finally {
    // Where there is no server, the backup is made all the same: nothing may go on that nobody waits for.
    await making.catch(() => {});
  }
}

async function openForDrill(
  { store, manifest }: Backup,
  keys: Keys,
  signal: AbortSignal | undefined,
): Promise<ArchiveReader | Found> {
  return await orFinding(signal, async () => await ArchiveReader.open(store, manifest, keys));
}

async function drillOn(
  server: ScratchServer,
  backup: Backup,
  opened: ArchiveReader,
  operation: Operation,
  signal: AbortSignal | undefined,
  then: (scratch: ScratchServer, drill: Drill) => Promise<void>,
): Promise<Drill> {
  const begun = { at: new Date().toISOString(), started: performance.now() };
  const found = await orFinding(
    signal,
    async () => await restoreInto(server, opened, operation.part("drill"), signal),
  );
  const drill = await record(backup, found, operation, begun);
  if (drill.proven) await then(server, drill);
  return drill;
}

async function record(
  { manifest, store, sha256 }: Backup,
  found: Found,
  operation: Operation,
  { at, started } = { at: new Date().toISOString(), started: performance.now() },
): Promise<Drill> {
  const drill: Drill = {
    at,
    ...found,
    milliseconds: Math.round(performance.now() - started),
    proven: found.differences.length === 0,
    manifest: sha256,
  };
  await operation.step("record the drill", async (step) => {
    await writeDrill(store, manifest.id, drill);
    step.note(drill.proven ? "proven" : "not proven");
  });
  return drill;
}

/** What an interrupted drill leaves. */
const undrilled = "The backup is as it was; this drill is not recorded.";

interface Found {
  /** Empty where it did not come to the restore's end. */
  readonly server: string;
  readonly restoreMilliseconds: number;
  readonly differences: readonly string[];
  readonly leftOut?: readonly string[] | undefined;
}

async function restoreInto(
  { url, superuserUrl }: ScratchServer,
  reader: ArchiveReader,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const { manifest } = reader;
  const server = await withClient(url, async (client) => {
    await requireFit(client, url, await requireServer(client, url), manifest);
    const { rows } = await client.query<{ version: string }>(
      "select split_part(current_setting('server_version'), ' ', 1) as version",
    );
    return rows[0]?.version ?? "";
  });
  // Owners may be roles that only a superuser can give things to; what is restored is owned as it was all the same.
  await asSuperuser(superuserUrl, `alter role ${quoteIdentifier(url.user)} superuser`);
  const started = performance.now();
  const whole = await readWhole(reader, manifest.tables);
  stopWhenAborted(signal, undrilled);
  const rows = await fillEmpty(url, whole, operation, signal);
  const restoreMilliseconds = Math.round(performance.now() - started);
  await asSuperuser(superuserUrl, `alter role ${quoteIdentifier(url.user)} nosuperuser`);
  const keys = whole.broken.filter(({ type }) => type === "FK CONSTRAINT");
  const schema = await compareSchema(url, reader, server, keys, operation);
  const differences = [...rows, ...schema, ...(await unreadProblems(reader))];
  if (keys.length === 0) return { server, restoreMilliseconds, differences };
  const leftOut = keys.map(
    (key) => `the foreign key ${constraintOf(key)} of ${key.schema}.${key.relation?.name}`,
  );
  for (const each of leftOut) operation.finding("info", `not looked at: ${each}`);
  return { server, restoreMilliseconds, differences, leftOut };
}

/** What is wrong with files that were not needed here and will be elsewhere: roles, the script for psql. */
async function unreadProblems(reader: ArchiveReader): Promise<string[]> {
  const problems: string[] = [];
  for (const file of reader.manifest.files) {
    const problem = await reader.problemOf(file);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** Does a part of a drill; an error that tells of the archive is what it found. */
async function orFinding<Result>(
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result | Found> {
  try {
    const found = await work();
    stopWhenAborted(signal, undrilled);
    return found;
  } catch (error) {
    stopWhenAborted(signal, undrilled, error);
    if (!isAboutArchive(error)) throw error;
    const because = messageOf(error);
    return { server: "", restoreMilliseconds: 0, differences: [`it could not be restored: ${because}`] };
  }
}

const failures = new Set(["archive-damaged", "restore-failed", "rows-differ", "schema-not-restored"]);

/**
 * Classes of SQLSTATE that tell of the server and the way to it: connection, resources, intervention, system and
 * internal errors (https://www.postgresql.org/docs/17/errcodes-appendix.html).
 */
const serverTroubles = new Set(["08", "53", "57", "58", "XX"]);

/** Whether an error tells of what was restored, and not of the server, the store, the keys or an interruption. */
function isAboutArchive(error: unknown): boolean {
  const sqlstate = error instanceof PantlerError ? error.sqlstate : sqlstateOf(error);
  if (sqlstate !== undefined && serverTroubles.has(sqlstate.slice(0, 2))) return false;
  return error instanceof PantlerError ? failures.has(error.code) : sqlstate !== undefined;
}

async function compareSchema(
  url: DatabaseUrl,
  reader: ArchiveReader,
  server: string,
  leftOut: readonly DumpEntry[],
  operation: Operation,
): Promise<string[]> {
  return await operation.step("compare the schema with the backup", async (step) => {
    const restored = await withClient(url, readSchema);
    const found = await schemaDifferences(reader, restored, Number.parseInt(server, 10), leftOut);
    step.note(found.length === 0 ? `${restored.length} objects` : `${found.length} differ`);
    return found;
  });
}

async function asSuperuser(url: DatabaseUrl, statement: string): Promise<void> {
  await withClient(url, (client) => client.query(statement));
}
