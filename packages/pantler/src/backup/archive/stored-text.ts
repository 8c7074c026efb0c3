import { PantlerError } from "../../operation/index.js";
import type { Store } from "../stores/store.js";

/** The content of a small file; undefined when it is not there. */
export async function readStoredText(store: Store, name: string): Promise<string | undefined> {
  try {
    return (await collect(await store.read(name))).toString("utf8");
  } catch (error) {
    if (error instanceof PantlerError && error.code === "store-file-missing") return undefined;
    throw error;
  }
}

/** All bytes of something small. */
export async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
