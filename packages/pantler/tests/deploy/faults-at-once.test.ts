import { cpSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { standingOf } from "../support/deploy-standing.js";
import { failure } from "../support/failure.js";
import { waitForStatement } from "../support/inspect.js";
import { type Production, withProduction } from "../support/production.js";
import { withFolder } from "../support/project.js";

const counted = {
  "migrations/20260202000000_count.sql":
    "alter table public.jars add column sold int not null default 0;\nupdate public.jars set sold = sold + 1;",
  "rollbacks/20260202000000_count.sql": "alter table public.jars drop column sold;",
};

async function withSecondCheckout(
  production: Production,
  test: (second: Production) => Promise<void>,
): Promise<void> {
  await withFolder({}, async (folder) => {
    cpSync(production.root, folder, { recursive: true });
    await test(await production.reopen(folder));
  });
}

describe("two deployments to one environment from two checkouts", () => {
  it("apply nothing twice when one ends while the other waits to be confirmed", async () => {
    await withProduction(counted, async (production) => {
      await withSecondCheckout(production, async (faster) => {
        const error = await failure(
          production.deploy({
            confirm: async ({ phrase }) => {
              expect(await faster.deploy()).toMatchObject({ outcome: "applied" });
              return phrase;
            },
          }),
        );
        expect(error).toMatchObject({ code: "plan-changed", exit: 3 });
        expect(error.state).toContain("Nothing was deployed");
      });
      expect(await standingOf(production)).toMatchObject({
        ledger: ["20260202000000"],
        deployments: [{ outcome: "applied" }],
      });
      expect(await production.sql("select distinct sold from jars")).toEqual([{ sold: 1 }]);
      expect(await production.deploy()).toMatchObject({ outcome: "nothing-pending", settled: [] });
    });
  });

  it("do not take the work of one that is still at it for something to be undone", async () => {
    const index = {
      "migrations/20260203000000_index.sql":
        "create index concurrently jars_label_idx on public.jars (label);",
      "rollbacks/20260203000000_index.sql": "drop index if exists public.jars_label_idx;",
    };
    await withProduction(index, async (production) => {
      await withSecondCheckout(production, async (second) => {
        const old = new pg.Client({ connectionString: production.url });
        await old.connect();
        await old.query("begin; update jars set label = label where id = 1");
        const first = production.deploy();
        await waitForStatement(production.url, "create index concurrently%", 2000);
        expect(await failure(second.deploy())).toMatchObject({ code: "deployment-running", exit: 3 });
        // The first one ends while the next one waits for it.
        const later = second.deploy();
        await sleep(700);
        await old.end();
        expect(await first).toMatchObject({ outcome: "applied" });
        const outcome = await later.then(
          ({ outcome: its }) => its,
          ({ code }: { code?: string }) => code,
        );
        expect(["nothing-pending", "deployment-running"]).toContain(outcome);
      });
      expect(await standingOf(production)).toMatchObject({
        ledger: ["20260203000000"],
        deployments: [{ outcome: "applied" }],
        halfDone: undefined,
      });
      expect(await production.sql("select to_regclass('jars_label_idx')::text as it")).toEqual([
        { it: "jars_label_idx" },
      ]);
    });
  });
});
