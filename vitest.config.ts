import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { makeMemoryFolder, removeMemoryFolder } from "./packages/pantler/tests/support/memory-folder.js";

const memory = makeMemoryFolder();
if (memory !== undefined) {
  // Workers, and the processes that tests start, inherit these.
  process.env.PANTLER_CACHE ??= join(memory, "cache");
  process.env.TMPDIR = memory;
  process.once("exit", () => removeMemoryFolder(memory));
}

export default defineConfig({
  test: {
    include: ["packages/*/tests/**/*.test.ts", "projects/*/tests/**/*.test.ts"],
    globalSetup: ["packages/pantler/tests/support/shared-server.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Two cores and one more: some tests wait half a minute for a lock.
    maxWorkers: 3,
  },
});
