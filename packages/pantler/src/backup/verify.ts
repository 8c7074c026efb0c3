import type { Operation } from "../operation/index.js";
import { ArchiveReader } from "./archive/archive-reader.js";
import type { ArchivedFile } from "./archive/manifest.js";
import type { Backup } from "./catalog.js";

export interface VerifyResult {
  /** How many files were read. */
  readonly files: number;
  readonly bytes: number;
  /** What is not as the manifest says, in words; empty when every byte is. */
  readonly problems: readonly string[];
}

/** So many files are read at once. */
const readAtOnce = 4;

/**
 * Reads every byte of a backup and compares sizes and hashes with its manifest; nothing is decrypted or restored.
 * @throws EnvironmentError when the store cannot be read
 */
export async function verifyBackup(backup: Backup, operation: Operation): Promise<VerifyResult> {
  const { manifest, store } = backup;
  const reader = ArchiveReader.stored(store, manifest);
  const files: ArchivedFile[] = [...manifest.files, ...manifest.tables.flatMap((table) => table.files)];
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return await operation.step("read every file", async (step) => {
    const problems: string[] = [];
    let done = 0;
    const remaining = files.values();
    await Promise.all(
      Array.from({ length: readAtOnce }, async () => {
        for (const file of remaining) {
          const problem = await reader.problemOf(file);
          if (problem !== undefined) problems.push(problem);
          done += file.bytes;
          step.progress(done, total, `bytes, ${file.name}`);
        }
      }),
    );
    step.note(
      `${files.length} files, ${problems.length === 0 ? "all as written" : `${problems.length} damaged`}`,
    );
    return { files: files.length, bytes: total, problems: problems.sort() };
  });
}
