import { expect, it } from "vitest";
import { seedEnvironment } from "../../../packages/pantler/src/index.js";
import { brokenChecks, counts, silent, withCrispy } from "./migrated.js";

it("Crispy grows to more than 10,000 rows in every table that grows, all of them allowed", async () => {
  await withCrispy(async (target, url) => {
    await seedEnvironment(target, { scale: 100 }, silent);
    const { sales, segments, tags, test_user_metadata: users, ...grown } = await counts(url);
    expect({ sales, segments, tags, users }).toEqual({ sales: 3, segments: 28, tags: 20, users: 3 });
    expect(Object.entries(grown).filter(([, rows]) => rows <= 10_000)).toEqual([]);
    expect(await brokenChecks(url)).toEqual([]);
  });
});
