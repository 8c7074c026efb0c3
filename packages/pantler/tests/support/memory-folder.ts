import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** Where Linux keeps files in memory. */
const memory = "/dev/shm";

/** The servers and projects of all tests together, and as much again, in bytes. */
const enough = 4 * 1024 ** 3;

/**
 * Makes a folder in memory for what tests write and remove again, thousands of small files each: a disk that has to look
 * for room for them makes the tests several times slower. Where there is no such place, they stay on the disk.
 * @returns undefined there
 */
export function makeMemoryFolder(): string | undefined {
  try {
    const mount = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .findLast(([, path]) => path === memory);
    const { bavail, bsize } = statfsSync(memory);
    // The servers' programs are copied there too, and have to run.
    if (mount === undefined || mount[3]?.split(",").includes("noexec") || bavail * bsize < enough)
      return undefined;
    const folder = mkdtempSync(join(memory, "pantler-tests-"));
    // Servers run as another account than root.
    chmodSync(folder, 0o755);
    return folder;
  } catch {
    return undefined;
  }
}

/** Removes it, with all that killed tests have left. */
export function removeMemoryFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
