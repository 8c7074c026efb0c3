import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  compareAccess,
  createTestUsers,
  measureAccess,
  readSnapshot,
  snapshotOf,
} from "../../../packages/pantler/src/index.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { silent, withCrispy } from "./migrated.js";

describe("what is agreed on of Crispy", () => {
  it("is how it is for its three test users", async () => {
    await withCrispy(async (target) => {
      await seedDatabase(target, silent);
      await createTestUsers(target, {}, silent);
      const matrix = await measureAccess(target.url, target.project, {}, silent);
      const agreed = readSnapshot(join(target.project.root, "access.snapshot.json"));
      const snapshot = snapshotOf(matrix);
      expect(compareAccess(agreed ?? snapshot, snapshot)).toEqual([]);
      expect(agreed?.identities).toEqual(snapshot.identities);
    });
  });
});
