import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, it } from "vitest";
import { DatabaseUrl } from "../../src/index.js";
import { freePort, withCheckout } from "../support/checkout.js";
import { type CliRun, pantler } from "../support/cli.js";
import { withDatabaseUrl } from "../support/database.js";
import { withFolder } from "../support/project.js";

const bin = fileURLToPath(new URL("../../bin/pantler.js", import.meta.url));
const supabase = { "supabase/config.toml": 'project_id = "shop"\n' };

const commands = [
  "start",
  "stop",
  "status",
  "migration new",
  "migration list",
  "migration up",
  "migration down",
  "migration repair",
  "migration check",
  "migration drift",
  "migration lint",
  "backup create",
  "backup list",
  "backup show",
  "backup verify",
  "backup drill",
  "backup prune",
  "restore",
  "gen workflow",
];

/** The words with which a command gets as far as opening the project. */
function complete(command: string): string[] {
  const rest: Record<string, string[]> = {
    "migration new": ["add_jars"],
    "migration repair": ["1", "--status", "applied"],
    "backup show": ["latest"],
    "backup verify": ["latest"],
    "backup drill": ["latest"],
    restore: ["latest"],
  };
  return [...command.split(" "), ...(rest[command] ?? [])];
}

/** What the run said to a person, with the folder's name taken out. */
function said(run: CliRun, folder: string): string {
  return run.stderr.replaceAll(folder, "<folder>");
}

