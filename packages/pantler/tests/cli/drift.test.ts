import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pantler } from "../support/cli.js";
import { query } from "../support/inspect.js";
import { withFolder, withProject } from "../support/project.js";

const files = {
  "1_notes.sql": `create table notes (id int primary key, body text);
alter table notes enable row level security;
create policy seen on notes for select to authenticated using (body is not null);
create function twice(n int) returns int language plpgsql as $$
begin
  -- a comment
  -- another one
  return n + n;
end $$;`,
};

describe("pantler migration drift", () => {
  it("ends with 0 and one sentence where there is none", async () => {
    await withProject(files, async ({ root: cwd }) => {
      await pantler(["migration", "up"], { cwd });
      const run = await pantler(["migration", "drift"], { cwd });
      expect(run).toMatchObject({ code: 0, stdout: "local is what its migrations make.\n" });
      expect((await pantler(["migration", "drift", "--json"], { cwd })).result).toEqual({
        type: "result",
        ok: true,
        drift: [],
        hints: [],
        unbuilt: [],
      });
    });
  });

  it("shows what is missing, extra and changed, the lines that differ, and what to do", async () => {
    await withProject(files, async ({ root: cwd, url }) => {
      await pantler(["migration", "up"], { cwd });
      await query(
        url,
        `drop policy seen on notes;
         create table extra (id int primary key, body text);
         create or replace function twice(n int) returns int language plpgsql as $$
begin
  -- a comment
  -- another one
  return n * 2;
end $$`,
      );
      const run = await pantler(["migration", "drift"], { cwd });
      expect(run.code).toBe(1);
      expect(run.stdout).toMatchInlineSnapshot(`
        "missing from local
          - policy public.notes.seen
        only in local
          + table public.extra
        changed in local
          ~ function public.twice(integer)
                  -- another one
              -   return n + n;
              +   return n * 2;
                end $function$
        → Made by 1_notes and gone: policy public.notes.seen.
        → To keep what was changed by hand, write it down as a migration: pantler migration new <name> --from-drift --env local
        3 objects differ between local and what its migrations make.
        "
      `);
      const { result } = await pantler(["migration", "drift", "--json"], { cwd });
      expect(result.drift).toContainEqual({
        kind: "policy",
        name: "public.notes.seen",
        left: expect.any(String),
      });
    });
  });

  it("is for a project whose database can be reached", async () => {
    await withProject(files, async ({ root: cwd, write }) => {
      write(".env.staging", "DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/shop\n");
      const run = await pantler(["migration", "drift", "--env", "staging"], { cwd });
      expect(run.code).toBe(4);
      expect(run.stdout + run.stderr).not.toContain("hunter2");
    });
  });
});

describe("pantler migration new --from-drift", () => {
  it("writes the draft and says what is to be done with it", async () => {
    await withProject(files, async ({ root: cwd, url }) => {
      await pantler(["migration", "up"], { cwd });
      const none = await pantler(["migration", "new", "adopt", "--from-drift"], { cwd });
      expect(none).toMatchObject({
        code: 0,
        stdout: "local is what its migrations make: nothing was written.\n",
      });
      await query(url, "alter table notes add extra int");
      const run = await pantler(["migration", "new", "adopt", "--from-drift"], { cwd });
      expect(run.code).toBe(0);
      const [file = ""] = run.stdout.split("\n");
      const [, version = ""] = /(\d+)_adopt\.sql$/.exec(file) ?? [];
      expect(run.stdout).toContain(
        `Review it; then, as local has it already: pantler migration repair ${version} --status applied --env local\n`,
      );
      expect(readFileSync(file, "utf8")).toContain("alter table public.notes add column extra integer;");
      await pantler(["migration", "repair", version, "--status", "applied"], { cwd });
      expect((await pantler(["migration", "drift"], { cwd })).code).toBe(0);
      expect((await pantler(["migration", "down"], { cwd })).code).toBe(0);
      expect((await pantler(["migration", "drift"], { cwd })).code).toBe(0);
    });
  });
});

describe("pantler gen workflow", () => {
  const project = {
    "pantler.config.json": JSON.stringify({ environments: { production: {} } }),
    "package-lock.json": "{}",
  };

  it("prints it, writes it once, and refuses to write over another one", async () => {
    await withFolder(project, async (cwd) => {
      const printed = await pantler(["gen", "workflow", "--stdout"], { cwd });
      expect(printed).toMatchObject({ code: 0, stderr: "" });
      const run = await pantler(["gen", "workflow"], { cwd });
      expect(run.code).toBe(0);
      expect(run.stdout.replaceAll(cwd, "<folder>")).toMatchInlineSnapshot(`
        "<folder>/.github/workflows/database.yml
        Secrets it reads: PRODUCTION_DATABASE_URL, PANTLER_BACKUP_IDENTITY, PANTLER_BACKUP_PASSPHRASE
        ! Backups of production are kept in a folder, which is gone with the machine that the workflow runs on: set backups.store to a bucket.
        "
      `);
      const file = `${cwd}/.github/workflows/database.yml`;
      expect(readFileSync(file, "utf8")).toBe(printed.stdout);
      const again = await pantler(["gen", "workflow", "--json"], { cwd });
      expect(again.result).toMatchObject({ ok: true, file, written: false });
      await withFolder({ ...project, ".github/workflows/database.yml": "name: mine\n" }, async (other) => {
        const refused = await pantler(["gen", "workflow"], { cwd: other });
        expect(refused).toMatchObject({ code: 3, stdout: "" });
        expect(readFileSync(`${other}/.github/workflows/database.yml`, "utf8")).toBe("name: mine\n");
      });
    });
  });
});
