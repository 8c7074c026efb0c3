import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withDatabase } from "../support/database.js";
import { fillSchema, randomSchema } from "../support/random-schemas.js";

const trials = Number(process.env.TRIALS ?? 1000);

describe("generated rows", () => {
  it("insert into any schema", async () => {
    await withDatabase(async ({ client }) => {
      await fc.assert(
        fc.asyncProperty(randomSchema, async (schema) => {
          const { found, wanted } = await fillSchema(client, schema);
          expect(found).toEqual(wanted);
        }),
        { numRuns: trials, ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}) },
      );
    });
  });
});
