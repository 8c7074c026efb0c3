import { describe, expect, it } from "vitest";
import { type Drift, findDrift, migrateUp } from "../../src/index.js";
import { query } from "../support/inspect.js";
import { type TestProject, withProject } from "../support/project.js";

const notes = {
  "1_notes.sql": `create table notes (id int primary key, body text);
alter table notes enable row level security;
create policy notes_seen on notes for select to authenticated using (body is not null);`,
  "2_shout.sql": `create function shout(what text) returns text language sql as $$ select upper(what) $$;`,
};

/** Applies the project's migrations, changes the database by hand, and looks for drift. */
async function driftAfter(
  migrations: Readonly<Record<string, string>>,
  byHand: string,
  test: (drift: Drift, project: TestProject) => Promise<void> | void,
): Promise<void> {
  await withProject(migrations, async (project) => {
    await migrateUp(project.target, {}, project.operation);
    if (byHand !== "") await query(project.url, byHand);
    await test(await findDrift(project.target, project.operation), project);
  });
}

function names({ differences }: Drift): string[] {
  return differences.map(({ kind, name, left, right }) => {
    return `${right === undefined ? "missing" : left === undefined ? "extra" : "changed"} ${kind} ${name}`;
  });
}

const nothing = { differences: [], hints: [], unbuilt: [] };

describe("a schema that its migrations made", () => {
  it("has not drifted", async () => {
    await driftAfter(notes, "", (drift) => expect(drift).toEqual(nothing));
  });

  it("has not drifted where nothing was ever applied", async () => {
    await withProject({}, async (project) => {
      expect(await findDrift(project.target, project.operation)).toEqual(nothing);
    });
  });

  it("has not drifted because of rows", async () => {
    await driftAfter(notes, "insert into notes values (1, 'a')", (drift) => expect(drift).toEqual(nothing));
  });

  it("is compared with what was applied, whatever became of the files", async () => {
    await withProject(notes, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      project.remove("supabase/migrations/1_notes.sql");
      project.write("supabase/migrations/2_shout.sql", "create table other (id int);");
      expect(await findDrift(project.target, project.operation)).toEqual(nothing);
    });
  });

  it("is left as it was, ledger and all", async () => {
    await driftAfter(notes, "", async (_drift, { url }) => {
      expect(await query(url, "select datname from pg_database where datname like 'build%'")).toEqual([]);
      expect(
        await query(url, "select count(*)::int as n from supabase_migrations.schema_migrations"),
      ).toEqual([{ n: 2 }]);
    });
  });
});

describe("what was changed by hand", () => {
  it("is a table that no migration made", async () => {
    await driftAfter(notes, "create table public.extra (id int primary key)", (drift) => {
      expect(names(drift)).toContain("extra table public.extra");
      expect(names(drift).every((name) => name.startsWith("extra "))).toBe(true);
      expect(drift.hints).toEqual([
        "To keep what was changed by hand, write it down as a migration: pantler migration new <name> --from-drift --env local",
      ]);
    });
  });

  it("is a column of another type", async () => {
    await driftAfter(notes, "alter table notes alter id type bigint", (drift) => {
      expect(drift.differences).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            kind: "column",
            name: "public.notes.id",
            left: expect.stringContaining("integer"),
            right: expect.stringContaining("bigint"),
          }),
        ]),
      );
    });
  });

  it("is a policy that is gone, with the migration that made it", async () => {
    await driftAfter(notes, "drop policy notes_seen on notes", (drift) => {
      expect(names(drift)).toEqual(["missing policy public.notes.notes_seen"]);
      expect(drift.hints).toEqual(["Made by 1_notes and gone: policy public.notes.notes_seen."]);
    });
  });

  it("is a function with another body", async () => {
    const edit =
      "create or replace function shout(what text) returns text language sql as $$ select upper(what) || '!' $$";
    await driftAfter(notes, edit, (drift) => {
      expect(names(drift)).toEqual(["changed function public.shout(text)"]);
      expect(drift.differences[0]?.right).toContain("|| '!'");
    });
  });

  it("is all of a migration that was taken back by hand", async () => {
    await driftAfter(notes, "drop function shout", (drift) => {
      expect(drift.hints).toEqual([
        "Nothing of what 2_shout makes is there. Was it taken back by hand? pantler migration repair 2 --status reverted --env local",
      ]);
    });
  });

  it("has names that need quotes", async () => {
    const odd = { "1_odd.sql": `create table "Odd ""t"". x" ("a. b" int);` };
    await driftAfter(odd, `alter table "Odd ""t"". x" add "c "" .d" text`, (drift) => {
      expect(names(drift)).toEqual([`extra column public."Odd ""t"". x"."c "" .d"`]);
    });
  });
});

describe("a pending migration that was run by hand", () => {
  const later = "create table later (id int primary key);";

  it("is recognised by building it, and its repair is told", async () => {
    await withProject(notes, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      project.write("supabase/migrations/3_later.sql", later);
      project.write("supabase/migrations/4_never.sql", "create table never (id int);");
      await query(project.url, later);
      const drift = await findDrift(project.target, project.operation);
      expect(drift.hints).toEqual([
        "All that 3_later does is done although it is pending. Was it run by hand? pantler migration repair 3 --status applied --env local",
      ]);
    });
  });

  it("is recognised where it changes what was there, and a later one changes it again", async () => {
    await withProject(notes, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      project.write("supabase/migrations/3_a.sql", "alter table notes alter body set default 'a';");
      project.write("supabase/migrations/4_b.sql", "alter table notes alter body set default 'b';");
      await query(project.url, "alter table notes alter body set default 'b'");
      const { hints } = await findDrift(project.target, project.operation);
      expect(hints.map((hint) => hint.slice(0, 14))).toEqual(["All that 3_a d", "All that 4_b d"]);
    });
  });

  it("is told apart from one of which a part was run", async () => {
    await withProject(notes, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      project.write("supabase/migrations/3_later.sql", `${later}\ncreate table more (id int);`);
      await query(project.url, later);
      const { hints } = await findDrift(project.target, project.operation);
      expect(hints[0]).toContain(
        "A part of what 3_later does is done although it is pending: table public.later.",
      );
    });
  });
});

