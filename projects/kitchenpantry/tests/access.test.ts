import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  compareAccess,
  locateTarget,
  measureAccess,
  migrateUp,
  Operation,
  openProject,
  readSnapshot,
  snapshotOf,
} from "../../../packages/pantler/src/index.js";
import { seedDatabase } from "../../../packages/pantler/src/migrations/index.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";

const folder = fileURLToPath(new URL("..", import.meta.url));
const silent = new Operation();

describe("what is agreed on of KitchenPantry", () => {
  it("is how it is for the people of the demo, until a policy is more than it should be", async () => {
    await withDatabaseUrl(async (url) => {
      const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } });
      const target = await locateTarget(project, "local");
      await migrateUp(target, {}, silent);
      await seedDatabase(target, silent);
      const agreed = readSnapshot(join(folder, "access.snapshot.json"));
      const snapshot = async () => snapshotOf(await measureAccess(target.url, project, {}, silent));
      const before = await snapshot();
      expect(compareAccess(agreed ?? before, before)).toEqual([]);
      expect(agreed).toEqual(before);

      await query(
        url,
        `create policy careless on public.interactions for update to authenticated using (true);
        create policy unreachable on public.contacts for delete to authenticated using (true)`,
      );
      const gained = compareAccess(before, await snapshot()).filter(({ kind }) => kind === "gained");
      expect(gained.map(({ sentence }) => sentence)).toContain(
        "broker can now change other people's rows of interactions",
      );
      // Nobody was granted to delete contacts, so the policy gives nobody anything.
      expect(gained.filter(({ subject }) => subject === "public.contacts")).toEqual([]);
    });
  });
});
