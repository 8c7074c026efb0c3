import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/tests/**/*.soak.ts", "projects/*/tests/**/*.soak.ts"],
    globalSetup: ["packages/pantler/tests/support/shared-server.ts"],
    testTimeout: 1_800_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
});
