import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { query } from "../support/inspect.js";
import { type Shop, withShop } from "../support/shop.js";

const bin = fileURLToPath(new URL("../../bin/pantler.js", import.meta.url));
const passphrase = { PANTLER_BACKUP_PASSPHRASE: "four words chosen blindly" };

/** The words and the surroundings in which the local database is also that of a protected environment. */
function production({ url }: Shop): { words: string[]; env: Record<string, string> } {
  return { words: ["--env", "production"], env: { PRODUCTION_DATABASE_URL: url } };
}

const withProduction = { environments: { production: {} } };

async function countJars({ sql }: Shop): Promise<number> {
  const [row] = await sql("select count(*)::int as count from jars");
  return Number(row?.count);
}

describe("pantler restore", () => {
  it("brings back everything, as it was", async () => {
    await withShop(async (shop) => {
      const id = await shop.backUp();
      await shop.sql("drop table lids; delete from jars where id > 40; create table extra (id int)");
      const run = await shop.cli(["restore", "latest", "--yes"]);
      expect(run.code).toBe(0);
      expect(shop.said(run.stdout)).toMatchInlineSnapshot(`
        "local is restored from <id> in <time>
          rows    4 tables, 110 rows, compared with the backup
          schema  <fingerprint>, as in the backup
        "
      `);
      expect(await countJars(shop)).toBe(100);
      expect(await shop.sql("select count(*)::int as lids, to_regclass('extra') as extra from lids")).toEqual(
        [{ lids: 10, extra: null }],
      );
      const journals = readdirSync(join(shop.folder, ".pantler/journal")).filter((name) =>
        /-restore-/.test(name),
      );
      expect(journals).toHaveLength(1);
      expect(readFileSync(join(shop.folder, ".pantler/journal", journals[0] ?? ""), "utf8")).toContain(id);
    });
  });

  it("as JSON tells what it restored, from where, and whether the schema is that of the backup", async () => {
    await withShop(async (shop) => {
      const id = await shop.backUp();
      const run = await shop.cli(["restore", id.slice(-6), "--yes", "--json"]);
      expect(run).toMatchObject({ code: 0, stderr: "" });
      expect(run.result).toMatchObject({
        type: "result",
        ok: true,
        dryRun: false,
        backup: id,
        way: "everything",
        environment: "local",
        made: false,
        safety: null,
        schemaEqual: true,
        milliseconds: expect.any(Number),
      });
      expect(run.result.tables).toContainEqual({ schema: "public", name: "jars", rows: 100 });
      expect(String(run.result.database)).not.toContain("postgres:postgres");
    });
  });

  it("asks before it overwrites what is there: without a terminal the answer is no", async () => {
    await withShop(async (shop) => {
      await shop.backUp();
      await shop.sql("delete from lids");
      const run = await shop.cli(["restore", "latest"]);
      expect(run).toMatchObject({ code: 3, stdout: "" });
      expect(shop.said(run.stderr)).toMatchInlineSnapshot(`
        "✗ Not confirmed: What is there (4 tables, 100 rows) is replaced by the backup. Restore into local (<url>)?
          Nothing was done.
          → Answer yes, or run it with --yes.
        "
      `);
      expect(await shop.sql("select from lids")).toEqual([]);
    });
  });

  it("asks nothing when there is nothing to overwrite", async () => {
    await withShop(async (shop) => {
      await shop.backUp();
      await shop.sql("drop table lids, jars");
      expect(await shop.cli(["restore", "latest"])).toMatchObject({ code: 0 });
      expect(await countJars(shop)).toBe(100);
    });
  });

  it("with --dry-run shows the rows now and then, and changes nothing", async () => {
    await withShop(async (shop) => {
      await shop.backUp();
      await shop.sql("drop table lids; delete from jars where id > 40; create table extra (id int)");
      const run = await shop.cli(["restore", "latest", "--dry-run"]);
      expect(run).toMatchObject({ code: 0, stderr: "" });
      expect(shop.said(run.stdout)).toMatchInlineSnapshot(`
        "Restore of <id>
          taken   just now of local
          into    local, <url>
          change  What is there (4 tables, 40 rows) is replaced by the backup.
          schema  Becomes that of the backup.

          table            now     then
          auth.identities    0  →     0
          auth.users         0  →     0
          public.jars       40  →   100
          public.lids        -  →    10  made
          public.extra       0  →     -  dropped
        "
      `);
      const json = await shop.cli(["restore", "latest", "--dry-run", "--json"]);
      expect(json.result).toMatchObject({
        ok: true,
        dryRun: true,
        way: "everything",
        empty: false,
        schemaEqual: false,
        confirm: null,
        dropped: [{ schema: "public", name: "extra", rows: 0 }],
      });
      expect(json.result.tables).toContainEqual(expect.objectContaining({ name: "jars", now: 40 }));
      expect(json.result.tables).toContainEqual(expect.objectContaining({ name: "lids", now: null }));
      expect(await countJars(shop)).toBe(40);
      expect(existsSync(join(shop.folder, ".pantler/journal"))).toBe(false);
    });
  });

  it("of some tables brings back their rows alone, and --merge only those that are missing or changed", async () => {
    await withShop(async (shop) => {
      await shop.backUp();
      const change = `
        delete from jars where id between 90 and 95;
        update jars set label = 'mine' where id <= 3;
        insert into jars values (101, 'new')`;
      const stateOf = async () =>
        await shop.sql(
          "select count(*)::int as count, count(*) filter (where label = 'mine')::int as mine, max(id)::int as last from jars",
        );
      await shop.sql(change);
      const skip = await shop.cli(["restore", "latest", "--tables", "jars", "--merge", "skip", "--yes"]);
      expect(skip.code).toBe(0);
      expect(shop.said(skip.stdout)).toMatchInlineSnapshot(`
        "local is restored from <id> in <time>
          merged  public.jars: 6 brought back, 0 changed
        "
      `);
      expect(await stateOf()).toEqual([{ count: 101, mine: 3, last: 101 }]);
      await shop.sql("delete from jars where id = 95");
      const update = await shop.cli([
        "restore",
        "latest",
        "--tables",
        "jars",
        "--merge",
        "update",
        "--yes",
        "--json",
      ]);
      expect(update.result).toMatchObject({
        way: "rows",
        schemaEqual: null,
        tables: [{ name: "jars", merged: { inserted: 1, updated: 3 } }],
      });
      expect(await stateOf()).toEqual([{ count: 101, mine: 0, last: 101 }]);
      expect(await shop.cli(["restore", "latest", "--tables", "jars", "--yes"])).toMatchObject({ code: 0 });
      expect(await stateOf()).toEqual([{ count: 100, mine: 0, last: 100 }]);
    });
  });

  it("of the schema alone leaves the tables empty and the users where they are, as its preview says", async () => {
    await withShop(async (shop) => {
      await shop.sql("insert into auth.users (id, email) values (gen_random_uuid(), 'ann@test.local')");
      await shop.backUp();
      const dry = await shop.cli(["restore", "latest", "--schema-only", "--dry-run"]);
      expect(shop.said(dry.stdout)).toMatchInlineSnapshot(`
        "Restore of <id>
          taken   just now of local
          into    local, <url>
          change  What is there (2 tables, 110 rows) is dropped; the schema comes back without it.
          schema  That of the backup already.

          table        now     then
          public.jars  100  →     0
          public.lids   10  →     0
        "
      `);
      const run = await shop.cli(["restore", "latest", "--schema-only", "--yes"]);
      expect(run.code).toBe(0);
      expect(
        await shop.sql(
          "select count(*)::int as jars, (select count(*)::int from auth.users) as users from jars",
        ),
      ).toEqual([{ jars: 0, users: 1 }]);
    });
  });

  it("of a table that the backup does not have is 2, and changes nothing", async () => {
    await withShop(async (shop) => {
      await shop.backUp();
      const run = await shop.cli(["restore", "latest", "--tables", "labels", "--yes"]);
      expect(run.code).toBe(2);
      expect(run.stderr).toContain("✗ The backup has no table labels.\n");
    });
  });

  it("takes the passphrase from the environment, and says which one is missing", async () => {
    await withShop(async (shop) => {
      expect(await shop.cli(["backup", "create", "--encrypt"], { env: passphrase })).toMatchObject({
        code: 0,
      });
      await shop.sql("delete from lids");
      const without = await shop.cli(["restore", "latest", "--yes", "--json"], {
        env: { PANTLER_BACKUP_PASSPHRASE: "" },
      });
      expect(without).toMatchObject({ code: 2, result: { error: { code: "key-missing" } } });
      const wrong = await shop.cli(["restore", "latest", "--yes", "--json"], {
        env: { PANTLER_BACKUP_PASSPHRASE: "something else" },
      });
      expect(wrong).toMatchObject({ code: 2, result: { error: { code: "passphrase-wrong" } } });
      expect(await shop.cli(["restore", "latest", "--yes"], { env: passphrase })).toMatchObject({ code: 0 });
      expect(await shop.sql("select count(*)::int as lids from lids")).toEqual([{ lids: 10 }]);
    });
  });
});

