import { fileURLToPath } from "node:url";
import { describe, expect, inject, it } from "vitest";
import { compareSchemas, locateTarget, migrateUp, Operation, openProject } from "../../src/index.js";
import { DatabaseUrl } from "../../src/project/index.js";
import { runBundledPgDump } from "../../src/schema/bundled-pg-dump.js";
import { managedSchemas } from "../../src/schema/index.js";
import { withDatabase, withDatabaseUrl } from "../support/database.js";
import { applyEntries, differencesOfCopy, dumpOf } from "../support/dumping.js";
import { query, schemaOf } from "../support/inspect.js";
import { schemaDifferences } from "../support/outsider.js";
import { withProxy } from "../support/proxy.js";
import {
  loadTorture,
  loadTortureOfSupabase,
  loadTortureOfSuperuser,
  type TortureKind,
} from "../support/torture.js";

async function loadEverything(url: string): Promise<void> {
  // In a copy a table has what it inherits before its own columns.
  await loadTorture(url, { without: [...beyond, "order of columns"] });
  await loadTortureOfSupabase(url);
}

/** Not a matter of the schema, and what the server itself cannot make again in parts. */
const beyond: readonly TortureKind[] = ["search path", "exclusion of partitions"];

/** Comments on extensions, what watches commands for Supabase, rights on what belongs to extensions in Supabase's schemas, and a schema that every database has. */
const notOurs =
  /^(COMMENT - EXTENSION |EVENT TRIGGER |ACL (extensions|vault|graphql|cron) |SCHEMA - public$)/;

