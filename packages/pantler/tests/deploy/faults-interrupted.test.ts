import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { pantler } from "../support/cli.js";
import { newestJournal, standingOf } from "../support/deploy-standing.js";
import { failure } from "../support/failure.js";
import { waitForStatement } from "../support/inspect.js";
import { type Production, withProduction } from "../support/production.js";
import { withProxy } from "../support/proxy.js";

const note = {
  "migrations/20260202000000_note.sql": "alter table public.jars add column note text;",
  "rollbacks/20260202000000_note.sql": "alter table public.jars drop column note;",
};

const index = {
  "migrations/20260203000000_index.sql": "create index concurrently jars_label_idx on public.jars (label);",
  "rollbacks/20260203000000_index.sql": "drop index if exists public.jars_label_idx;",
};

/** A deployment may have to be waited for: so many looks, each of some 25 milliseconds. */
const patience = 2000;

/** Keeps a transaction open that an index which is built concurrently has to wait for. */
async function withOldTransaction(
  { url }: Production,
  work: (end: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const old = new pg.Client({ connectionString: url });
  await old.connect();
  try {
    await old.query("begin; update jars set label = label where id = 1");
    await work(async () => {
      await old.query("rollback");
    });
  } finally {
    await old.end();
  }
}

/** Deploys in a process of its own, which gets a signal. */
async function interrupted({ root }: Production, name: NodeJS.Signals, when: Promise<unknown>) {
  const words = ["deploy", "production", "--json", "--confirm", "APPLY MIGRATIONS production"];
  return await pantler(words, {
    cwd: root,
    onStart: (child) => {
      void when.then(() => child.kill(name));
    },
  });
}

describe("a deployment that is interrupted while it applies", () => {
  it("by Ctrl-C is rolled back, says so, and may be run again", async () => {
    // The copy of the rehearsal is another database, and waits for nothing.
    const slow = {
      ...note,
      "migrations/20260203000000_slow.sql":
        "select pg_sleep(case when current_database() = 'postgres' then 0 else 60 end);",
    };
    await withProduction(slow, async (production) => {
      const { schema } = await standingOf(production);
      const asleep = waitForStatement(production.url, "select pg_sleep(case%", patience);
      const { code, result } = await interrupted(production, "SIGINT", asleep);
      expect(code).toBe(5);
      expect(result.error).toMatchObject({
        code: "interrupted",
        state: "Nothing of the 2 migrations was kept; the database is as it was.",
      });
      expect(await standingOf(production)).toMatchObject({
        ledger: [],
        schema,
        deployments: [{ outcome: "unchanged" }],
      });
      expect(newestJournal(production).at(-1)).toMatchObject({
        type: "ended",
        outcome: "failed",
        error: "Interrupted.",
      });
      production.write("supabase/migrations/20260203000000_slow.sql", "select 1;");
      expect(await production.deploy()).toMatchObject({ outcome: "applied" });
    });
  });

  it("by SIGTERM outside of a transaction takes back what it had done", async () => {
    const before = {
      "migrations/20260202000000_kind.sql": "create type public.kind as enum ('glass');",
      "rollbacks/20260202000000_kind.sql": "drop type public.kind;",
    };
    await withProduction({ ...before, ...index }, async (production) => {
      const { schema } = await standingOf(production);
      await withOldTransaction(production, async (end) => {
        const building = waitForStatement(production.url, "create index concurrently%", patience);
        const run = interrupted(production, "SIGTERM", building);
        await building;
        // What the index has left is dropped, which has to wait as well.
        await sleep(500);
        await end();
        const { code, result } = await run;
        expect({ code, error: result.error }).toMatchObject({ code: 5, error: { code: "interrupted" } });
        expect(String((result.error as { state: string }).state)).toContain("undone by its rollback scripts");
        expect(await standingOf(production)).toMatchObject({
          ledger: [],
          schema,
          deployments: [{ outcome: "undone" }],
          invalidIndexes: [],
          halfDone: undefined,
        });
      });
    });
  });
});

describe("a connection that is lost outside of a transaction", () => {
  it("while an index is built is found half-done, and taken back", async () => {
    await withProduction(index, async (production) => {
      const { schema } = await standingOf(production);
      await withOldTransaction(production, async (end) => {
        const deployed = failure(production.deploy());
        const pid = await waitForStatement(production.url, "create index concurrently%", patience);
        await production.sql(`select pg_terminate_backend(${pid})`);
        await end();
        const error = await deployed;
        expect(error).toMatchObject({ code: "connection-lost", exit: 5 });
        expect(error.state).toContain("undone by its rollback scripts");
      });
      expect(await standingOf(production)).toMatchObject({
        ledger: [],
        schema,
        deployments: [{ outcome: "undone" }],
        invalidIndexes: [],
      });
    });
  });

  it("at its last commit counts as done when the ledger says so", async () => {
    await withProduction(index, async (production) => {
      await withProxy(production.url, async (proxy) => {
        production.write(".env.production", `DATABASE_URL=${proxy.url}\n`);
        const through = await production.reopen();
        const result = await through.deploy({
          confirm: async ({ phrase }) => {
            proxy.cutAt("commit\0", true);
            return phrase;
          },
        });
        expect(result).toMatchObject({ outcome: "applied" });
      });
      const { ledger, control, deployments } = await standingOf(production);
      expect(ledger).toEqual(["20260203000000"]);
      expect(control.map(({ status }) => status)).toEqual(["complete", "complete"]);
      expect(deployments).toMatchObject([{ outcome: "applied" }]);
    });
  });
});

describe("a statement outside of a transaction that fails and leaves nothing", () => {
  it("needs nobody's hands, although there is no rollback script and others have written meanwhile", async () => {
    const unique = {
      "migrations/20260203000000_unique.sql":
        "create unique index concurrently jars_label_key on public.jars (label);",
    };
    await withProduction(unique, async (production) => {
      const { schema } = await standingOf(production);
      const error = await failure(
        production.deploy({
          confirm: async ({ phrase }) => {
            await production.sql("update jars set label = 'the same' where id <= 2");
            return phrase;
          },
        }),
      );
      expect(error).toMatchObject({ sqlstate: "23505", exit: 5 });
      expect(error.state).toContain("Nothing of 20260203000000_unique was done.");
      expect(error.remedy).toContain("pantler migration repair 20260203000000 --status reverted");
      expect(await standingOf(production)).toMatchObject({
        ledger: [],
        schema,
        deployments: [{ outcome: "unchanged" }],
        invalidIndexes: [],
      });
    });
  });
});