describe("a restore into a protected environment", () => {
  it("wants its name typed: neither --yes nor another name will do", async () => {
    await withShop(async (shop) => {
      await shop.backUp();
      await shop.sql("delete from lids");
      const { words, env } = production(shop);
      const id = (await shop.cli(["backup", "list", "--json"])).result.backups as { id: string }[];
      for (const given of [[], ["--yes"], ["--confirm", "local"], ["--yes", "--confirm", "Production"]]) {
        const run = await shop.cli(["restore", id[0]?.id ?? "", ...words, ...given], { env });
        expect(run).toMatchObject({ code: 3, stdout: "" });
        expect(shop.said(run.stderr)).toBe(
          "✗ Not confirmed: What is there (4 tables, 100 rows) is replaced by the backup. " +
            "production (<url>) is protected: a proven backup of it is taken first.\n" +
            "  Nothing was done.\n" +
            "  → Confirm it: --confirm production\n",
        );
      }
      expect(await shop.sql("select from lids")).toEqual([]);
    }, withProduction);
  });

  it("takes and proves a backup of what is there first, and names it", async () => {
    await withShop(async (shop) => {
      const id = await shop.backUp();
      await shop.sql("delete from lids");
      const { words, env } = production(shop);
      const dry = await shop.cli(["restore", id, ...words, "--dry-run", "--json"], { env });
      expect(dry.result).toMatchObject({ confirm: "production" });
      const run = await shop.cli(["restore", id, ...words, "--confirm", "production", "--json"], { env });
      expect(run).toMatchObject({ code: 0, result: { ok: true, safety: expect.any(String) } });
      const { result } = await shop.cli(["backup", "list", ...words, "--json"], { env });
      expect(result.backups).toMatchObject([{ id: run.result.safety, proven: true, rows: 100 }]);
      expect(await shop.sql("select count(*)::int as lids from lids")).toEqual([{ lids: 10 }]);
    }, withProduction);
  });

  it("whose backups are encrypted is refused before anything is done, where the key to prove one is missing", async () => {
    const recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"];
    const config = { environments: { production: { backups: { recipients } } } };
    await withShop(async (shop) => {
      const id = await shop.backUp();
      const { words, env } = production(shop);
      const run = await shop.cli(["restore", id, ...words, "--confirm", "production"], { env });
      expect(run.code).toBe(2);
      expect(run.stderr).toContain(
        "✗ Proving the backup that is taken first takes the secret key of one of backups.recipients",
      );
    }, config);
  });

  describe.skipIf(process.platform !== "linux")("on a terminal", () => {
    /** Runs it under a terminal of its own, and types an answer once it is asked. */
    async function typing(shop: Shop, words: string[], env: Record<string, string>, answer: string) {
      const command = [process.execPath, bin, ...words].map((word) => `'${word}'`).join(" ");
      const child = spawn("script", ["-qec", `stty cols 200; ${command}`, "/dev/null"], {
        cwd: shop.folder,
        env: { ...process.env, TERM: "xterm", NO_COLOR: "1", ...env },
        stdio: ["pipe", "pipe", "inherit"],
      });
      let shown = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const before = shown;
        shown += text;
        if (!before.includes("◆") && shown.includes("◆")) setTimeout(() => child.stdin.write(answer), 300);
      });
      const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
      return { code, shown };
    }

    it("shows what changes and asks for the name", async () => {
      await withShop(async (shop) => {
        const id = await shop.backUp();
        await shop.sql("delete from lids");
        const { words, env } = production(shop);
        const wrong = await typing(shop, ["restore", id, ...words], env, "yes\r");
        expect(wrong.code).toBe(3);
        expect(wrong.shown).toMatch(/public\.lids +0 +→ +10/);
        expect(wrong.shown).toContain("Type production to go on:");
        const right = await typing(shop, ["restore", id, ...words], env, "production\r");
        expect(right.code).toBe(0);
        expect(right.shown).toContain("production is restored from");
        expect(await shop.sql("select count(*)::int as lids from lids")).toEqual([{ lids: 10 }]);
      }, withProduction);
    });

    it("asks an ordinary question where nothing is protected, to which no is the answer that is offered", async () => {
      await withShop(async (shop) => {
        await shop.backUp();
        await shop.sql("delete from lids");
        expect(await typing(shop, ["restore", "latest"], {}, "\r")).toMatchObject({ code: 3 });
        expect(await typing(shop, ["restore", "latest"], {}, "y")).toMatchObject({ code: 0 });
      });
    });

    it("asks for the passphrase that is nowhere", async () => {
      await withShop(async (shop) => {
        const env = { PANTLER_BACKUP_PASSPHRASE: "" };
        await shop.cli(["backup", "create", "--encrypt"], { env: passphrase });
        const { code, shown } = await typing(
          shop,
          ["backup", "drill", "latest"],
          env,
          "four words chosen blindly\r",
        );
        expect(code).toBe(0);
        expect(shown).toContain("The passphrase of");
        expect(shown).not.toContain("four words");
      });
    });
  });
});

