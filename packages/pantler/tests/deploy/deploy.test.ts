import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listBackups, openStore } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { firstVersion, type Production, withProduction } from "../support/production.js";

const lids = {
  "migrations/20260202000000_lids.sql": `
    create table public.lids (
      id int primary key,
      jar_id int references public.jars,
      updated_at timestamptz not null default now()
    );
    create index lids_jar_idx on public.lids (jar_id);
    alter table public.lids enable row level security;
    create policy lids_seen on public.lids for select to authenticated using (true);
    insert into public.lids (id, jar_id) select id, id from public.jars where id <= 50;`,
  "rollbacks/20260202000000_lids.sql": "drop table public.lids;",
  "checks/20260202000000_lids.sql":
    "-- check: every lid has its jar\n-- expect: no rows\nselect from public.lids left join public.jars on jars.id = jar_id where jars.id is null;\n",
};

async function ledger({ sql }: Production): Promise<string[]> {
  const rows = await sql("select version from supabase_migrations.schema_migrations order by version");
  return rows.map(({ version }) => String(version));
}

async function newestDeployment({ sql }: Production): Promise<Record<string, unknown>> {
  const [row] = await sql("select * from pantler.deployments order by started_at desc limit 1");
  return row ?? {};
}

async function countBackups({ target }: Production): Promise<number> {
  return (await listBackups(await openStore(target.environment.backups.store))).length;
}

describe("a deployment", () => {
  it("brings what is pending to the environment, after a proven backup and a rehearsal, and records it", async () => {
    await withProduction(lids, async (production) => {
      const result = await production.deploy();
      expect(result.outcome).toBe("applied");
      expect(result.applied.map(({ version }) => version)).toEqual(["20260202000000"]);
      expect(result.rehearsal?.rollback.status).toBe("proven");
      expect(result.rehearsal?.checks.map(({ outcome }) => outcome)).toEqual(["passed"]);
      expect(await ledger(production)).toEqual([firstVersion, "20260202000000"]);
      expect(await production.sql("select count(*)::int as count from lids")).toEqual([{ count: 50 }]);
      expect(await newestDeployment(production)).toMatchObject({
        id: result.id,
        outcome: "applied",
        backup_id: result.backup,
        migrations: ["20260202000000"],
        error: null,
      });
      expect(
        await production.sql(
          "select status, backup_id from pantler.migration_control where version like '202602%'",
        ),
      ).toEqual([{ status: "complete", backup_id: result.backup }]);
      const [markdown = ""] = result.report;
      expect(readFileSync(join(production.root, markdown), "utf8")).toContain("# Deployed to production");
    });
  });

  it("to an empty database brings all migrations, and needs no ledger to begin with", async () => {
    await withProduction(lids, async (production) => {
      await production.sql("drop schema supabase_migrations, pantler cascade; drop table public.jars");
      expect(await production.deploy()).toMatchObject({ outcome: "applied" });
      expect(await ledger(production)).toEqual([firstVersion, "20260202000000"]);
    });
  });

  it("of what is not pending does nothing, and takes no backup", async () => {
    await withProduction({}, async (production) => {
      const backups = await countBackups(production);
      const result = await production.deploy();
      expect(result).toMatchObject({ outcome: "nothing-pending", backup: undefined, report: [] });
      expect(await countBackups(production)).toBe(backups);
    });
  });

  it("that is only tried stops after the rehearsal, and changes nothing", async () => {
    await withProduction(lids, async (production) => {
      const result = await production.deploy({ dryRun: true });
      expect(result.outcome).toBe("rehearsed");
      expect(result.rehearsal?.statements.length).toBeGreaterThan(3);
      expect(await ledger(production)).toEqual([firstVersion]);
      expect(await production.sql("select to_regclass('public.lids') as lids")).toEqual([{ lids: null }]);
    });
  });

  it("that nobody confirms, or confirms in other words, changes nothing", async () => {
    await withProduction(lids, async (production) => {
      for (const answer of [undefined, "production", "apply migrations production"]) {
        const error = await failure(production.deploy({ confirm: async () => answer }));
        expect(error).toMatchObject({ code: "not-confirmed", exit: 3 });
      }
      expect(await ledger(production)).toEqual([firstVersion]);
      expect(await production.sql("select to_regclass('pantler.deployments') as deployments")).toEqual([
        { deployments: null },
      ]);
    });
  });
});

