import { execFileSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { DatabaseUrl, listBackups, openStore } from "../../src/index.js";
import { withRole } from "../support/database.js";
import { standingOf } from "../support/deploy-standing.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { withProduction } from "../support/production.js";
import { sharedDesk } from "../support/shared-server.js";

const note = {
  "migrations/20260202000000_note.sql": "alter table public.jars add column note text;",
  "rollbacks/20260202000000_note.sql": "alter table public.jars drop column note;",
};

const superuser = () =>
  DatabaseUrl.parse(inject("superuserUrl"), "the test setup").with({ database: sharedDesk });

/** Mounting a small file system takes root, which the tests have in CI. */
const canMount = process.platform === "linux" && process.getuid?.() === 0;

describe.runIf(canMount)("the disk of an environment (to mount one takes root)", () => {
  it("that a migration fills, which had room in the rehearsal, leaves everything as it was", async () => {
    const filling = {
      "migrations/20260202000000_big.sql": `create table public.big (id int primary key, body text, updated_at timestamptz not null default now());
alter table public.big enable row level security;
create policy big_seen on public.big for select to authenticated using (true);
insert into public.big (id, body) select n, repeat(md5(n::text), 25) from generate_series(1, 30000) as n;`,
      "rollbacks/20260202000000_big.sql": "drop table public.big;",
    };
    await withProduction(filling, async (production) => {
      const admin = superuser().withPassword();
      const { database } = production.target.url;
      const [facts] = await query(
        admin,
        `select pg_database_size('${database}') as size, current_setting('data_directory') as folder`,
      );
      const megabytes = Math.ceil(Number(facts?.size) / 1024 / 1024) + 12;
      const { uid, gid } = statSync(String(facts?.folder));
      const disk = mkdtempSync(join(tmpdir(), "pantler-disk-"));
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", disk]);
      try {
        chownSync(disk, uid, gid);
        await query(admin, `create tablespace small_disk location '${disk}'`);
        await query(admin, `alter database ${database} set tablespace small_disk`);
        try {
          const { schema } = await standingOf(production);
          const error = await failure(production.deploy());
          expect(error).toMatchObject({ code: "statement-failed", sqlstate: "53100", exit: 5 });
          expect(error.message).toContain(
            "supabase/migrations/20260202000000_big.sql:4:1: could not extend file",
          );
          expect(error.state).toBe("Nothing of it was kept; the database is as it was.");
          expect(await standingOf(production)).toMatchObject({
            ledger: [],
            schema,
            deployments: [{ outcome: "unchanged" }],
          });
          await production.sql("insert into jars (id, label) values (1000, 'there is room again')");
        } finally {
          await query(admin, `alter database ${database} set tablespace pg_default`);
          await query(admin, "drop tablespace small_disk");
        }
      } finally {
        execFileSync("umount", [disk]);
        rmdirSync(disk);
      }
    });
  });
});

describe("a backup that does not prove itself", () => {
  it("lets nothing be deployed", async () => {
    await withProduction(note, async (production) => {
      const { schema } = await standingOf(production);
      const store = join(production.root, "backups");
      // As soon as it is listed, before it is read again.
      const damaging = setInterval(() => {
        if (!existsSync(store)) return;
        for (const id of readdirSync(store)) {
          if (!existsSync(join(store, id, "manifest.json"))) continue;
          damage(join(store, id));
          clearInterval(damaging);
        }
      }, 2);
      const error = await failure(production.deploy().finally(() => clearInterval(damaging)));
      expect(error).toMatchObject({ code: "backup-not-proven", exit: 3 });
      expect(error.state).toContain("Nothing was deployed");
      expect(await standingOf(production)).toMatchObject({ ledger: [], schema, deployments: [] });
      // The next backup is another one.
      expect(await production.deploy()).toMatchObject({ outcome: "applied" });
    });
  });
});

/** Turns over one bit in the rows of a backup. */
function damage(folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const rows = files.find(({ name }) => name.includes("jars"));
  if (!rows) throw new Error(`${folder} holds no rows: ${files.map(({ name }) => name).join()}`);
  const file = join(rows.parentPath, rows.name);
  const content = readFileSync(file);
  const middle = Math.floor(content.length / 2);
  content[middle] = (content[middle] ?? 0) ^ 1;
  writeFileSync(file, content);
}

describe("a role that lacks a right", () => {
  it("is told which, before anything is done", async () => {
    await withRole(
      async (role) => {
        await withProduction(note, async (production) => {
          const { database } = production.target.url;
          const admin = superuser().with({ database }).withPassword();
          const name = pg.escapeIdentifier(role);
          const url = superuser().with({ database, user: role, password: "x" }).withPassword();
          const before = await standingOf(production);
          production.write(".env.production", `DATABASE_URL=${url}\n`);
          const weak = await production.reopen();
          const refused = async (message: RegExp) => {
            const error = await failure(weak.deploy());
            expect(error).toMatchObject({ code: "right-missing", exit: 4, state: "Nothing was done." });
            expect(error.message).toMatch(message);
            const store = await openStore(production.target.environment.backups.store);
            expect(await listBackups(store)).toEqual([]);
            expect(await standingOf(production)).toEqual(before);
          };
          await refused(/may not make tables in the schema supabase_migrations/);
          await query(admin, `grant usage, create on schema supabase_migrations, pantler to ${name}`);
          await refused(
            /may not write to pantler\.migration_control, supabase_migrations\.schema_migrations/,
          );
          await query(
            admin,
            `grant select, insert, update, delete on all tables in schema supabase_migrations, pantler to ${name}`,
          );
          await refused(/"public"\."jars"/);
          await query(admin, `drop owned by ${name}`);
        });
      },
      { options: "login password 'x'" },
    );
  });
});
