import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, it } from "vitest";
import {
  lintMigrations,
  lintPending,
  locateTarget,
  migrateUp,
  Operation,
  openProject,
} from "../../src/index.js";
import { withDatabaseUrl } from "../support/database.js";

const folder = fileURLToPath(new URL("../../../../projects/kitchenpantry", import.meta.url));
const silent = new Operation();

async function targetAt(url: string) {
  const variables = { PANTLER_ENGINE_URL: url };
  return await locateTarget(await openProject({ folder, from: folder, variables }), "local");
}

describe("migration lint, of the reference project", () => {
  it("finds nothing in the text of its eight phases", async () => {
    const project = await openProject({ folder, from: folder, variables: {} });
    expect(await lintMigrations(project, undefined, {}, silent)).toEqual([]);
  });

  it.each([undefined, "000", "020", "030", "050"])(
    "finds no error when phases are pending after %s",
    async (to) => {
      await withDatabaseUrl(async (url) => {
        const target = await targetAt(url);
        if (to !== undefined) await migrateUp(target, { to }, silent);
        const findings = await lintPending(target, silent);
        expect(findings.filter(({ level }) => level !== "info")).toEqual([]);
      });
    },
  );

  it("finds nothing when all is applied", async () => {
    await withDatabaseUrl(async (url) => {
      const target = await targetAt(url);
      await migrateUp(target, {}, silent);
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      expect(await lintMigrations(target.project, client, {}, silent)).toEqual([]);
      await client.end();
    });
  });
});