describe("pantler", () => {
  it("tells its version, which is the package's", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(await pantler(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("without words shows its help, and has not done anything", async () => {
    const run = await pantler([]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain("Usage: pantler");
  });

  for (const command of ["", "migration", "backup", "gen", ...commands]) {
    it(`${command} --help explains itself with an example`.trim(), async () => {
      const run = await pantler([...command.split(" ").filter(Boolean), "--help"]);
      expect(run).toMatchObject({ code: 0, stderr: "" });
      expect(run.stdout).toMatch(new RegExp(`\\nExample:\\n  pantler ${command}`));
    });
  }
});

describe("wrong words", () => {
  const wrong: Readonly<Record<string, string>> = {
    frobnicate: "unknown command 'frobnicate'",
    strat: "unknown command 'strat'\n(Did you mean start?)",
    "migration frobnicate": "unknown command 'frobnicate'",
    "start --frobnicate": "unknown option '--frobnicate'",
    "start now": "too many arguments for 'start'. Expected 0 arguments but got 1.",
    "status --project": "option '--project <folder>' argument missing",
    "migration new": "missing required argument 'name'",
    "migration down --count 0":
      "option '--count <number>' argument '0' is invalid. It has to be a whole number from 1.",
    "migration down --count 1e3":
      "option '--count <number>' argument '1e3' is invalid. It has to be a whole number from 1.",
    "migration down --count 1 --to 3":
      "option '--to <version>' cannot be used with option '--count <number>'",
    "migration repair 1": "required option '--status <status>' not specified",
    "migration repair 1 --status done":
      "option '--status <status>' argument 'done' is invalid. Allowed choices are applied, reverted.",
  };
  for (const [words, message] of Object.entries(wrong)) {
    it(`${words}: end with 2, and with one JSON line where that is asked for`, async () => {
      await withFolder(supabase, async (cwd) => {
        const text = await pantler(words.split(" "), { cwd });
        expect(text).toMatchObject({ code: 2, stdout: "" });
        expect(text.stderr).toBe(`error: ${message}\n(add --help for what it takes)\n`);
        const json = await pantler(asJson(words.split(" ")), { cwd });
        expect(json.code).toBe(2);
        expect(json.stdout.trimEnd().split("\n")).toHaveLength(1);
        expect(json.result).toMatchObject({ type: "result", ok: false, exit: 2, error: { code: "words" } });
        expect(readdirSync(cwd)).toEqual(["supabase"]);
      });
    });
  }

  it("that are an address with a password are not repeated", async () => {
    await withFolder(supabase, async (cwd) => {
      const url = "postgres://app:hunter2@db/shop";
      for (const flags of [[], ["--json"], ["--verbose"]]) {
        const run = await pantler(["migration", "list", "--env", url, ...flags], { cwd });
        expect(run.code).toBe(2);
        expect(run.stdout + run.stderr).not.toContain("hunter2");
      }
    });
  });

  for (const command of ["start", "stop", "status"]) {
    it(`pantler ${command} for another environment is refused, since it would be about the local one`, async () => {
      await withFolder(
        { ...supabase, ".env.staging": "DATABASE_URL=postgres://app@db/shop" },
        async (cwd) => {
          const run = await pantler([command, "--env", "staging"], { cwd });
          expect(run).toMatchObject({ code: 2, stdout: "" });
          expect(run.stderr).toBe(
            `✗ pantler ${command} concerns the local database only.\n  Nothing was done.\n  → Leave --env out.\n`,
          );
        },
      );
    });
  }
});

/** The words with `--json` among them: after the command, before its options. */
function asJson(words: readonly string[]): string[] {
  const option = words.findIndex((word) => word.startsWith("--"));
  return option < 0 ? [...words, "--json"] : words.toSpliced(option, 0, "--json");
}

describe("an error", () => {
  for (const command of commands) {
    it(`of ${command} in a folder that is no project is three lines, and 2`, async () => {
      await withFolder({}, async (cwd) => {
        const run = await pantler(complete(command), { cwd });
        expect(run).toMatchObject({ code: 2, stdout: "" });
        expect(said(run, cwd)).toBe(
          "✗ <folder> is not a project: neither pantler.config.* nor supabase/config.toml is there.\n" +
            "  Nothing was done.\n" +
            "  → Go to the project's folder, or name it with --project.\n",
        );
        const json = await pantler([...complete(command), "--json"], { cwd });
        expect(json).toMatchObject({
          code: 2,
          stderr: "",
          result: { type: "result", ok: false, exit: 2, error: { code: "project-missing" } },
        });
        expect(json.stdout.trimEnd().split("\n")).toHaveLength(1);
        expect(readdirSync(cwd)).toEqual([]);
      });
    });
  }

  it("of the config shows every problem", async () => {
    const files = { "pantler.config.json": '{ "nmae": "shop", "engine": { "port": "many" } }' };
    await withFolder(files, async (cwd) => {
      const run = await pantler(["status"], { cwd });
      expect(run.code).toBe(2);
      expect(run.stderr).toMatchInlineSnapshot(`
        "✗ pantler.config.json has 2 problems.
          engine.port: must be a number
          nmae: there is no such setting
          Nothing was done.
          → Mend the lines named above.
        "
      `);
    });
  });

  it("has a stack trace only with --verbose", async () => {
    await withFolder({}, async (cwd) => {
      expect((await pantler(["status"], { cwd })).stderr).not.toMatch(/^\s+at /m);
      expect((await pantler(["status", "--verbose"], { cwd })).stderr).toMatch(/^\s+at /m);
    });
  });

  it("nobody foresaw is one in words all the same", async () => {
    const files = { "pantler.config.mjs": "export default { get name() { throw new Error('surprise'); } };" };
    await withFolder(files, async (cwd) => {
      const run = await pantler(["status"], { cwd });
      expect(run.code).toBe(6);
      expect(run.stderr).toBe(
        "✗ surprise\n" +
          "  What was done until then is not known; look with pantler status and pantler migration list.\n" +
          "  → Run it again with --verbose, and report what it shows.\n",
      );
    });
  });

  it("of an environment that cannot be reached is 4, at once", async () => {
    const port = await freePort();
    const files = {
      ...supabase,
      ".env.staging": `DATABASE_URL=postgres://app:hunter2@127.0.0.1:${port}/shop\n`,
    };
    await withFolder(files, async (cwd) => {
      const run = await pantler(["migration", "list", "--env", "staging"], { cwd });
      expect(run).toMatchObject({ code: 4, stdout: "" });
      expect(run.stderr.replaceAll(String(port), "<port>")).toMatchInlineSnapshot(`
        "✗ postgresql://app@127.0.0.1:<port>/shop cannot be reached: connect ECONNREFUSED 127.0.0.1:<port>.
          Nothing was done.
          → Check that the server runs and that host and port are right; for the local server run: pantler start
        "
      `);
    });
  });

  it("of an environment whose address is nowhere is 4, and says where to put it", async () => {
    await withFolder({ "pantler.config.json": '{ "environments": { "staging": {} } }' }, async (cwd) => {
      const run = await pantler(["migration", "list", "--env", "staging"], { cwd });
      expect(run.code).toBe(4);
      expect(run.stderr).toMatchInlineSnapshot(`
        "✗ The address of staging is not known.
          Nothing was done.
          → Set STAGING_DATABASE_URL, or DATABASE_URL in .env.staging.
        "
      `);
    });
  });

  it("of SQL points at the place, and says that everything is as before", async () => {
    await withDatabaseUrl(async (url) => {
      const files = {
        ...supabase,
        ".env": `PANTLER_ENGINE_URL=${url}\n`,
        "supabase/migrations/1_jars.sql": "create table jars (id int);\ninsert into jars values ('seven');\n",
      };
      await withFolder(files, async (cwd) => {
        const run = await pantler(["migration", "up"], { cwd });
        expect(run).toMatchObject({ code: 5, stdout: "" });
        expect(run.stderr).toContain(
          '✗ supabase/migrations/1_jars.sql:2:26: invalid input syntax for type integer: "seven" (22P02)\n',
        );
        expect(run.stderr).toContain(
          "  2 | insert into jars values ('seven');\n    |                          ^\n",
        );
        expect(run.stderr).toContain("\n  Nothing of it was kept; the database is as it was.\n");
      });
    });
  });
});

/** Commands that begin by connecting to the environment's database. */
const connecting = /^migration (list|up|down|repair|check)$|^backup create$/;

describe("a password", () => {
  it("is in no output and in no file, whatever goes wrong with it", async () => {
    const { port } = DatabaseUrl.parse(inject("superuserUrl"), "the test setup");
    const secrets = ["hunter2", "p%40ss%3Aword%zz"];
    for (const secret of secrets) {
      const files = {
        ...supabase,
        "supabase/migrations/1_jars.sql": "create table jars (id int);",
        "pantler.config.json": '{ "environments": { "staging": { "protected": false } } }',
        ".env.staging": `DATABASE_URL=postgres://postgres:${secret}@127.0.0.1:${port}/postgres\n`,
      };
      await withFolder(files, async (cwd) => {
        for (const command of commands.filter((name) => connecting.test(name))) {
          for (const flag of ["--json", "--verbose"]) {
            const run = await pantler([...complete(command), "--env", "staging", "--yes", flag], { cwd });
            expect(run.code).toBe(4);
            expect(run.stdout + run.stderr).toContain("refused the login");
            for (const piece of [secret, decodeURIComponent(secret.replace("%zz", "")), "p@ss", "hunter"]) {
              expect(run.stdout + run.stderr).not.toContain(piece);
            }
          }
        }
        const journals = join(cwd, ".pantler/journal");
        const written = existsSync(journals) ? readdirSync(journals) : [];
        expect(written.length).toBeGreaterThan(0);
        for (const name of written) expect(readFileSync(join(journals, name), "utf8")).not.toContain(secret);
      });
    }
  }, 120_000);
});

describe("output", () => {
  it("is the answer on stdout and the talk on stderr", async () => {
    await withCheckout(
      async ({ cli }) => {
        const started = await cli(["start"]);
        expect(started.code).toBe(0);
        expect(started.stdout).toMatch(
          /^test is running\n {2}database +postgresql:\/\/postgres:postgres@127\.0\.0\.1:/,
        );
        expect(started.stderr).toMatch(/^✓ start the local database · /);
        const list = await cli(["migration", "list"]);
        expect(list).toMatchObject({ code: 0, stdout: "1_jars  applied\n", stderr: "" });
        const nothing = await cli(["migration", "up"]);
        expect(nothing).toMatchObject({ code: 0, stdout: "Nothing is pending.\n" });
      },
      { "supabase/migrations/1_jars.sql": "create table jars (id int);" },
    );
  });

  it("as JSON is an object per line, the last one the result, and nothing else anywhere", async () => {
    await withCheckout(
      async ({ cli }) => {
        const started = await cli(["start", "--json"]);
        const lines = started.stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as { type: string });
        expect(started).toMatchObject({ code: 0, stderr: "" });
        expect(lines.map(({ type }) => type).filter((type) => type === "result")).toHaveLength(1);
        expect(lines.at(-1)).toMatchObject({ type: "result", ok: true, running: true, fresh: true });
        expect(lines[0]).toMatchObject({ type: "step-started", title: "start the local database" });
        expect(await cli(["migration", "list", "--json"])).toMatchObject({
          code: 0,
          stderr: "",
          result: { ok: true, migrations: [{ version: "1", name: "jars", state: "applied" }] },
        });
        expect(await cli(["stop", "--json"])).toMatchObject({ code: 0, result: { ok: true, stopped: true } });
        expect(await cli(["stop", "--json"])).toMatchObject({
          code: 0,
          result: { ok: true, stopped: false },
        });
      },
      { "supabase/migrations/1_jars.sql": "create table jars (id int);" },
    );
  });

  it("about a stopped project says so, and starts nothing", async () => {
    await withFolder(supabase, async (cwd) => {
      expect(await pantler(["status"], { cwd })).toMatchObject({
        code: 0,
        stdout: "shop is not running; start it with pantler start.\n",
        stderr: "",
      });
      expect(await pantler(["status", "--json"], { cwd })).toMatchObject({
        code: 0,
        stderr: "",
        result: { type: "result", ok: true, running: false, migrations: [] },
      });
      expect(await pantler(["stop"], { cwd })).toMatchObject({ code: 0, stdout: "shop was not running.\n" });
      expect(readdirSync(cwd)).toEqual(["supabase"]);
    });
  });

  it("that nobody reads to its end is no error, and no reason to stop", async () => {
    await withFolder(supabase, async (cwd) => {
      const run = await pantlerWithClosedOutput(["status"], cwd);
      expect(run).toEqual({ code: 0, stderr: "" });
    });
  });

  it("without a terminal has no colours, in CI neither", async () => {
    await withFolder({}, async (cwd) => {
      const run = await pantler(["status"], { cwd, env: { CI: "1", FORCE_COLOR: "1" } });
      expect(run.stderr).not.toContain("\u001b");
    });
  });

  describe.skipIf(process.platform !== "linux")("on a terminal", () => {
    /** Runs it under a terminal of its own, and returns what appears there. */
    const onTerminal = (flags: string, cwd: string, env: Record<string, string> = {}) =>
      spawnSync("script", ["-qec", `'${process.execPath}' '${bin}' status ${flags}`, "/dev/null"], {
        cwd,
        env: { ...process.env, TERM: "xterm", NO_COLOR: "", ...env },
        encoding: "utf8",
      }).stdout;

    it("has colours, except with --no-color or NO_COLOR", async () => {
      await withFolder({}, async (cwd) => {
        expect(onTerminal("", cwd)).toContain("\u001b[31m✗\u001b[39m");
        for (const plain of [onTerminal("--no-color", cwd), onTerminal("", cwd, { NO_COLOR: "1" })]) {
          expect(plain).toContain("✗");
          expect(plain).not.toContain("\u001b");
        }
      });
    });
  });
});

describe("Ctrl-C", () => {
  it("while a migration runs ends with nothing applied, and says so", async () => {
    await withDatabaseUrl(async (url) => {
      const files = {
        ...supabase,
        ".env": `PANTLER_ENGINE_URL=${url}\n`,
        "supabase/migrations/1_slow.sql": "create table jars (id int); select pg_sleep(60);",
      };
      await withFolder(files, async (cwd) => {
        let child: ChildProcess | undefined;
        const running = pantler(["migration", "up", "--json"], {
          cwd,
          onStart: (started) => {
            child = started;
            started.stdout?.on("data", (text: string) => {
              if (text.includes('"step-started"') && text.includes("1_slow")) child?.kill("SIGINT");
            });
          },
        });
        const run = await running;
        expect(run.code).toBe(5);
        expect(run.result).toMatchObject({ type: "result", ok: false, exit: 5 });
        const list = await pantler(["migration", "list", "--json"], { cwd });
        expect(list.result).toMatchObject({ migrations: [{ version: "1", state: "pending" }] });
      });
    });
  });
});

async function pantlerWithClosedOutput(
  words: string[],
  cwd: string,
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [bin, ...words], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stderr };
}