describe("before a backup is taken, a deployment is refused", () => {
  const refuses = async (production: Production, code: string, request = {}) => {
    const backups = await countBackups(production);
    const error = await failure(production.deploy(request));
    expect(error).toMatchObject({ code, exit: 3 });
    expect(await countBackups(production)).toBe(backups);
    expect(await ledger(production)).toEqual([firstVersion]);
    return error;
  };

  it("when the live data break what is pending, with their number and their keys", async () => {
    const label = {
      "migrations/20260202000000_label.sql": "alter table public.jars alter column label set not null;",
    };
    await withProduction(label, async (production) => {
      await production.sql("update jars set label = null where id in (3, 5, 8)");
      const error = await refuses(production, "lint-errors");
      expect(`${error.message} ${error.detail}`).toMatch(/\b3 rows\b/);
      expect(`${error.message} ${error.detail}`).toContain("3, 5, 8");
    });
  });

  it("when somebody has changed the schema by hand, unless that is accepted", async () => {
    await withProduction(lids, async (production) => {
      await production.sql("alter table jars add column color text");
      const error = await refuses(production, "drift");
      expect(error.detail).toContain("column public.jars.color was made by no migration");
      expect(await production.deploy({ acceptDrift: true })).toMatchObject({ outcome: "applied" });
    });
  });

  it("outside of its hours, unless it cannot wait", async () => {
    const hour = new Date().getUTCHours();
    const clock = (hours: number) => String((hour + hours) % 24).padStart(2, "0");
    const window = `${clock(10)}:00-${clock(11)}:00`;
    await withProduction({}, async (production) => {
      for (const [path, content] of Object.entries(lids)) production.write(`supabase/${path}`, content);
      production.write("pantler.config.json", JSON.stringify({ deploy: { window } }));
      const later = await production.reopen();
      await refuses(later, "outside-window");
      expect(await later.deploy({ now: true })).toMatchObject({ outcome: "applied" });
    });
  });

  it("while the circuit breaker is open, or an applied file was edited", async () => {
    await withProduction(lids, async (production) => {
      await production.sql(
        "update pantler.migration_control set status = 'failed', error = 'the disk was full', completed_at = clock_timestamp()",
      );
      await refuses(production, "breaker-open");
      await production.sql("update pantler.migration_control set status = 'complete'");
      production.write(`supabase/migrations/${firstVersion}_jars.sql`, "create table other (id int);");
      await refuses(production, "migration-changed");
    });
  });
});

describe("between the rehearsal and the change", () => {
  it("somebody who changes the schema is noticed, and nothing is deployed", async () => {
    await withProduction(lids, async (production) => {
      const error = await failure(
        production.deploy({
          confirm: async ({ phrase }) => {
            await production.sql("create index jars_label_idx on jars (label)");
            return phrase;
          },
        }),
      );
      expect(error).toMatchObject({ code: "schema-changed", exit: 3 });
      expect(await ledger(production)).toEqual([firstVersion]);
    });
  });

  it("an edited file is noticed, and nothing is deployed", async () => {
    await withProduction(lids, async (production) => {
      const error = await failure(
        production.deploy({
          confirm: async ({ phrase }) => {
            production.write("supabase/migrations/20260202000000_lids.sql", "create table lids (id int);");
            return phrase;
          },
        }),
      );
      expect(error).toMatchObject({ code: "plan-changed", exit: 3 });
      expect(await ledger(production)).toEqual([firstVersion]);
    });
  });
});

