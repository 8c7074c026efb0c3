import { lockForReading, type Snapshot, type Table, withSnapshot } from "../copy/index.js";
import type { Target } from "../engine/index.js";
import { newId, type Operation, stopWhenAborted } from "../operation/index.js";
import { type Client, cancelOnAbort, refuseTransactionPooler, requireServer } from "../postgres/index.js";
import {
  dumpSchema,
  fingerprintOf,
  readExtensions,
  readRoles,
  readSchema,
  renderEntries,
  renderRoles,
} from "../schema/index.js";
import { fileNames } from "./archive/archive-names.js";
import { ArchiveWriter } from "./archive/archive-writer.js";
import {
  type ArchivedFile,
  type BackupKind,
  type Manifest,
  manifestName,
  renderManifest,
} from "./archive/manifest.js";
import { removeArchive } from "./archive/remove-archive.js";
import { renderRestoreScript } from "./archive/restore-script.js";
import { missingFiles, requireFiles } from "./archive/stored-files.js";
import { type Backup, findBackup, isUsable, listBackups } from "./catalog.js";
import { writeClaim } from "./claim.js";
import { type Contents, readContents, readLeftOut } from "./contents.js";
import { copyTables, nothingListed } from "./copy-tables.js";
import type { Seal } from "./encryption/encryption.js";
import { prepareSeal } from "./encryption/prepare-seal.js";
import { findParent, foldersOf } from "./parent.js";
import { arrangeEntries } from "./restore/entry-order.js";
import { refuseHalfRestored } from "./restore/restore-marker.js";
import { describeRows } from "./restore/restore-whole.js";
import { openStore } from "./stores/open-store.js";
import type { Store } from "./stores/store.js";
import { chooseTables, withSiblings } from "./table-choice.js";

export interface CreateRequest {
  /** `full` by default; `tables` follows from naming some. */
  readonly kind?: Exclude<BackupKind, "tables"> | undefined;
  /** Only the rows of these tables, each as `name`, for one of schema public, or `schema.name`. */
  readonly tables?: readonly string[] | undefined;
  /** Refers to the files of the last backup for tables whose rows are still the same. */
  readonly incremental?: boolean | undefined;
  /** What to call it. */
  readonly name?: string | undefined;
  /** Encrypts with this, where the settings name no recipients. */
  readonly passphrase?: string | undefined;
}

/** What is known before anything is read. */
interface Plan {
  readonly target: Target;
  readonly request: CreateRequest;
  readonly kind: BackupKind;
  readonly store: Store;
  readonly id: string;
  readonly seal: Seal | undefined;
  readonly writer: ArchiveWriter;
  readonly sequence: number;
  readonly parent: Backup | undefined;
}

/**
 * Takes a backup of one moment of an environment, while others go on reading and writing, and lists it in the
 * environment's store. It counts as a backup when its manifest is written, last of all; what is left of a creation
 * that failed is removed, and of one that was killed by the next prune.
 * @param signal interrupts the work
 * @throws EnvironmentError where the database or the store cannot be used, or the role cannot read all rows
 * @throws InputError `table-unknown`, and for settings of the encryption that cannot be used
 * @throws UnchangedError `interrupted`
 */