describe("pantler restore --to", () => {
  /** The address of a database that is not there yet, dropped after the test. */
  async function withNewName(shop: Shop, test: (url: string, name: string) => Promise<void>): Promise<void> {
    const name = `${new URL(shop.url).pathname.slice(1)}_new`;
    const url = new URL(shop.url);
    url.pathname = `/${name}`;
    try {
      await test(url.href, name);
    } finally {
      await shop.sql(`drop database if exists ${name} with (force)`);
    }
  }
  const exists = async ({ sql }: Shop, name: string) =>
    (await sql(`select from pg_database where datname = '${name}'`)).length === 1;

  it("makes the database that is not there, and fills it", async () => {
    await withShop(async (shop) => {
      const id = await shop.backUp();
      await withNewName(shop, async (url, name) => {
        const dry = await shop.cli(["restore", "latest", "--to", url, "--dry-run"]);
        expect(dry.code).toBe(0);
        expect(dry.stdout).toContain("The database is made first.");
        expect(await exists(shop, name)).toBe(false);
        const run = await shop.cli(["restore", "latest", "--to", url, "--json"]);
        expect(run).toMatchObject({
          code: 0,
          result: { backup: id, environment: name, made: true, schemaEqual: true, safety: null },
        });
        expect(await query(url, "select count(*)::int as jars from jars")).toEqual([{ jars: 100 }]);
        expect(run.stdout).not.toContain("postgres:postgres");
      });
    });
  });

  it("drops the database that it made when the restore fails", async () => {
    await withShop(async (shop) => {
      await shop.cli(["backup", "create", "--encrypt"], { env: passphrase });
      await withNewName(shop, async (url, name) => {
        const env = { PANTLER_BACKUP_PASSPHRASE: "something else" };
        const run = await shop.cli(["restore", "latest", "--to", url], { env });
        expect(run.code).toBe(2);
        expect(shop.said(run.stderr)).toContain("✓ drop the database <database>_new again");
        expect(await exists(shop, name)).toBe(false);
      });
    });
  });

  it("into a database that is none of Supabase's says what a backup of such a project needs", async () => {
    await withShop(async (shop) => {
      await shop.sql("create table notes (id int, owner uuid default auth.uid())");
      await shop.backUp();
      await withNewName(shop, async (url, name) => {
        await shop.sql(`create database ${name} template template0`);
        const run = await shop.cli(["restore", "latest", "--to", url]);
        expect(run.code).toBe(4);
        expect(run.stderr).toContain('could not be restored: schema "auth" does not exist.\n');
        expect(run.stderr).toContain("→ That schema is in no backup, as those of Supabase's are not: ");
        expect(await query(url, "select from pg_class where relname = 'jars'")).toEqual([]);
      });
    });
  });

  it("protects a database that holds something, by its name", async () => {
    await withShop(async (shop) => {
      await shop.backUp();
      const name = new URL(shop.url).pathname.slice(1);
      const refused = await shop.cli(["restore", "latest", "--to", shop.url, "--yes"]);
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain(`→ Confirm it: --confirm ${name}\n`);
      const run = await shop.cli(["restore", "latest", "--to", shop.url, "--confirm", name, "--json"]);
      expect(run).toMatchObject({
        code: 0,
        result: { environment: name, made: false, safety: expect.any(String) },
      });
    });
  });

  it("of what is no address is 2, and does not repeat it", async () => {
    await withShop(async (shop) => {
      for (const flag of ["--json", "--verbose"]) {
        const run = await shop.cli(["restore", "latest", "--to", "mysql://me:hunter2@db/shop", flag]);
        expect(run.code).toBe(2);
        expect(run.stdout + run.stderr).toContain("The database URL from --to cannot be read");
        expect(run.stdout + run.stderr).not.toContain("hunter2");
      }
    });
  });
});