describe("what goes wrong in the environment alone", () => {
  // The copy of the rehearsal is another database, so that a migration can tell the two apart.
  const onlyThere = "case when current_database() = 'postgres' then 1 else 0 end";

  it("at the last statement leaves everything as it was", async () => {
    const failing = {
      "migrations/20260202000000_last.sql": `create table public.first_of_it (id int primary key, updated_at timestamptz); alter table public.first_of_it enable row level security; create policy seen on public.first_of_it for select to authenticated using (true); select 1 / ${onlyThere};`,
      "rollbacks/20260202000000_last.sql": "drop table public.first_of_it;",
    };
    await withProduction(failing, async (production) => {
      const error = await failure(production.deploy());
      expect(error).toMatchObject({ code: "statement-failed", sqlstate: "22012", exit: 5 });
      expect(await ledger(production)).toEqual([firstVersion]);
      expect(await production.sql("select to_regclass('public.first_of_it') as it")).toEqual([{ it: null }]);
      expect(await newestDeployment(production)).toMatchObject({ outcome: "unchanged" });
    });
  });

  it("in a check leaves everything as it was, although every statement worked", async () => {
    const checked = {
      ...lids,
      "checks/20260202000000_lids.sql": `-- check: it is the copy\n-- expect: true\nselect ${onlyThere} = 1;\n`,
    };
    await withProduction(checked, async (production) => {
      const error = await failure(production.deploy());
      expect(error).toMatchObject({ code: "check-failed", exit: 5 });
      expect(await ledger(production)).toEqual([firstVersion]);
      expect(await newestDeployment(production)).toMatchObject({ outcome: "unchanged" });
    });
  });

  it("by making another schema than in the rehearsal is noticed before the commit", async () => {
    const other = {
      "migrations/20260202000000_other.sql": `do $$ begin if current_database() <> 'postgres' then execute 'create view public.surprise with (security_invoker) as select id from public.jars'; end if; end $$;`,
      "rollbacks/20260202000000_other.sql": "drop view if exists public.surprise;",
    };
    await withProduction(other, async (production) => {
      const error = await failure(production.deploy());
      expect(error).toMatchObject({ code: "schema-not-as-rehearsed", exit: 5 });
      expect(error.detail).toContain("view public.surprise was not there in the rehearsal");
      expect(await production.sql("select to_regclass('public.surprise') as it")).toEqual([{ it: null }]);
    });
  });

  const concurrently = {
    "migrations/20260202000000_note.sql": "alter table public.jars add column note text;",
    "rollbacks/20260202000000_note.sql": "alter table public.jars drop column note;",
    "migrations/20260203000000_index.sql":
      "create index concurrently jars_note_idx on public.jars (note);\ncreate unique index concurrently jars_label_key on public.jars (label);",
    "rollbacks/20260203000000_index.sql":
      "drop index if exists public.jars_note_idx; drop index if exists public.jars_label_key;",
  };

  it("outside of a transaction is undone by the rollback scripts that the rehearsal proved", async () => {
    await withProduction(concurrently, async (production) => {
      const error = await failure(
        production.deploy({
          confirm: async ({ phrase }) => {
            await production.sql("update jars set label = 'the same' where id <= 2");
            return phrase;
          },
        }),
      );
      expect(error).toMatchObject({ sqlstate: "23505", exit: 5 });
      expect(error.state).toContain("undone by its rollback scripts");
      expect(await ledger(production)).toEqual([firstVersion]);
      expect(
        await production.sql("select indexrelid::regclass::text from pg_index where not indisvalid"),
      ).toEqual([]);
      expect(await newestDeployment(production)).toMatchObject({ outcome: "undone" });
      expect(
        await production.sql(
          "select attname from pg_attribute where attrelid = 'jars'::regclass and attname = 'note'",
        ),
      ).toEqual([]);
    });
  });

  it("and has no rollback scripts is undone by restoring the backup, if nobody has written meanwhile", async () => {
    const { "migrations/20260202000000_note.sql": note } = concurrently;
    const failing = {
      "migrations/20260202000000_note.sql": note,
      "migrations/20260203000000_fail.sql": `create index concurrently jars_note_idx on public.jars (note);\nselect 1 / ${onlyThere};`,
    };
    await withProduction(failing, async (production) => {
      const error = await failure(production.deploy());
      expect(error).toMatchObject({ sqlstate: "22012", exit: 5 });
      expect(error.state).toContain("undone by restoring the backup");
      expect(await ledger(production)).toEqual([firstVersion]);
      expect(await newestDeployment(production)).toMatchObject({ outcome: "undone" });
      expect(await production.sql("select count(*)::int as count from jars")).toEqual([{ count: 200 }]);
    });
  });

  it("and has no rollback scripts is left to a person, if restoring would lose what others have written", async () => {
    const failing = {
      "migrations/20260203000000_fail.sql": `create index concurrently jars_label_idx on public.jars (label);\nselect 1 / ${onlyThere};`,
    };
    await withProduction(failing, async (production) => {
      const error = await failure(
        production.deploy({
          confirm: async ({ phrase }) => {
            await production.sql("insert into jars (id, label) values (1000, 'a new one')");
            return phrase;
          },
        }),
      );
      expect(error).toMatchObject({ sqlstate: "22012", exit: 6 });
      expect(error.state).toContain("would lose what was written since to public.jars");
      expect(error.remedy).toContain("pantler restore ");
      expect(await newestDeployment(production)).toMatchObject({ outcome: "needs hands" });
      expect(await production.sql("select id from jars where id = 1000")).toEqual([{ id: 1000 }]);
    });
  });
});

describe("a rollback script", () => {
  it("may leave an extension", async () => {
    const extension = {
      "migrations/20260202000000_fuzzy.sql":
        "create extension if not exists fuzzystrmatch with schema extensions;",
      "rollbacks/20260202000000_fuzzy.sql": "select 'others may have come to use it';",
    };
    await withProduction(extension, async (production) => {
      const { rehearsal } = await production.deploy();
      expect(rehearsal?.rollback).toEqual({
        status: "proven",
        details: ["the extension fuzzystrmatch stays"],
      });
    });
  });

  it("that does not bring back the schema is found out in the rehearsal, and nothing is deployed", async () => {
    const wrong = {
      ...lids,
      "rollbacks/20260202000000_lids.sql": "alter table public.lids rename to lids_old;",
    };
    await withProduction(wrong, async (production) => {
      const error = await failure(production.deploy());
      expect(error).toMatchObject({ code: "rollback-wrong", exit: 3 });
      expect(await ledger(production)).toEqual([firstVersion]);
    });
  });
});

describe("several deployments at once", () => {
  it("apply once; the others are refused, or find nothing left to do", async () => {
    await withProduction(lids, async (production) => {
      const runs = await Promise.allSettled(Array.from({ length: 8 }, () => production.deploy()));
      const outcomes = runs.map((run) =>
        run.status === "fulfilled" ? run.value.outcome : String((run.reason as { code?: string }).code),
      );
      expect(outcomes.filter((outcome) => outcome === "applied")).toHaveLength(1);
      const others = outcomes.filter((outcome) => outcome !== "applied");
      expect(
        others.every((outcome) => outcome === "deployment-running" || outcome === "nothing-pending"),
      ).toBe(true);
      expect(await ledger(production)).toEqual([firstVersion, "20260202000000"]);
    });
  });
});
