import type { ArchiveWriter } from "./archive-writer.js";
import { readSealed, renderSealed } from "./sealed-json.js";
import type { Store } from "./store.js";
import { readStoredText } from "./stored-text.js";

/** What a drill found. */
export interface Drill {
  /** When it began, as an ISO 8601 text in UTC. */
  readonly at: string;
  /** How long the restore took, in milliseconds: what a recovery will take on such a machine. */
  readonly restoreMilliseconds: number;
  /** How long all of it took, in milliseconds. */
  readonly milliseconds: number;
  /** Whether everything was there and equal. */
  readonly proven: boolean;
  /** The hash of the manifest that it compared with. */
  readonly manifest: string;
  /** What the server called itself that it restored into. */
  readonly server: string;
  /** What was not as the manifest says, in words. */
  readonly differences: readonly string[];
}

const recordName = /^drill-[0-9TZ-]+\.json$/;

/** The drills of a backup, the newest first. One that was changed is no proof, and is left out. */
export async function readDrills(store: Store, id: string): Promise<Drill[]> {
  const names = (await store.list(id)).map(({ name }) => name.slice(id.length + 1));
  const drills: Drill[] = [];
  for (const name of names
    .filter((each) => recordName.test(each))
    .sort()
    .reverse()) {
    const drill = parseDrill((await readStoredText(store, `${id}/${name}`)) ?? "");
    if (drill) drills.push(drill);
  }
  return drills;
}

/** Records a drill beside its backup. */
export async function writeDrill(writer: ArchiveWriter, drill: Drill): Promise<void> {
  const name = `drill-${drill.at.replaceAll(/[:.]/g, "-")}.json`;
  await writer.open(name, Buffer.from(renderSealed(drill)));
}

function parseDrill(text: string): Drill | undefined {
  const { content, sha256 } = readSealed(text);
  return sha256 === undefined ? undefined : (content as unknown as Drill);
}
