import type { Manifest } from "./manifest.js";

/** How large the files of a backup are, as they are stored. */
export interface StoredBytes {
  /** Of those that are its own. */
  readonly own: number;
  /** Of those that it shares with earlier backups. */
  readonly shared: number;
}

/** Adds up what a manifest says of its files. */
export function storedBytes(manifest: Manifest): StoredBytes {
  const files = [...manifest.files, ...manifest.tables.flatMap((table) => table.files)];
  const sum = (chosen: typeof files) => chosen.reduce((total, { bytes }) => total + bytes, 0);
  const isOwn = ({ backup = manifest.id }: (typeof files)[number]) => backup === manifest.id;
  return { own: sum(files.filter(isOwn)), shared: sum(files.filter((file) => !isOwn(file))) };
}