export async function createBackup(
  target: Target,
  request: CreateRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<Backup> {
  refuseTransactionPooler(target.url);
  const plan = await operation.step("open the store", async (step) => {
    const prepared = await prepare(target, request, operation);
    step.note(prepared.store.location);
    return prepared;
  });
  const { store, id } = plan;
  try {
    const parent = await claimParent(plan);
    const manifest = await withSnapshot(target.url, (snapshot) =>
      archive({ ...plan, parent }, snapshot, operation, signal),
    );
    return await operation.step("list the backup", async (step) => {
      await requireFiles(store, manifest);
      stopWhenAborted(signal, nothingListed);
      await plan.writer.open(manifestName, Buffer.from(renderManifest(manifest)));
      if (plan.parent) await withdrawClaim(store, id, operation);
      step.note(id);
      return await findBackup(store, id);
    });
  } catch (error) {
    await removeArchive(store, id).catch((second: unknown) => {
      operation.finding("warning", `what was stored of ${id} could not be removed: ${String(second)}`);
    });
    stopWhenAborted(signal, nothingListed, error);
    throw error;
  }
}

async function prepare(target: Target, request: CreateRequest, operation: Operation): Promise<Plan> {
  const { project, environment } = target;
  const store = await openStore(environment.backups.store);
  const { recipients } = environment.backups;
  const listed = await listBackups(store);
  const usable = listed.filter(isUsable).map(({ manifest }) => manifest);
  const now = new Date();
  const ahead = usable.find(({ createdAt }) => createdAt > now.toISOString());
  if (ahead) {
    operation.finding(
      "warning",
      `the clock was set back: the backup ${ahead.id} is from ${ahead.createdAt}, which is still to come`,
    );
  }
  const { parent, seal } = await prepareSeal(
    recipients,
    request.passphrase,
    (encryption) =>
      request.incremental
        ? findParent(listed, { project: project.name, environment: environment.name, encryption, recipients })
        : undefined,
    operation,
  );
  const id = newId(now);
  return {
    target,
    request,
    kind: request.tables ? "tables" : (request.kind ?? "full"),
    store,
    id,
    seal,
    writer: new ArchiveWriter(store, id, seal),
    sequence: 1 + Math.max(0, ...usable.map(({ sequence }) => sequence)),
    parent,
  };
}

/** Claims the files of the parent, as far as they are there, unless a prune has just taken it away. */
async function claimParent({ parent, store, writer }: Plan): Promise<Backup | undefined> {
  if (!parent) return undefined;
  const { manifest } = parent;
  await writeClaim(writer, foldersOf(manifest));
  const present = new Set((await listBackups(store)).map(({ id }) => id));
  if (!present.has(parent.id)) return undefined;
  const missing = new Set(await missingFiles(store, manifest));
  const tables = manifest.tables.filter(({ files }) => !files.some((file) => missing.has(file)));
  return { ...parent, manifest: { ...manifest, tables } };
}

/** Takes the claim back, which the manifest takes the place of. One that stays does no harm. */
async function withdrawClaim(store: Store, id: string, operation: Operation): Promise<void> {
  await store.remove([`${id}/${fileNames.pending}`]).catch((error: unknown) => {
    operation.finding("warning", `${id}/${fileNames.pending} could not be removed: ${String(error)}`);
  });
}

async function archive(
  plan: Plan,
  snapshot: Snapshot,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Omit<Manifest, "format">> {
  const started = performance.now();
  const { target, request, kind, writer, parent } = plan;
  const { client } = snapshot;
  const major = await requireServer(client, target.url);
  await refuseHalfRestored(client, target.url);
  const createdAt = new Date().toISOString();
  const contents = await operation.step("hold the tables as they are", async (step) => {
    const stopListening = await cancelOnAbort(client, target.url, signal);
    try {
      const found = await readContents(client, kind, choiceOf(request));
      await lockForReading(client, found.tables);
      step.note(`${found.tables.length} tables`);
      return found;
    } finally {
      stopListening();
    }
  });
  // The schema is read while the rows are copied; what goes wrong with it is thrown where it is awaited.
  const given = new AbortController();
  const stop = AbortSignal.any([given.signal, ...(signal ? [signal] : [])]);
  const schema = readWholeSchema(plan, snapshot, contents, stop);
  schema.catch(() => {});
  const tables = await operation
    .step("copy the rows", async (step) => {
      const copied = await copyTables(snapshot, contents.tables, writer, parent, step, signal);
      step.note(describeTables(copied));
      return copied;
    })
    .catch(async (error: unknown) => {
      // What is still being written would otherwise come after all was removed.
      given.abort();
      await schema.catch(() => {});
      throw error;
    });
  const { leftOut, ...described } = await operation.step("read the schema", async (step) => {
    const read = await schema;
    step.note(`${read.schema.objects} objects, fingerprint ${read.schema.fingerprint}`);
    return read;
  });
  for (const each of leftOut) operation.finding("info", `not in the backup: ${each}`);
  const { version, role } = await describeServer(client);
  const manifest = {
    id: plan.id,
    sequence: plan.sequence,
    createdAt,
    milliseconds: Math.round(performance.now() - started),
    project: target.project.name,
    environment: target.environment.name,
    name: request.name,
    kind,
    parent: parent?.id,
    source: { database: target.url.database, version, major, role },
    encryption: plan.seal?.kind,
    recipients: plan.seal?.kind === "recipients" ? target.environment.backups.recipients : undefined,
    tables,
    sequences: contents.sequences,
    views: contents.views,
    leftOut,
    ...described,
  };
  return { ...manifest, files: [...manifest.files, ...(await writeExtras(plan, manifest))] };
}

/** The schema's text, and what can be said of it. */
async function readWholeSchema(
  { target, kind, writer }: Plan,
  { id, client }: Snapshot,
  { schemas, tables, views }: Contents,
  signal: AbortSignal | undefined,
): Promise<Pick<Manifest, "schema" | "roles" | "extensions" | "leftOut" | "files">> {
  const { entries, leftOut } = await dumpSchema(target.url, { snapshot: id, ...(signal ? { signal } : {}) });
  const objects = await readSchema(client);
  const roles = await readRoles(client);
  const { pre, post, broken } = arrangeEntries(entries, views, kind === "tables" ? tables : undefined);
  return {
    schema: { fingerprint: fingerprintOf(objects), objects: objects.length },
    roles: roles.map(({ name }) => name),
    extensions: await readExtensions(client),
    leftOut: [...leftOut, ...(await readLeftOut(client, schemas))],
    files: [
      await writer.text(fileNames.pre, renderEntries(pre)),
      await writer.text(fileNames.post, renderEntries(post)),
      ...(broken.length > 0 ? [await writer.text(fileNames.broken, renderEntries(broken))] : []),
      await writer.text(fileNames.roles, renderRoles(roles)),
      await writer.text(fileNames.objects, JSON.stringify(objects)),
    ],
  };
}

/** The script for psql, and the keys of the files, where a passphrase hides them. */
async function writeExtras(
  { seal, writer }: Plan,
  manifest: Omit<Manifest, "format">,
): Promise<ArchivedFile[]> {
  const script = await writer.text(fileNames.script, renderRestoreScript(manifest));
  return seal?.keyFile ? [script, await writer.open(fileNames.key, seal.keyFile)] : [script];
}

function choiceOf({ tables }: CreateRequest): (present: readonly Table[]) => Table[] {
  return (present) =>
    tables ? withSiblings(chooseTables(tables, present, "The database"), present) : [...present];
}

function describeTables(tables: readonly Manifest["tables"][number][]): string {
  const shared = tables.filter(({ files }) => files.some(({ backup }) => backup !== undefined)).length;
  const unchanged = shared > 0 ? `, ${shared} unchanged` : "";
  return `${describeRows(tables)}${unchanged}`;
}

async function describeServer(client: Client): Promise<{ readonly version: string; readonly role: string }> {
  const { rows } = await client.query<{ version: string; role: string }>(
    "select split_part(current_setting('server_version'), ' ', 1) as version, current_user as role",
  );
  const [server] = rows;
  if (!server) throw new Error("the server did not say what it is");
  return server;
}
