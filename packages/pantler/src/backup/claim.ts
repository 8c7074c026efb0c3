import { fileNames, isId } from "./archive/archive-names.js";
import type { ArchiveWriter } from "./archive/archive-writer.js";
import { readSealed, renderSealed } from "./archive/sealed-json.js";
import { readStoredText } from "./archive/stored-text.js";
import type { Store } from "./stores/store.js";

/**
 * Says, before an incremental backup looks at others, whose files it may come to refer to. A prune that begins after
 * that keeps them; one that had begun before has taken their manifests away, which the creation then notices.
 */
export async function writeClaim(writer: ArchiveWriter, backups: readonly string[]): Promise<void> {
  await writer.open(fileNames.pending, Buffer.from(renderSealed({ backups })));
}

/** The backups whose files a creation that runs may come to refer to; undefined when its claim is damaged. */
export async function readClaim(store: Store, id: string): Promise<string[] | undefined> {
  const text = await readStoredText(store, `${id}/${fileNames.pending}`);
  if (text === undefined) return [];
  const { content, sha256 } = readSealed(text);
  const claimed = content?.backups;
  return sha256 !== undefined && Array.isArray(claimed) ? claimed.map(String).filter(isId) : undefined;
}
