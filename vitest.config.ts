import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { makeMemoryFolder, removeMemoryFolder } from "./packages/pantler/tests/support/memory-folder.js";

const memory = makeMemoryFolder();
if (memory !== undefined) {
  // Workers, and the processes that tests start, inherit these.
  process.env.PANTLER_CACHE ??= join(memory, "cache");
  process.env.TMPDIR = memory;
  process.once("exit", () => removeMemoryFolder(memory));
}

/** Files that take longest come first: a long one that begins last is waited for by everybody. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = long.findIndex((name) => moduleId.includes(name));
      return place < 0 ? long.length : place;
    };
    return (await super.sort(files)).sort((left, right) => rank(left) - rank(right));
  }
}

const long = [
  ...["/cli/backup.test", "/cli/restore.test", "/deploy/deploy.test", "/deploy/faults-", "/backup/faults-"],
  ...["/kitchenpantry/", "/cli/cli.test", "/backup/", "/engine/local-server", "/environments/sync-faults"],
  ...["/crispy/", "/schema/dump.test", "/migrations/faults", "/access/matrix-faults", "/cli/"],
];

export default defineConfig({
  test: {
    include: ["packages/*/tests/**/*.test.ts", "projects/*/tests/**/*.test.ts"],
    globalSetup: ["packages/pantler/tests/support/shared-server.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Two cores and one more: some tests wait half a minute for a lock.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
});
