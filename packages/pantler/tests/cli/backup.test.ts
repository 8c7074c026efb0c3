import { type ChildProcess, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { usualRetention } from "../../src/index.js";
import { rewriteManifest } from "../support/backup-damage.js";
import { pantler } from "../support/cli.js";
import { archivesIn, type Shop, withShop } from "../support/shop.js";

const bin = fileURLToPath(new URL("../../bin/pantler.js", import.meta.url));
const passphrase = { PANTLER_BACKUP_PASSPHRASE: "four words chosen blindly" };

/** A key of age, as age-keygen makes it. */
async function ageKey(): Promise<{ identity: string; recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** The backups that a list shows, as JSON. */
async function listed({ cli }: Shop, ...words: string[]): Promise<Record<string, unknown>[]> {
  const { result } = await cli(["backup", "list", ...words, "--json"]);
  return result.backups as Record<string, unknown>[];
}

describe("pantler backup create", () => {
  it("says what is in the backup, how large it is, where, and that nothing proved it yet", async () => {
    await withShop(async ({ cli, said, folder }) => {
      const run = await cli(["backup", "create", "--name", "before the move"]);
      expect(run.code).toBe(0);
      expect(said(run.stdout)).toMatchInlineSnapshot(`
        "<id>
          name    before the move
          taken   just now of local, database <database>, PostgreSQL <version>
          holds   everything: 4 tables, 110 rows
          schema  <fingerprint>, <n> objects
          size    <size>, not encrypted
          store   backups/<id>
          drill   not drilled; prove it with pantler backup drill <end of id>
        "
      `);
      expect(said(run.stderr)).toMatchInlineSnapshot(`
        "✓ open the store · <folder>/backups · <time>
        ✓ hold the tables as they are · 4 tables · <time>
        ✓ copy the rows · 4 tables, 110 rows · <time>
        ✓ read the schema · <n> objects, fingerprint <fingerprint> · <time>
        ✓ list the backup · <id> · <time>
        "
      `);
      expect(archivesIn(join(folder, "backups"))).toHaveLength(1);
    });
  });

  it("as JSON names every table with its rows and its digest", async () => {
    await withShop(async ({ cli, folder }) => {
      const { code, result, stderr } = await cli(["backup", "create", "--json"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(result).toMatchObject({
        type: "result",
        ok: true,
        id: expect.stringMatching(/^\d{8}T\d{6}Z-[0-9a-f]{6}$/),
        store: join(folder, "backups"),
        kind: "full",
        environment: "local",
        name: null,
        createdAt: expect.stringMatching(/Z$/),
        milliseconds: expect.any(Number),
        fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
        rows: 110,
        bytes: expect.any(Number),
        leftOut: [],
        parent: null,
        encryption: null,
        proven: false,
        drill: null,
      });
      const digest = expect.stringMatching(/^\d+:[0-9a-f]+:[0-9a-f]+$/);
      expect(result.tables).toContainEqual({ schema: "public", name: "jars", rows: 100, digest });
      expect(result.tables).toContainEqual({ schema: "public", name: "lids", rows: 10, digest });
    });
  });

  it("with --drill proves it, and says how long a recovery takes", async () => {
    await withShop(async (shop) => {
      const run = await shop.cli(["backup", "create", "--drill"]);
      expect(run.code).toBe(0);
      expect(shop.said(run.stdout)).toContain("  drill   proven just now, restored in <time>\n");
      expect(shop.said(run.stderr)).toContain("✓ drill: compare the rows with the backup");
      expect(await listed(shop)).toMatchObject([
        { proven: true, drill: { proven: true, restoreMilliseconds: expect.any(Number), differences: [] } },
      ]);
    });
  });

  it("takes the schema, the rows, or some tables alone where that is asked for", async () => {
    await withShop(async ({ cli }) => {
      const kindOf = async (...words: string[]) => {
        const { code, result } = await cli(["backup", "create", ...words, "--json"]);
        return { code, kind: result.kind, rows: result.rows };
      };
      expect(await kindOf("--schema-only")).toEqual({ code: 0, kind: "schema", rows: 0 });
      expect(await kindOf("--data-only")).toEqual({ code: 0, kind: "data", rows: 110 });
      expect(await kindOf("--tables", "lids")).toEqual({ code: 0, kind: "tables", rows: 10 });
      expect(await kindOf("--tables", "lids, public.jars")).toEqual({ code: 0, kind: "tables", rows: 110 });
      expect(await kindOf("--tables", "lids", "--tables", "jars")).toMatchObject({ rows: 110 });
    });
  });

  it("of a table that is not there is 2, and names it", async () => {
    await withShop(async ({ cli, said, folder }) => {
      const run = await cli(["backup", "create", "--tables", "jars,labels"]);
      expect(run).toMatchObject({ code: 2, stdout: "" });
      expect(said(run.stderr)).toContain("✗ The database has no table labels.\n");
      expect(archivesIn(join(folder, "backups"))).toEqual([]);
    });
  });

  it("with --incremental stores unchanged tables once", async () => {
    await withShop(async ({ cli, sql, said, backUp }) => {
      const first = await cli(["backup", "create", "--incremental"]);
      expect(said(first.stderr)).toContain("i there is no earlier backup to share files with");
      await sql("insert into lids values (11, 11)");
      const { result } = await cli(["backup", "create", "--incremental", "--json"]);
      expect(result).toMatchObject({ parent: expect.any(String), sharedBytes: expect.any(Number) });
      expect(result.sharedBytes).toBeGreaterThan(0);
      const shown = await cli(["backup", "show", String(result.id)]);
      expect(said(shown.stdout)).toMatch(/ size {4}<size> and <size> of earlier backups, not encrypted\n/);
      expect(await backUp()).not.toBe(result.id);
    });
  });

  it("names what it leaves out", async () => {
    await withShop(async ({ cli, sql, said }) => {
      await sql("insert into storage.buckets (id, name) values ('labels', 'labels')");
      const run = await cli(["backup", "create"]);
      expect(said(run.stdout)).toContain("  left out  1 row of storage.buckets\n");
    });
  });

  it("interrupted lists nothing, and leaves nothing", async () => {
    await withShop(async (shop) => {
      const started = performance.now();
      const other = new pg.Client({ connectionString: shop.url });
      await other.connect();
      await other.query("begin; lock table jars in access exclusive mode");
      let child: ChildProcess | undefined;
      const run = await shop.cli(["backup", "create", "--json"], {
        onStart: (process) => {
          child = process;
          process.stdout?.on("data", (text: string) => {
            if (text.includes('"title":"hold the tables as they are"'))
              setTimeout(() => child?.kill("SIGINT"), 500);
          });
        },
      });
      await other.end();
      // Not when the lock is given up, which takes half a minute.
      expect(performance.now() - started).toBeLessThan(15_000);
      expect(run.code).toBe(5);
      expect(run.result).toMatchObject({ ok: false, error: { code: "interrupted" } });
      expect(await listed(shop)).toEqual([]);
      expect(archivesIn(join(shop.folder, "backups"))).toEqual([]);
    });
  });

  it("interrupted while it is drilled leaves a backup that is not proven", async () => {
    await withShop(async (shop) => {
      const run = await shop.cli(["backup", "create", "--drill", "--json"], {
        onStart: (child) => {
          child.stdout?.on("data", (text: string) => {
            if (text.includes('"title":"list the backup","status":"done"')) child.kill("SIGINT");
          });
        },
      });
      expect(run.code).toBe(5);
      expect(run.result).toMatchObject({ ok: false, error: { code: "interrupted" } });
      expect(await listed(shop)).toMatchObject([{ proven: false, drill: null }]);
    });
  });

  it("writes a journal", async () => {
    await withShop(async ({ cli, folder }) => {
      const { result } = await cli(["backup", "create", "--json"]);
      const [journal = ""] = readdirSync(join(folder, ".pantler/journal"));
      expect(journal).toContain("-backup-create-");
      expect(readFileSync(join(folder, ".pantler/journal", journal), "utf8")).toContain(result.id);
    });
  });
});

describe("encryption", () => {
  it("without anything to encrypt with is 2, and names both ways", async () => {
    await withShop(async ({ cli, folder }) => {
      const run = await cli(["backup", "create", "--encrypt"], { env: { PANTLER_BACKUP_PASSPHRASE: "" } });
      expect(run.code).toBe(2);
      expect(run.stderr).toMatchInlineSnapshot(`
        "✗ There is nothing to encrypt the backup of local with.
          Nothing was done.
          → Put public keys of age into backups.recipients of the config, or set PANTLER_BACKUP_PASSPHRASE to at least four random words.
        "
      `);
      expect(existsSync(join(folder, "backups"))).toBe(false);
    });
  });

  it("takes the passphrase from the environment, for the drill too, and writes it nowhere", async () => {
    await withShop(async (shop) => {
      const run = await shop.cli(["backup", "create", "--encrypt", "--drill"], { env: passphrase });
      expect(run.code).toBe(0);
      expect(shop.said(run.stdout)).toContain("<size>, encrypted with a passphrase\n");
      expect(run.stdout + run.stderr).not.toContain("four words");
      for (const file of filesBelow(shop.folder)) {
        expect(readFileSync(file).includes("four words")).toBe(false);
        expect(readFileSync(file).includes("jar 1")).toBe(false);
      }
      expect(await listed(shop)).toMatchObject([{ encryption: "passphrase", proven: true }]);
    });
  });

  it("is left out without --encrypt, although there is a passphrase", async () => {
    await withShop(async ({ cli }) => {
      const { result } = await cli(["backup", "create", "--json"], { env: passphrase });
      expect(result).toMatchObject({ encryption: null });
    });
  });

  it("is always done where the config names recipients, and a drill takes a key of theirs", async () => {
    const { identity, recipient } = await ageKey();
    const backups = { recipients: [recipient] };
    await withShop(
      async (shop) => {
        const { cli, folder, write, said } = shop;
        const refused = await cli(["backup", "create", "--drill"]);
        expect(refused.code).toBe(2);
        expect(refused.stderr).toMatchInlineSnapshot(`
          "✗ --drill takes the secret key of one of backups.recipients, and PANTLER_BACKUP_IDENTITY is not set.
            Nothing was done.
            → Set PANTLER_BACKUP_IDENTITY to that key (AGE-SECRET-KEY-…), or to a file that holds it.
          "
        `);
        expect(existsSync(join(folder, "backups"))).toBe(false);
        write("key.txt", `# a comment\n${identity}\n`);
        const run = await cli(["backup", "create", "--drill"], {
          env: { PANTLER_BACKUP_IDENTITY: "key.txt" },
        });
        expect(run.code).toBe(0);
        expect(said(run.stdout)).toContain("<size>, encrypted to 1 key of age\n");
        const [backup] = await listed(shop);
        expect(backup).toMatchObject({ encryption: "recipients", recipients: [recipient], proven: true });
        const drilled = await cli(["backup", "drill", "latest", "--json"]);
        expect(drilled).toMatchObject({ code: 2, result: { error: { code: "key-missing" } } });
      },
      { backups },
    );
  });
});

describe("pantler backup list", () => {
  it("without backups says so, and makes nothing", async () => {
    await withShop(async ({ cli, folder }) => {
      expect(await cli(["backup", "list"])).toMatchObject({
        code: 0,
        stdout: "There are no backups in backups.\n",
        stderr: "",
      });
      expect(await cli(["backup", "list", "--json"])).toMatchObject({
        code: 0,
        result: { ok: true, backups: [], unreadable: [] },
      });
      expect(existsSync(join(folder, "backups"))).toBe(false);
    });
  });

  it("shows the newest first, in a line each", async () => {
    await withShop(async ({ cli, said, backUp }) => {
      const ids = [await backUp(), await backUp("--tables", "lids", "--name", "lids alone")];
      const { stdout } = await cli(["backup", "list"]);
      expect(stdout.match(/\d{8}T\d{6}Z-[0-9a-f]{6}/g)).toEqual(ids.reverse());
      expect(said(stdout).replaceAll(/ +/g, " ")).toMatchInlineSnapshot(`
        "backup age environment kind rows size state
        <id> just now local tables 10 <size> not drilled · “lids alone”
        <id> just now local full 110 <size> not drilled
        "
      `);
    });
  });

  it("shows all environments, each store once, and one of them with --env", async () => {
    const environments = { staging: { protected: false }, archive: { backups: { store: "elsewhere" } } };
    await withShop(
      async (shop) => {
        const env = { STAGING_DATABASE_URL: shop.url, ARCHIVE_DATABASE_URL: shop.url };
        for (const name of ["local", "staging", "archive"]) {
          expect(await shop.cli(["backup", "create", "--env", name], { env })).toMatchObject({ code: 0 });
        }
        const names = async (...words: string[]) =>
          (await listed(shop, ...words)).map(({ environment }) => environment);
        expect((await names()).sort()).toEqual(["archive", "local", "staging"]);
        expect(await names("--env", "staging")).toEqual(["staging"]);
        expect(await names("--env", "local")).toEqual(["local"]);
        expect(await names("--env", "archive")).toEqual(["archive"]);
      },
      { environments },
    );
  });

  it("of a store that cannot be read shows the others, and is 4", async () => {
    await withShop(
      async ({ cli, said, write, backUp }) => {
        const id = await backUp();
        write("file", "");
        const text = await cli(["backup", "list"]);
        expect(text.code).toBe(4);
        expect(text.stdout).toContain(id);
        expect(said(text.stderr)).toMatchInlineSnapshot(`
          "✗ Backups cannot be kept in <folder>/file: it is no folder. Set backups.store in the config to a folder, or to s3://bucket/prefix.
          "
        `);
        const json = await cli(["backup", "list", "--json"]);
        expect(json).toMatchObject({
          code: 4,
          result: {
            ok: false,
            exit: 4,
            backups: [{ id }],
            unreadable: [{ environments: ["production"], code: "store-no-folder" }],
          },
        });
      },
      { environments: { production: { backups: { store: "file" } } } },
    );
  });

  it("tells damaged backups and those of another project from the rest", async () => {
    await withShop(async (shop) => {
      const [damaged, foreign] = [await shop.backUp(), await shop.backUp()];
      const manifest = join(shop.folder, "backups", damaged, "manifest.json");
      writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"rows": 100', '"rows": 101'));
      rewriteManifest(join(shop.folder, "backups"), foreign, () => ({ project: "other" }));
      const { code, stdout } = await shop.cli(["backup", "list"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^${damaged} .* damaged$`, "m"));
      expect(stdout).toMatch(new RegExp(`^${foreign} .* other/local `, "m"));
      expect(await listed(shop)).toContainEqual({
        id: damaged,
        store: join(shop.folder, "backups"),
        proven: false,
        damaged: { code: "archive-damaged", message: expect.stringContaining(damaged) },
      });
    });
  });

  it("shows no control characters that somebody put into a name", async () => {
    await withShop(async ({ cli, backUp }) => {
      await backUp("--name", "red \u001b[31malert\u0007\nsecond line");
      for (const words of [["list"], ["show", "latest"]]) {
        const { stdout } = await cli(["backup", ...words]);
        expect(stdout).toContain("red \ufffd[31malert\ufffd\ufffdsecond line");
      }
    });
  });

  it.skipIf(process.platform !== "linux")("needs two lines for each on a narrow terminal", async () => {
    await withShop(async ({ folder, said, backUp }) => {
      await backUp();
      const onTerminal = (columns: number) =>
        spawnSync(
          "script",
          ["-qec", `stty cols ${columns}; '${process.execPath}' '${bin}' backup list`, "/dev/null"],
          {
            cwd: folder,
            env: { ...process.env, TERM: "xterm", NO_COLOR: "1" },
            encoding: "utf8",
          },
        ).stdout.replaceAll("\r", "");
      const narrow = onTerminal(79);
      expect(said(narrow)).toBe("<id>  not drilled\n  just now · local · full · 110 rows · <size>\n");
      expect(Math.max(...narrow.split("\n").map((line) => line.length))).toBeLessThan(80);
      expect(said(onTerminal(120)).split("\n")).toHaveLength(3);
    });
  });
});

describe("pantler backup show, verify and drill", () => {
  it("find a backup by its id, its beginning, its end, and as the latest of an environment", async () => {
    await withShop(
      async ({ cli, url, backUp }) => {
        const id = await backUp();
        const env = { PRODUCTION_DATABASE_URL: url };
        const other = await cli(["backup", "create", "--env", "production", "--json"], { env });
        for (const words of [id, id.slice(-6), id.slice(0, -3), "latest"]) {
          expect((await cli(["backup", "show", words, "--json"])).result).toMatchObject({ id });
        }
        const latest = await cli(["backup", "show", "latest", "--env", "production", "--json"]);
        expect(latest.result).toMatchObject({ id: other.result.id });
      },
      { environments: { production: { backups: { store: "elsewhere" } } } },
    );
  });

  it("of a backup that is not there, or may be several, are 2", async () => {
    await withShop(async ({ cli, said, backUp }) => {
      const none = await cli(["backup", "show", "latest"]);
      expect(none.code).toBe(2);
      expect(said(none.stderr)).toMatchInlineSnapshot(`
        "✗ There is no backup of local in <folder>/backups.
          Nothing was done.
          → See what there is: pantler backup list
        "
      `);
      const ids = [await backUp(), await backUp()].sort();
      const several = await cli(["backup", "show", "2"]);
      expect(several.code).toBe(2);
      expect(several.stderr).toMatch(/^✗ Several backups are meant by 2: /);
      for (const id of ids) expect(several.stderr).toContain(id);
      for (const words of ["", "nonsense", "../../etc/passwd"]) {
        expect(await cli(["backup", "verify", words, "--json"])).toMatchObject({
          code: 2,
          result: { error: { code: "backup-unknown" } },
        });
      }
    });
  });

  it("show: lists the tables with their rows", async () => {
    await withShop(async ({ cli, said, backUp }) => {
      await backUp();
      const { stdout } = await cli(["backup", "show", "latest"]);
      expect(said(stdout).replaceAll(/ +/g, " ").split("\n\n")[1]).toMatchInlineSnapshot(`
        " table rows text
         auth.identities 0 <size>
         auth.users 0 <size>
         public.jars 100 <size>
         public.lids 10 <size>
        "
      `);
    });
  });

  it("verify: reads every byte, and ends with 1 when one is not as it was", async () => {
    await withShop(async ({ cli, said, folder, backUp }) => {
      const id = await backUp();
      const whole = await cli(["backup", "verify", "latest"]);
      expect(whole.code).toBe(0);
      expect(said(whole.stdout)).toMatch(/^✓ <id>: \d+ files, <size>, all as they were written\n$/);
      const file = join(folder, "backups", id, "data/public.jars.copy.gz");
      const bytes = readFileSync(file);
      bytes[20] = (bytes[20] ?? 0) ^ 1;
      writeFileSync(file, bytes);
      const damaged = await cli(["backup", "verify", "latest"]);
      expect(damaged.code).toBe(1);
      expect(damaged.stdout).toContain(`✗ ${id} is damaged: 1 problem\n`);
      expect(damaged.stdout).toContain("data/public.jars.copy.gz");
      const json = await cli(["backup", "verify", "latest", "--json"]);
      expect(json).toMatchObject({ code: 1, result: { ok: true, id, problems: [expect.any(String)] } });
    });
  });

  it("drill: ends with 1 and names what differs, and the backup is proven no more", async () => {
    await withShop(async (shop) => {
      const { cli, said, folder, backUp } = shop;
      const id = await backUp("--drill");
      expect(await listed(shop)).toMatchObject([{ proven: true }]);
      const file = join(folder, "backups", id, "data/public.jars.copy.gz");
      const bytes = readFileSync(file);
      bytes[20] = (bytes[20] ?? 0) ^ 1;
      writeFileSync(file, bytes);
      const run = await cli(["backup", "drill", "latest"]);
      expect(run.code).toBe(1);
      expect(said(run.stdout)).toMatchInlineSnapshot(`
        "✗ <id> is not proven: 1 difference
          · it could not be restored: The backup <id> is damaged: <id>/data/public.jars.copy.gz is not what was written.
        "
      `);
      expect(await listed(shop)).toMatchObject([{ proven: false, drill: { proven: false } }]);
      expect((await cli(["backup", "list"])).stdout).toMatch(/drill failed just now$/m);
      expect((await cli(["backup", "show", "latest"])).stdout).toContain("data/public.jars.copy.gz");
    });
  });

  it("drill: names the tables whose rows are not those that were counted", async () => {
    await withShop(async ({ cli, said, folder, backUp }) => {
      const id = await backUp();
      rewriteManifest(join(folder, "backups"), id, ({ tables }) => ({
        tables: tables.map((table) =>
          table.name === "jars" ? { ...table, rows: 99, digest: table.digest.replace(/^100/, "99") } : table,
        ),
      }));
      const run = await cli(["backup", "drill", "latest", "--json"]);
      expect(run.code).toBe(1);
      expect(run.result).toMatchObject({
        ok: true,
        id,
        proven: false,
        differences: ["public.jars has 100 rows instead of 99"],
      });
      expect(said((await cli(["backup", "show", "latest"])).stdout)).toContain(
        "public.jars has 100 rows instead of 99",
      );
    });
  });
});

describe("pantler backup prune", () => {
  const none = ["--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0"];

  it("shows what would go and why the rest stays, with --dry-run", async () => {
    await withShop(async (shop) => {
      const ids = [await shop.backUp("--drill"), await shop.backUp(), await shop.backUp()];
      const run = await shop.cli(["backup", "prune", ...none, "--dry-run"]);
      expect(run.code).toBe(0);
      expect(shop.said(run.stdout)).toMatchInlineSnapshot(`
        "kept  <id>  the newest
        kept  <id>  the newest proven
        goes  <id>
        1 backup would go.
        "
      `);
      expect(run.stdout.indexOf(ids[2] ?? "")).toBeLessThan(run.stdout.indexOf(ids[0] ?? ""));
      expect(await listed(shop)).toHaveLength(3);
    });
  });

  it("asks before anything goes: without a terminal the answer is no", async () => {
    await withShop(async (shop) => {
      const ids = [await shop.backUp(), await shop.backUp()];
      const refused = await shop.cli(["backup", "prune", ...none]);
      expect(refused).toMatchObject({ code: 3, stdout: "" });
      expect(refused.stderr).toContain("✗ Not confirmed: Remove 1 backup of local for good?\n");
      expect(await listed(shop)).toHaveLength(2);
      const done = await shop.cli(["backup", "prune", ...none, "--yes", "--json"]);
      expect(done).toMatchObject({
        code: 0,
        result: {
          ok: true,
          dryRun: false,
          removed: [ids[0]],
          kept: [{ id: ids[1] }],
          bytes: expect.any(Number),
        },
      });
      expect(done.result.bytes).toBeGreaterThan(0);
      expect(await listed(shop)).toMatchObject([{ id: ids[1] }]);
    });
  });

  it("asks nothing when nothing goes, and keeps what is usual", async () => {
    await withShop(async ({ cli, said, backUp }) => {
      await backUp();
      const run = await cli(["backup", "prune"]);
      expect(run.code).toBe(0);
      expect(said(run.stdout)).toMatch(
        /^kept {2}<id> {2}the newest, .*\n0 backups removed; <size> freed\.\n$/,
      );
    });
  });

  it("says in its help how many are usually kept", async () => {
    const { stdout } = await pantler(["backup", "prune", "--help"]);
    const { daily, weekly, monthly } = usualRetention;
    const defaults = [...stdout.matchAll(/\(default:\s+(\d+)\)/g)].map(([, count]) => Number(count));
    expect(defaults).toEqual([daily, weekly, monthly]);
  });
});

describe("options that exclude each other", () => {
  const wrong: Readonly<Record<string, string>> = {
    "backup create --schema-only --data-only": "cannot be used with",
    "backup create --schema-only --tables jars": "cannot be used with",
    "backup create --data-only --tables jars": "cannot be used with",
    "backup create --schema-only --incremental": "cannot be used with",
    "backup create --tables jars,,lids": "It has to be names of tables",
    "backup prune --keep-daily many": "It has to be a whole number from 0.",
    "backup show": "missing required argument 'id'",
    "restore latest --schema-only --data-only": "cannot be used with",
    "restore latest --schema-only --tables jars": "cannot be used with",
    "restore latest --schema-only --merge skip": "cannot be used with",
    "restore latest --merge sometimes": "Allowed choices are skip, update.",
    restore: "missing required argument 'id'",
  };
  for (const [words, message] of Object.entries(wrong)) {
    it(`are 2: ${words}`, async () => {
      const run = await pantler(words.split(" "));
      expect(run).toMatchObject({ code: 2, stdout: "" });
      expect(run.stderr).toContain(message);
    });
  }
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}
