import { describe, expect, it } from "vitest";
import { Operation, type ResetPlan, resetEnvironments } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { writeInside } from "../support/project.js";
import {
  garden,
  overgrown,
  planted,
  type TwoEnvironments,
  withTwoEnvironments,
} from "../support/two-environments.js";

const sql = { both: garden, local: planted, production: overgrown };
const ann = { role: "gardener", name: "Ann Gardener", email: "ann@test.local" };

async function reset(
  { local, production }: TwoEnvironments,
  answer: (plan: ResetPlan) => string | undefined,
) {
  const request = { keys: {}, confirm: async (plan: ResetPlan) => answer(plan) };
  return await resetEnvironments([local, production], request, new Operation());
}

const countBeds = "select count(*)::int as count from beds";

describe("a reset", () => {
  it("leaves fresh users and nothing else, the same in each, and what was there can be brought back", async () => {
    await withTwoEnvironments(
      sql,
      async (environments) => {
        const result = await reset(environments, ({ phrase }) => phrase);
        expect(result).toMatchObject({
          equal: true,
          environments: [{ name: "local" }, { name: "production" }],
        });
        for (const query of [environments.inLocal, environments.inProduction]) {
          expect(await query(countBeds)).toEqual([{ count: 0 }]);
          expect(await query("select count(*)::int as count from harvests_old")).toEqual([{ count: 0 }]);
          expect(await query("select email from auth.users")).toEqual([{ email: "ann@test.local" }]);
        }
        expect(
          await environments.inLocal("insert into beds (name) values ('the first') returning id"),
        ).toEqual([{ id: "1" }]);
        expect(result.environments[1]?.undo).toMatch(
          /^pantler restore \S+ --env production --data-only --confirm/,
        );
      },
      { users: { test: [ann] } },
    );
  });

  it("that nobody confirms changes nothing, and asks for the environments that hold real people", async () => {
    await withTwoEnvironments(sql, async (environments) => {
      await environments.inProduction(
        "insert into auth.users (id, email) values (gen_random_uuid(), 'eve@real.example')",
      );
      let asked = "";
      const error = await failure(
        reset(environments, ({ phrase }) => {
          asked = phrase;
          return "RESET";
        }),
      );
      expect(asked).toBe("RESET production");
      expect(error).toMatchObject({ code: "not-confirmed", exit: 3 });
      expect(await environments.inLocal(countBeds)).toEqual([{ count: 40 }]);
      expect(await environments.inProduction(countBeds)).toEqual([{ count: 5 }]);
    });
  });

  it("whose fresh data cannot be made leaves everything as it was", async () => {
    await withTwoEnvironments(
      sql,
      async (environments) => {
        writeInside(
          environments.root,
          "seed.ts",
          'export default { before: "select 1 / 0", tables: { "public.beds": { rows: 3 } } };',
        );
        const error = await failure(reset(environments, ({ phrase }) => phrase));
        expect(error).toMatchObject({ code: "test-data-failed", sqlstate: "22012", exit: 5 });
        expect(await environments.inLocal(countBeds)).toEqual([{ count: 40 }]);
        expect(await environments.inLocal("select count(*)::int as count from auth.users")).toEqual([
          { count: 2 },
        ]);
        expect(await environments.inProduction(countBeds)).toEqual([{ count: 5 }]);
      },
      { users: { test: [ann] }, data: "seed.ts" },
    );
  });
});
