import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/tests/**/*.test.ts", "projects/*/tests/**/*.test.ts"],
    globalSetup: ["packages/pantler/tests/support/shared-server.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Two cores: more workers than that only wait for each other and for the server.
    maxWorkers: 2,
  },
});
