import { PantlerError } from "../operation/index.js";
import { ArchiveWriter } from "./archive/archive-writer.js";
import type { Drill } from "./archive/manifest.js";
import { readSealed, renderSealed } from "./archive/sealed-json.js";
import { readStoredText } from "./archive/stored-text.js";
import type { Store } from "./stores/store.js";

const recordName = /^drill-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)-(\d{3})Z\.json$/;

/**
 * Reads the newest drill of a backup. Where its record was changed, or is that of another content, nothing is known:
 * an older one that was passed proves nothing then, as the newest may have found something.
 * @param manifest the hash of the manifest that is there now
 */
export async function readDrill(store: Store, id: string, manifest: string): Promise<Drill | undefined> {
  const newest = (await listRecords(store, id)).at(-1);
  if (newest === undefined) return undefined;
  const { content, sha256 } = readSealed((await readRecord(store, `${id}/${newest}`)) ?? "");
  const { checkDrill } = await import("./archive/manifest-schema.js");
  const drill = sha256 === undefined ? undefined : checkDrill(content);
  return drill?.manifest === manifest ? drill : undefined;
}

/**
 * Records a drill beside its backup, under a name that comes after those of all before it whatever the clock says. One
 * that found something takes the others with it: should its record be lost, none must be left that says otherwise.
 */
export async function writeDrill(store: Store, id: string, drill: Drill): Promise<void> {
  const others = await listRecords(store, id);
  const newest = others.at(-1);
  let moment = new Date(drill.at);
  if (newest !== undefined && nameOf(moment) <= newest) moment = new Date(momentOf(newest).getTime() + 1);
  await new ArchiveWriter(store, id, undefined).open(nameOf(moment), Buffer.from(renderSealed(drill)));
  if (!drill.proven) await store.remove(others.map((name) => `${id}/${name}`));
}

/** The names of the records, the oldest first. */
async function listRecords(store: Store, id: string): Promise<string[]> {
  const names = (await store.list(id)).map(({ name }) => name.slice(id.length + 1));
  return names.filter((name) => !Number.isNaN(momentOf(name).getTime())).sort();
}

/** A record that cannot be read is as good as none; the backup is none the worse for it. */
async function readRecord(store: Store, name: string): Promise<string | undefined> {
  try {
    return await readStoredText(store, name);
  } catch (error) {
    if (error instanceof PantlerError && error.code === "store-unreadable") return undefined;
    throw error;
  }
}

function nameOf(moment: Date): string {
  return `drill-${moment.toISOString().replaceAll(/[:.]/g, "-")}.json`;
}

/** The moment in a record's name, which is not a valid one where the name is not a record's. */
function momentOf(name: string): Date {
  const [, date, hours, minutes, seconds, milliseconds] = recordName.exec(name) ?? [];
  return new Date(`${date}T${hours}:${minutes}:${seconds}.${milliseconds}Z`);
}