describe("a database with a history of its own", () => {
  it("is extra as a whole where its ledger is empty", async () => {
    await withProject({}, async (project) => {
      await query(project.url, "create table old (id int)");
      const drift = await findDrift(project.target, project.operation);
      expect(names(drift)).toContain("extra table public.old");
      expect(drift.hints[0]).toContain("pantler migration new baseline --from-drift --env local");
    });
  });

  it("is built from what the Supabase CLI recorded, of which Pantler never saw anything", async () => {
    await withProject({}, async (project) => {
      await query(
        project.url,
        `create schema supabase_migrations;
         create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
         create table supabase_migrations.seed_files (path text primary key, hash text not null);
         create table public.a (id int)`,
      );
      await query(
        project.url,
        "insert into supabase_migrations.schema_migrations values ('20250101000000', $1, 'a')",
        [["-- first\nBEGIN", "CREATE TABLE a (id int)", "COMMIT"]],
      );
      expect(await findDrift(project.target, project.operation)).toEqual(nothing);
    });
  });

  it("is built from the files where an old Supabase CLI recorded no statements", async () => {
    await withProject(notes, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      await query(
        project.url,
        "alter table supabase_migrations.schema_migrations drop statements, drop name",
      );
      expect(await findDrift(project.target, project.operation)).toEqual(nothing);
    });
  });

  it("cannot be compared wholly where neither ledger nor file knows the statements, and says so", async () => {
    await withProject(notes, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      await query(project.url, "update supabase_migrations.schema_migrations set statements = null");
      project.remove("supabase/migrations/2_shout.sql");
      const drift = await findDrift(project.target, project.operation);
      expect(drift.unbuilt).toEqual([
        {
          version: "2",
          name: "shout",
          because: "neither the ledger nor a file holds the statements of 2_shout",
        },
      ]);
      expect(drift.hints[0]).toBe(
        "Not compared: neither the ledger nor a file holds the statements of 2_shout.",
      );
      expect(names(drift)).toContain("extra function public.shout(text)");
    });
  });

  it("says which statement does not run without the rows it was run on", async () => {
    await withProject({ "1_a.sql": "create table a (id int);" }, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      await query(project.url, "insert into a values (1)");
      project.write(
        "supabase/migrations/2_b.sql",
        "do $$ begin if not exists (select from a) then raise 'no rows'; end if; end $$;\ncreate table b (id int);",
      );
      await migrateUp(project.target, {}, project.operation);
      const drift = await findDrift(project.target, project.operation);
      expect(drift.differences).toEqual([]);
      expect(drift.unbuilt).toEqual([
        {
          version: "2",
          name: "b",
          because: "statement 1 of 2_b does not run on the scratch server: no rows",
        },
      ]);
    });
  });

  it("is built with enum values, indexes made concurrently, roles and transactions of its own", async () => {
    const role = `maker_${Date.now()}`;
    const files = {
      "1_a.sql": "begin;\ncreate type mood as enum ('good');\ncreate table a (m mood);\ncommit;",
      "2_b.sql": "alter type mood add value 'bad';",
      "3_c.sql": "create index concurrently a_m_idx on a (m);",
      "4_d.sql": `grant select on a to ${role};`,
    };
    await withProject(files, async (project) => {
      await query(project.url, `create role ${role}`);
      try {
        await migrateUp(project.target, {}, project.operation);
        expect(await findDrift(project.target, project.operation)).toEqual(nothing);
      } finally {
        await query(project.url, `grant ${role} to postgres; drop owned by ${role}; drop role ${role}`);
      }
    });
  });
});

describe("a role that may only read the ledger", () => {
  it("finds the same, whatever schemas are closed to it", async () => {
    const role = `reader_${Date.now()}`;
    const closed = {
      ...notes,
      "3_closed.sql":
        "create schema closed;\ncreate table closed.secret (id int primary key);\ncreate view closed.seen as select id from closed.secret;",
    };
    await withProject(closed, async (project) => {
      await migrateUp(project.target, {}, project.operation);
      await query(
        project.url,
        `create role ${role} login password 'secret';
         grant usage on schema supabase_migrations to ${role};
         grant select on all tables in schema supabase_migrations to ${role}`,
      );
      try {
        project.write(
          ".env.staging",
          `DATABASE_URL=${project.url.replace("postgres:postgres@", `${role}:secret@`)}\n`,
        );
        const asReader = await project.reopen("staging");
        expect(await findDrift(asReader.target, project.operation)).toEqual(nothing);
        await query(project.url, "alter table closed.secret add note text");
        expect(names(await findDrift(asReader.target, project.operation))).toEqual([
          "extra column closed.secret.note",
        ]);
      } finally {
        await query(project.url, `grant ${role} to postgres; drop owned by ${role}; drop role ${role}`);
      }
    });
  });
});