describe("a dump of a schema", () => {
  it("makes everything again in another database of Supabase's shape, as a role that is no superuser", async () => {
    await withDatabaseUrl(async (source) => {
      await loadEverything(source);
      const differences = await differencesOfCopy(source, "postgres", async (copy) => {
        expect(await schemaDifferences(source, copy, { without: managedSchemas })).toEqual([]);
        expect(
          await query(copy, "select has_table_privilege('anon', 'public.secrets', 'select') as open"),
        ).toEqual([{ open: false }]);
      });
      expect(differences).toEqual([]);
    });
  });

  it("makes a plain database again, plain or in Supabase's shape", async () => {
    await withDatabaseUrl(async (source) => {
      await loadTorture(source, { without: beyond });
      expect(await differencesOfCopy(source, "template0")).toEqual([]);
      expect(await differencesOfCopy(source, "postgres")).toEqual([]);
    }, "template0");
  });

  it("makes again what only a superuser can make, as one", async () => {
    await withDatabaseUrl(async (source) => {
      const superuser = (url: string) =>
        DatabaseUrl.parse(inject("superuserUrl"), "the test setup")
          .with({ database: DatabaseUrl.parse(url, "the test").database })
          .withPassword();
      await loadTorture(source, { without: beyond });
      await loadTortureOfSuperuser(superuser(source));
      const { entries, leftOut } = await dumpOf(superuser(source));
      expect(leftOut).toContainEqual("the event trigger torture_event, which belongs to supabase_admin");
      for (const template of ["template0", "postgres"]) {
        await withDatabaseUrl(async (copy) => {
          await applyEntries(superuser(copy), entries);
          expect(compareSchemas(await schemaOf(source), await schemaOf(copy))).toEqual([]);
        }, template);
      }
    }, "template0");
  });

  it("makes KitchenPantry again", async () => {
    const folder = fileURLToPath(new URL("../../../../projects/kitchenpantry", import.meta.url));
    await withDatabaseUrl(async (source) => {
      const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: source } });
      await migrateUp(await locateTarget(project, "local"), {}, new Operation());
      const { leftOut } = await dumpOf(source);
      expect(leftOut).toEqual([]);
      expect(await differencesOfCopy(source, "postgres")).toEqual([]);
    });
  });

  it("of a database of Supabase's that holds nothing yet makes nothing but rights", async () => {
    await withDatabaseUrl(async (source) => {
      const { entries, leftOut } = await dumpOf(source);
      const made = entries.filter(({ type }) => !["ACL", "DEFAULT ACL", "RESET ACL"].includes(type));
      expect(made.map(({ type, name }) => `${type} ${name}`)).toEqual([
        "EXTENSION pg_graphql",
        "EXTENSION pg_stat_statements",
        "EXTENSION pgcrypto",
        "EXTENSION pgjwt",
        "EXTENSION supabase_vault",
        "EXTENSION uuid-ossp",
        "PUBLICATION supabase_realtime",
      ]);
      expect(entries.filter(({ type }) => type === "ACL").map(({ name }) => name)).toEqual(["SCHEMA public"]);
      expect(leftOut).toEqual([]);
      await applyEntries(source, entries);
    });
  });

  it("is in the order and the sections of pg_dump", async () => {
    await withDatabaseUrl(async (source) => {
      await loadEverything(source);
      const excluded = managedSchemas
        .filter((name) => !["pantler", "supabase_migrations"].includes(name))
        .map((name) => `--exclude-schema=${name}`);
      const { entries } = await dumpOf(source);
      for (const section of ["pre", "post"] as const) {
        const args = ["--schema-only", `--section=${section}-data`, ...excluded];
        const text = await runBundledPgDump(DatabaseUrl.parse(source, "the test"), args, undefined);
        const headers = [...text.matchAll(/^-- Name: (.*); Type: ([A-Z ]+); Schema: (.*); Owner: /gm)].map(
          ([, name, type, schema]) => `${type} ${schema} ${name}`,
        );
        const ours = entries
          .filter((entry) => entry.section === section)
          .map(({ type, schema = "-", name }) => `${type} ${schema.replaceAll(/[\n\r]/g, " ")} ${name}`);
        // What is added is not among the headers, what is left out not among ours; schemas and their rights come first.
        const common = (these: readonly string[], those: readonly string[]) =>
          these.filter(
            (header) =>
              those.includes(header) && !/^((ACL|COMMENT) - SCHEMA|SCHEMA -|EXTENSION -) /.test(header),
          );
        expect(common(ours, headers)).toEqual(common(headers, ours));
        expect(
          headers.filter((header) => !ours.includes(header)).filter((header) => !notOurs.test(header)),
        ).toEqual([]);
        expect(ours.length).toBeGreaterThan(100);
      }
    });
  });

  it("names the table that an entry belongs to, and the one that a foreign key refers to", async () => {
    await withDatabase(async ({ client, url }) => {
      await client.query(`
        create schema "s.; Type: TABLE; Schema: x";
        create table "s.; Type: TABLE; Schema: x"."a; Owner: b
-- Name: c; Type: TABLE; Schema: auth; Owner: d" (id int primary key, "x y" text default 'x');
        create table "s.; Type: TABLE; Schema: x"."a b" (
          id int generated always as identity references "s.; Type: TABLE; Schema: x"."a; Owner: b
-- Name: c; Type: TABLE; Schema: auth; Owner: d"
        );
        create index "a b c" on "s.; Type: TABLE; Schema: x"."a b" (id);
        comment on column "s.; Type: TABLE; Schema: x"."a b".id is '-- Name: x; Type: ACL; Schema: auth; Owner: y';
        grant select on "s.; Type: TABLE; Schema: x"."a b" to anon;
      `);
      const { entries } = await dumpOf(url);
      const schema = "s.; Type: TABLE; Schema: x";
      const [one, two] = [
        { schema, name: "a; Owner: b\n-- Name: c; Type: TABLE; Schema: auth; Owner: d" },
        { schema, name: "a b" },
      ];
      const attached = entries
        .filter(({ relation }) => relation?.schema === schema)
        .map(({ type, relation, references }) => ({ type, relation, ...(references ? { references } : {}) }));
      expect(attached).toEqual([
        { type: "TABLE", relation: two },
        { type: "COMMENT", relation: two },
        { type: "SEQUENCE", relation: two },
        { type: "TABLE", relation: one },
        { type: "ACL", relation: two },
        { type: "CONSTRAINT", relation: one },
        { type: "INDEX", relation: two },
        { type: "FK CONSTRAINT", relation: two, references: one },
      ]);
      expect(await differencesOfCopy(url, "postgres")).toEqual([]);
    });
  });

  it("sees what a snapshot sees", async () => {
    await withDatabase(async ({ client, url }) => {
      await client.query("create table before (id int)");
      await client.query("begin isolation level repeatable read");
      const { rows } = await client.query<{ id: string }>("select pg_export_snapshot() as id");
      await query(
        url,
        "create table after (id int); create trigger late after insert on auth.users execute function suppress_redundant_updates_trigger()",
      ).catch(() => {});
      await query(url, "create table later (id int)");
      const { entries } = await dumpOf(url, { snapshot: rows[0]?.id });
      await client.query("rollback");
      expect(entries.filter(({ type }) => type === "TABLE").map(({ name }) => name)).toEqual(["before"]);
    });
  });

  it("comes through in whatever pieces the network makes", async () => {
    await withDatabaseUrl(async (source) => {
      await query(source, "create table public.items (id int primary key, body text)");
      const whole = await dumpOf(source);
      await withProxy(source, async ({ url, sendInPieces }) => {
        sendInPieces(997);
        expect(await dumpOf(url)).toEqual(whole);
      });
    });
  });

  it("takes what a project put into Supabase's schemas", async () => {
    await withDatabase(async ({ client, url }) => {
      await client.query(`
        create type public.app_role as enum ('member', 'admin');
        create table public.members (id uuid primary key, role public.app_role);
        create function auth.my_role() returns public.app_role language sql stable as 'select role from public.members where id = auth.uid()';
        create function auth.member() returns public.members language sql stable as 'select * from public.members where id = auth.uid()';
        revoke all on function auth.my_role() from public;
        grant execute on function auth.my_role() to authenticated with grant option;
        comment on function auth.my_role() is 'whose; turn';
        create table public.notes (id int primary key, role public.app_role default auth.my_role());
        create policy admins on public.notes using (auth.my_role() = 'admin');
      `);
      expect(
        await differencesOfCopy(url, "postgres", async (copy) => {
          const rights =
            "select proacl::text as acl, obj_description(oid) as comment, pg_get_userbyid(proowner) as owner from pg_proc where proname = 'my_role'";
          expect(await query(copy, rights)).toEqual(await query(url, rights));
          expect(
            await query(copy, "select from pg_proc where oid = to_regprocedure('auth.member()')"),
          ).toHaveLength(1);
        }),
      ).toEqual([]);
    });
  });

  it("can be applied where triggers and policies on Supabase's tables are already", async () => {
    await withDatabase(async ({ client, url }) => {
      await client.query(`
        create function public.welcome() returns trigger language plpgsql as 'begin return new; end';
        create trigger welcome after insert on auth.users for each row execute function public.welcome();
        alter table auth.users disable trigger welcome;
        comment on trigger welcome on auth.users is 'says hello';
        create policy mine on storage.objects for select using (owner_id = 'x');
        comment on policy mine on storage.objects is 'only mine';
      `);
      const { entries } = await dumpOf(url);
      const elsewhere = entries.filter(({ relation }) =>
        ["auth", "storage"].includes(relation?.schema ?? ""),
      );
      expect(elsewhere.map(({ type, name }) => `${type} ${name}`)).toEqual([
        "TRIGGER users welcome",
        "POLICY objects mine",
      ]);
      await applyEntries(url, elsewhere);
      await client.query("drop trigger welcome on auth.users");
      await client.query(
        "create trigger welcome before insert on auth.users for each row execute function public.welcome()",
      );
      expect(await differencesOfCopy(url, "postgres", async () => {})).toEqual([]);
      await applyEntries(url, elsewhere);
      expect((await dumpOf(url)).entries).toEqual(entries);
    });
  });

  it("takes the schemas of a database that only shares names with Supabase's", async () => {
    await withDatabaseUrl(async (source) => {
      await query(
        source,
        "create schema auth; create table auth.users (id int primary key); create schema storage",
      );
      const { entries } = await dumpOf(source);
      expect(
        entries.filter(({ type }) => type === "TABLE").map(({ schema, name }) => `${schema}.${name}`),
      ).toEqual(["auth.users"]);
      expect(await differencesOfCopy(source, "template0")).toEqual([]);
    }, "template0");
  });

  it("moves an extension to where the project has it", async () => {
    await withDatabaseUrl(async (source) => {
      await query(
        source,
        'create extension "uuid-ossp"; create table items (id uuid default public.uuid_generate_v4())',
      );
      expect(await differencesOfCopy(source, "postgres")).toEqual([]);
    }, "template0");
  });

  it("makes the schema of Supabase's extensions where there is none", async () => {
    await withDatabaseUrl(async (source) => {
      await query(source, "create table items (id uuid default extensions.uuid_generate_v4())");
      expect(await differencesOfCopy(source, "template0")).toEqual([]);
    });
  });

  it("says what it leaves out", async () => {
    await withDatabase(async ({ client, admin, url }) => {
      const { rows } = await client.query<{ name: string }>("select current_database() as name");
      await admin.query(`
        create function public.watch() returns event_trigger language plpgsql as 'begin end';
        alter function public.watch() owner to postgres;
        create event trigger "watch; it" on ddl_command_end execute function public.watch();
        comment on event trigger "watch; it" is 'watches';
        create subscription news connection 'dbname=nowhere' publication news with (connect = false, slot_name = none);
        alter database ${rows[0]?.name} set app.settings.secret = 'a secret';
        alter database ${rows[0]?.name} set statement_timeout = '1min';
      `);
      await admin.query("create table auth.extra (id int); alter table auth.extra owner to postgres");
      await admin.query("create type storage.kind as enum ('a'); alter type storage.kind owner to postgres");
      const { leftOut } = await dumpOf(url);
      expect(leftOut).toEqual([
        "the event trigger watch; it, which belongs to supabase_admin",
        "the settings of the database itself: app.settings.secret, statement_timeout",
        "the subscription news",
        "the table auth.extra, which is in a schema of Supabase's",
        "the type storage.kind, which is in a schema of Supabase's",
      ]);
      await admin.query("drop subscription news");
      expect(await differencesOfCopy(url, "postgres")).toEqual([]);
    });
  });

  it("leaves out the mark of a restore that runs", async () => {
    await withDatabase(async ({ client, url }) => {
      await client.query(
        "create schema pantler; create table pantler.restore_in_progress (id int); create table pantler.deployments (id int)",
      );
      const { entries } = await dumpOf(url);
      expect(entries.filter(({ type }) => type === "TABLE").map(({ name }) => name)).toEqual(["deployments"]);
    });
  });
});
