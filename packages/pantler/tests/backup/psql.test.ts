import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, type TestContext } from "vitest";
import type { Backup } from "../../src/index.js";
import { backUp } from "../support/backups.js";
import { withCounter } from "../support/counter.js";
import { withDatabaseUrl } from "../support/database.js";
import { query } from "../support/inspect.js";
import { type OutsiderScope, outsiderDifferences } from "../support/outsider.js";
import { contentOf } from "../support/pantry.js";
import { type TestProject, withProject } from "../support/project.js";
import { loadTorture, loadTortureOfSupabase } from "../support/torture.js";

/** The machine's own programs, which a restore without us needs. */
const folders = [...(process.env.PATH ?? "").split(":"), "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
const programs = ["psql", "gzip"];
const missing = programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));

function requirePrograms(context: TestContext): void {
  if (missing.length > 0) context.skip(`this machine has no ${missing.join(" and no ")}`);
}

/** Runs the script of an archive as somebody would who has nothing of ours. */
function runScript(
  project: TestProject,
  { id }: Backup,
  url: string,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync("psql", ["--no-psqlrc", "-d", url, "-f", "restore.sql"], {
    cwd: join(project.root, "backups", id),
    encoding: "utf8",
    env: { PATH: folders.join(":") },
  });
}

/** What is Supabase's to restore. */
const supabases: OutsiderScope = {
  without: [
    "realtime",
    "cron",
    "extensions",
    "graphql",
    "graphql_public",
    "net",
    "supabase_functions",
    "vault",
  ],
  withoutRowsOf: ["storage", "auth.sessions", "auth.refresh_tokens", "auth.refresh_tokens_id_seq"],
};

describe("psql alone", () => {
  it("restores everything that can go wrong, from an archive that refers to another one", async (context) => {
    requirePrograms(context);
    await withProject({}, async (project) => {
      await loadTorture(project.url, {
        without: ["exclusion of partitions", "order of columns", "search path"],
      });
      await loadTortureOfSupabase(project.url);
      await backUp(project);
      await query(project.url, "insert into torture.victims values (4)");
      const backup = await backUp(project, { incremental: true });
      const places = new Set(backup.manifest.tables.flatMap(({ files }) => files.map((file) => file.backup)));
      expect(places.size).toBe(2);
      await withDatabaseUrl(async (copy) => {
        expect(runScript(project, backup, copy)).toMatchObject({
          status: 0,
          stdout: `${backup.id} is restored, and every row is what it was.\n`,
          stderr: "",
        });
        expect(await outsiderDifferences(project.url, copy, supabases)).toEqual([]);
      });
    });
  });

  it("restores all or nothing: a damaged file, rows that are others, or tables that are there undo it", async (context) => {
    requirePrograms(context);
    await withCounter(async (project) => {
      const backup = await backUp(project);
      const file = join(
        project.root,
        "backups",
        backup.id,
        backup.manifest.tables.find(({ name }) => name === "kinds")?.files[0]?.name ?? "",
      );
      await withDatabaseUrl(async (copy) => {
        const empty = await contentOf(copy);
        writeFileSync(file, gzipSync("1\tone\n2\tTWO\n"));
        const changed = runScript(project, backup, copy);
        expect(changed.status).toBe(3);
        expect(changed.stderr).toContain('"public"."kinds" is not as in the backup');
        expect(await contentOf(copy)).toBe(empty);
        writeFileSync(file, "no gzip");
        expect(runScript(project, backup, copy).status).toBe(3);
        expect(await contentOf(copy)).toBe(empty);
        writeFileSync(file, gzipSync("1\tone\n2\ttwo\n"));
        expect(runScript(project, backup, copy)).toMatchObject({ status: 0, stderr: "" });
        expect(await contentOf(copy)).toBe(await contentOf(project.url));
        expect(runScript(project, backup, copy).status).toBe(3);
        expect(await contentOf(copy)).toBe(await contentOf(project.url));
      });
    });
  });

  it("restores some tables, whose keys to others it leaves to be made later", async (context) => {
    requirePrograms(context);
    await withCounter(async (project) => {
      const backup = await backUp(project, { tables: ["items"] });
      expect(readdirSync(join(project.root, "backups", backup.id))).toContain("schema.broken.sql");
      await withDatabaseUrl(async (copy) => {
        expect(runScript(project, backup, copy)).toMatchObject({ status: 0, stderr: "" });
        expect(await query(copy, "select count(*)::int from items")).toEqual([{ count: 1000 }]);
        expect(
          await query(copy, "select from pg_constraint where contype = 'f' and conrelid = 'items'::regclass"),
        ).toEqual([]);
        await query(
          copy,
          "insert into auth.users (id) values ('00000000-0000-4000-8000-000000000001'); insert into kinds values (1, 'one'), (2, 'two')",
        );
        const later = spawnSync(
          "psql",
          ["--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-d", copy, "-f", "schema.broken.sql"],
          {
            cwd: join(project.root, "backups", backup.id),
            encoding: "utf8",
            env: { PATH: folders.join(":") },
          },
        );
        expect(later).toMatchObject({ status: 0, stderr: "" });
        expect(await contentOf(copy).then((content) => content.split("\n")[0])).toBe(
          (await contentOf(project.url)).split("\n")[0],
        );
      });
    });
  });
});
