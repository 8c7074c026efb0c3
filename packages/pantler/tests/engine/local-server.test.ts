import { type ChildProcess, spawnSync } from "node:child_process";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { findServer, type LocalServer, startServer, stopServer } from "../../src/engine/index.js";
import { openProject } from "../../src/index.js";
import { type Checkout, isAlive, occupy, release, until, withCheckout } from "../support/checkout.js";
import { withFolder } from "../support/project.js";

const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65534, gid: 65534 };

/** Runs statements one by one as the role migrations run as, and gives the last one's first value. */
async function ask(server: LocalServer, ...statements: string[]): Promise<unknown> {
  const client = new pg.Client({ connectionString: server.url.withPassword() });
  await client.connect();
  try {
    let answer: unknown;
    for (const text of statements) {
      const { rows } = await client.query<unknown[]>({ text, rowMode: "array" });
      answer = rows[0]?.[0];
    }
    return answer;
  } finally {
    await client.end();
  }
}

const dataOf = (root: string) => join(root, ".pantler/postgres/data");

/** Writes a file as the account the server runs as would. */
function writeAsServer(file: string, content: string): void {
  const { uid, gid } = statSync(dirname(file));
  writeFileSync(file, content, { mode: 0o600 });
  chownSync(file, uid, gid);
}

/** Stops a server, and puts back its pid file as a crash would leave it, with this number in it. */
async function leaveStalePidFile(checkout: Checkout, pid: number): Promise<void> {
  await checkout.start();
  const file = join(dataOf(checkout.root), "postmaster.pid");
  const content = readFileSync(file, "utf8");
  await stopServer(await checkout.open());
  expect(existsSync(file)).toBe(false);
  writeAsServer(file, content.replace(/^\d+/, String(pid)));
}

async function kill(server: LocalServer): Promise<void> {
  const { pid } = server;
  if (pid === undefined) throw new Error("there is no process to kill");
  process.kill(pid, "SIGKILL");
  await until(() => !isAlive(pid));
}

/** Runs a test with a cache folder of its own, so that the template is made anew. */
async function withCache(test: (cache: string) => Promise<void>): Promise<void> {
  await withFolder({}, async (folder) => {
    spawnSync("chmod", ["755", folder]);
    await test(join(folder, "cache"));
  });
}

describe("starting the local server", () => {
  it("makes a database the first time, and joins the server the second", async () => {
    await withCheckout(async ({ root, port, start }) => {
      const first = await start();
      expect(first).toMatchObject({ embedded: true, created: true, dataFolder: dataOf(root) });
      expect(first.url.port).toBe(port);
      expect(await ask(first, "select usesuper from pg_user where usename = current_user")).toBe(false);
      const second = await start();
      expect(second).toMatchObject({ created: false, pid: first.pid });
      expect(String(second.url)).toBe(String(first.url));
    });
  });

  it("after a stop finds the data again", async () => {
    await withCheckout(async ({ open, start }) => {
      await ask(await start(), "create table kept (id int)", "insert into kept values (7)");
      expect(await stopServer(await open())).toBe(true);
      expect(findServer(await open())).toBeUndefined();
      expect(await stopServer(await open())).toBe(false);
      const again = await start();
      expect(again.created).toBe(false);
      expect(await ask(again, "select id from kept")).toBe(7);
    });
  });

  it.skipIf(process.platform === "win32")("listens on a Unix socket too, for its own user only", async () => {
    await withCheckout(async ({ start }) => {
      const { url, socketFolder } = await start();
      expect(statSync(socketFolder ?? "").mode & 0o777).toBe(0o700);
      const client = new pg.Client({ ...url.parameters(), host: socketFolder ?? "" });
      await client.connect();
      const { rows } = await client.query("select inet_server_addr() is null as local");
      await client.end();
      expect(rows).toEqual([{ local: true }]);
    });
  });

  it("keeps git from seeing what belongs to the checkout", async () => {
    await withCheckout(async ({ root, start }) => {
      await start();
      expect(readFileSync(join(root, ".pantler/.gitignore"), "utf8")).toBe("*\n");
    });
  });

  it("of two projects gives each a server of its own, at once", async () => {
    await withCheckout(async (one) => {
      await withCheckout(async (other) => {
        const [first, second] = await Promise.all([one.start(), other.start()]);
        expect(first.pid).not.toBe(second.pid);
        await ask(first, "create table only_here ()");
        expect(await ask(second, "select to_regclass('only_here')")).toBeNull();
      });
    });
  });

  it("twice at once gives one server", async () => {
    await withCheckout(async ({ start }) => {
      const [first, second] = await Promise.all([start(), start()]);
      expect(first.pid).toBe(second.pid);
      expect([first.created, second.created].filter(Boolean)).toHaveLength(1);
    });
  });

  it("by five commands at once gives one server, migrated and seeded once", async () => {
    const files = {
      "supabase/migrations/1_jars.sql": "create table jars (id int generated always as identity);",
      "supabase/seed.sql": "insert into jars default values;",
    };
    await withCheckout(async ({ port, cli, start }) => {
      const runs = await Promise.all([1, 2, 3, 4, 5].map(() => cli(["start", "--json"])));
      expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(runs.map(() => [0, ""]));
      expect(new Set(runs.map(({ result }) => result.pid)).size).toBe(1);
      expect(new Set(runs.map(({ result }) => result.port))).toEqual(new Set([port]));
      expect(await ask(await start(), "select count(*)::int from jars")).toBe(1);
    }, files);
  });

  it("joins the server after the checkout was renamed", async () => {
    await withCheckout(async ({ root, start }) => {
      const before = await start();
      const renamed = `${root}-renamed`;
      renameSync(root, renamed);
      try {
        const project = await openProject({ folder: renamed, from: "/", variables: {} });
        expect(await startServer(project)).toMatchObject({ pid: before.pid, dataFolder: dataOf(renamed) });
      } finally {
        renameSync(renamed, root);
      }
    });
  });

  it("in a copy of a checkout starts a server of the copy's own", async () => {
    await withCheckout(async (original) => {
      const first = await original.start();
      await ask(first, "create table jars (id int)");
      await stopServer(await original.open());
      await withCheckout(async (copy) => {
        await original.start();
        cpSync(join(original.root, ".pantler"), join(copy.root, ".pantler"), { recursive: true });
        spawnSync("chown", ["-R", "--reference", dataOf(original.root), dataOf(copy.root)]);
        const second = await copy.start();
        expect(second.dataFolder).toBe(dataOf(copy.root));
        await ask(second, "create table only_in_the_copy ()");
        expect(await ask(await original.start(), "select to_regclass('only_in_the_copy')")).toBeNull();
      });
    });
  });
});

describe("a stale pid file does not stop a start", () => {
  it("when its process is dead", async () => {
    await withCheckout(async (checkout) => {
      const { pid } = spawnSync("true");
      await leaveStalePidFile(checkout, pid);
      expect(findServer(await checkout.open())).toBeUndefined();
      expect(await stopServer(await checkout.open())).toBe(false);
      expect(await ask(await checkout.start(), "select 1")).toBe(1);
    });
  });

  it("when its number now belongs to some other program", async () => {
    await withCheckout(async (checkout) => {
      await leaveStalePidFile(checkout, process.pid);
      expect(findServer(await checkout.open())).toBeUndefined();
      expect(await stopServer(await checkout.open())).toBe(false);
      expect(await ask(await checkout.start(), "select 1")).toBe(1);
    });
  });

  it("when its number now belongs to another project's server, which is left alone", async () => {
    await withCheckout(async (other) => {
      const { pid = 0 } = await other.start();
      await withCheckout(async (checkout) => {
        await leaveStalePidFile(checkout, pid);
        expect(findServer(await checkout.open())).toBeUndefined();
        const server = await checkout.start();
        expect(server.pid).not.toBe(pid);
        expect(await ask(server, "show data_directory")).toBe(dataOf(checkout.root));
      });
      expect(await other.start()).toMatchObject({ pid });
    });
  });

  it("when it is empty", async () => {
    await withCheckout(async ({ root, open, start }) => {
      await start();
      await stopServer(await open());
      writeAsServer(join(dataOf(root), "postmaster.pid"), "");
      expect(await ask(await start(), "select 1")).toBe(1);
    });
  });
});

describe("the port", () => {
  it("that is taken leads to another one, which is remembered", async () => {
    await withCheckout(async ({ port, open, start }) => {
      const other = await occupy(port);
      expect((await start()).url.port).toBe(port + 1);
      await stopServer(await open());
      await release(other);
      expect((await start()).url.port).toBe(port + 1);
    });
  });

  it("is found although the wanted one and all its neighbours are taken", async () => {
    await withCheckout(async ({ port, start }) => {
      const others = await Promise.all(
        Array.from({ length: 21 }, (_, index) => occupy(port + index).catch(() => undefined)),
      );
      try {
        const server = await start();
        expect(server.url.port < port || server.url.port > port + 20).toBe(true);
        expect(await ask(server, "select 1")).toBe(1);
      } finally {
        for (const other of others) if (other) await release(other);
      }
    });
  });

  it("at the end of the range has no neighbours above it", async () => {
    await withCheckout(async ({ start, write }) => {
      write("supabase/config.toml", "[db]\nport = 65535\n");
      expect(await ask(await start(), "select 1")).toBe(1);
    });
  });
});

describe("a killed server", () => {
  it("recovers at the next start with all that was committed, on the same port", async () => {
    await withCheckout(async ({ start }) => {
      const server = await start();
      await ask(server, "create table kept (id int)", "insert into kept values (7)");
      await kill(server);
      const again = await start();
      expect(again.pid).not.toBe(server.pid);
      expect(again.url.port).toBe(server.url.port);
      expect(await ask(again, "select id from kept")).toBe(7);
    });
  });

  it("starts again once its last session has noticed, on the same port", async () => {
    await withCheckout(async ({ start }) => {
      const server = await start();
      const client = new pg.Client({ connectionString: server.url.withPassword() });
      client.on("error", () => {});
      await client.connect();
      // A session that computes does not look whether the server still lives, and holds its memory until it is done.
      const busy = client.query("select count(*) from generate_series(1, 15000000)").catch(() => {});
      await kill(server);
      const again = await start();
      expect(again.url.port).toBe(server.url.port);
      expect(await ask(again, "select 1")).toBe(1);
      await busy;
      await client.end().catch(() => {});
    });
  });
});

describe("a killed command", () => {
  it("leaves the server it started running, for the next one to join", async () => {
    const files = { "supabase/migrations/1_slow.sql": "select pg_sleep(60);" };
    await withCheckout(async ({ root, open, cli, start }) => {
      let child: ChildProcess | undefined;
      const run = cli(["start"], {
        onStart: (started) => {
          child = started;
        },
      });
      const project = await open();
      await until(() => existsSync(dataOf(root)) && findServer(project) !== undefined);
      child?.kill("SIGKILL");
      expect((await run).code).toBeNull();
      const running = findServer(project);
      expect(isAlive(running?.pid ?? 0)).toBe(true);
      expect(await start()).toMatchObject({ pid: running?.pid, created: false });
    }, files);
  });

  it("while it made the template leaves nothing that the next one does not clear away", async () => {
    await withCheckout(async ({ cli }) => {
      await withCache(async (cache) => {
        const env = { PANTLER_CACHE: cache };
        let child: ChildProcess | undefined;
        const run = cli(["start"], {
          env,
          onStart: (started) => {
            child = started;
          },
        });
        const scratch = join(cache, "scratch");
        const hasTemplate = (name: string) => existsSync(join(scratch, name, "template/PG_VERSION"));
        await until(() => existsSync(scratch) && readdirSync(scratch).some(hasTemplate));
        child?.kill("SIGKILL");
        await run;
        expect(readdirSync(cache)).toEqual(["scratch"]);
        expect(await cli(["start", "--json"], { env })).toMatchObject({ code: 0 });
        expect(readdirSync(scratch)).toEqual([]);
        expect(readdirSync(cache)).toEqual(["scratch", expect.stringMatching(/^server-/)]);
      });
    });
  });
});

describe("the template", () => {
  it("is made by two first starts at once without harm, under a strict umask and beside files of others", async () => {
    await withCheckout(async (one) => {
      await withCheckout(async (other) => {
        await withCache(async (cache) => {
          const stray = join(cache, "scratch/.DS_Store");
          mkdirSync(dirname(stray), { recursive: true });
          writeFileSync(stray, "");
          utimesSync(stray, 0, 0);
          const umask = process.umask(0o077);
          try {
            const env = { PANTLER_CACHE: cache };
            const runs = await Promise.all([one, other].map(({ cli }) => cli(["start", "--json"], { env })));
            expect(runs.map(({ code }) => code)).toEqual([0, 0]);
          } finally {
            process.umask(umask);
          }
          expect(readdirSync(join(cache, "scratch"))).toEqual([".DS_Store"]);
          expect(readdirSync(cache).filter((name) => name.startsWith("server-"))).toHaveLength(1);
        });
      });
    });
  });
});

describe("what is damaged is refused in words, and left as it is", () => {
  it("data of another major version", async () => {
    await withCheckout(async ({ root, open, start, cli }) => {
      await start();
      await stopServer(await open());
      const data = dataOf(root);
      writeFileSync(join(data, "PG_VERSION"), "15\n");
      const control = readFileSync(join(data, "global/pg_control"));
      const entries = readdirSync(data);
      await expect(start()).rejects.toMatchObject({
        code: "data-other-major",
        exit: 4,
        message: `The local data in ${data} was made by PostgreSQL 15; the embedded server is PostgreSQL 17.`,
        state: "The data is untouched.",
        remedy:
          "Move that folder away and run pantler start, which builds the database anew from the migrations; a PostgreSQL 15 server can still read the old one.",
      });
      expect((await cli(["start"])).code).toBe(4);
      expect(readdirSync(data)).toEqual(entries);
      expect(readFileSync(join(data, "global/pg_control"))).toEqual(control);
    });
  });

  it("a data folder without a version", async () => {
    await withCheckout(async ({ root, start }) => {
      mkdirSync(dataOf(root), { recursive: true });
      await expect(start()).rejects.toMatchObject({ code: "data-damaged", exit: 4 });
      expect(readdirSync(dataOf(root))).toEqual([]);
    });
  });

  it("a record of the server that says nothing; without it the data is found again", async () => {
    await withCheckout(async ({ root, open, start }) => {
      await ask(await start(), "create table kept (id int)", "insert into kept values (7)");
      await stopServer(await open());
      const file = join(root, ".pantler/engine.json");
      for (const content of ["", "{", "null", "7", "[]", "{}", '{ "dataFolder": 7 }']) {
        writeFileSync(file, content);
        const project = await open();
        const refusal = {
          code: "engine-state-unreadable",
          exit: 4,
          remedy: expect.stringContaining("Remove the file"),
        };
        await expect(startServer(project)).rejects.toMatchObject(refusal);
        await expect(stopServer(project)).rejects.toMatchObject(refusal);
        expect(() => findServer(project)).toThrowError(expect.objectContaining(refusal));
      }
      rmSync(file);
      expect(await ask(await start(), "select id from kept")).toBe(7);
    });
  });

  it("a port in that record that is none", async () => {
    await withCheckout(async ({ root, port, open, start }) => {
      await start();
      await stopServer(await open());
      writeFileSync(join(root, ".pantler/engine.json"), '{ "dataFolder": "postgres/data", "port": 7654321 }');
      expect((await start()).url.port).toBe(port);
    });
  });

  it("a log that cannot be written", async () => {
    await withCheckout(async ({ root, start }) => {
      mkdirSync(`${dataOf(root)}.log`, { recursive: true });
      await expect(start()).rejects.toMatchObject({
        code: "log-unwritable",
        exit: 4,
        state: "Nothing was started.",
      });
    });
  });

  it("settings that the server rejects, with what it said", async () => {
    await withCheckout(async ({ root, open, start }) => {
      await start();
      await stopServer(await open());
      writeAsServer(join(dataOf(root), "postgresql.auto.conf"), "shared_buffers = 'plenty'\n");
      await expect(start()).rejects.toMatchObject({
        code: "server-start-failed",
        exit: 4,
        message: "The local server did not start.",
        detail: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"'),
        remedy: `Read ${dataOf(root)}.log.`,
      });
    });
  });
});

describe("a server that is given", () => {
  const given = {
    "pantler.config.json": '{ "engine": { "url": "postgres://app:hunter2@127.0.0.1:1/app" } }',
  };

  it("is used and not started", async () => {
    await withCheckout(async ({ root, start }) => {
      const server = await start();
      expect(server).toMatchObject({
        embedded: false,
        created: false,
        pid: undefined,
        dataFolder: undefined,
      });
      expect(String(server.url)).toBe("postgresql://app@127.0.0.1:1/app");
      expect(existsSync(join(root, ".pantler"))).toBe(false);
    }, given);
  });

  it("is not stopped", async () => {
    await withCheckout(async ({ open, cli }) => {
      await expect(stopServer(await open())).rejects.toMatchObject({
        code: "server-not-ours",
        exit: 3,
        message:
          "The local database is postgresql://app@127.0.0.1:1/app, a server that Pantler did not start.",
      });
      expect((await cli(["stop"])).code).toBe(3);
    }, given);
  });
});

describe("new tables in public", () => {
  const rights = (server: LocalServer) =>
    ask(
      server,
      "create table jars (id int)",
      "select string_agg(r, ',' order by r) from unnest(array['anon', 'authenticated', 'service_role']) r where has_table_privilege(r, 'jars', 'select')",
    );

  it("are for the API's roles, as on hosted Supabase", async () => {
    await withCheckout(async ({ start }) => {
      expect(await rights(await start())).toBe("anon,authenticated,service_role");
    });
  });

  it("are for those who are granted them where auto_expose_new_tables is false", async () => {
    await withCheckout(
      async ({ start }) => {
        expect(await rights(await start())).toBeNull();
      },
      {},
      "[api]\nauto_expose_new_tables = false\n",
    );
  });
});

describe("the folder for server files", () => {
  it("that cannot be made is named, with the way out", async () => {
    await withCheckout(async ({ root, cli }) => {
      const run = await cli(["start"], { env: { PANTLER_CACHE: join(root, "supabase/config.toml/cache") } });
      expect(run.code).toBe(4);
      expect(run.stderr).toContain("Set PANTLER_CACHE to a folder that you may write to.");
    });
  });
});

describe.skipIf(!isRoot || process.platform !== "linux")("as root", () => {
  const ownerOf = (pid: number | undefined) =>
    /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];

  it("the server runs as an unprivileged user", async () => {
    await withCheckout(async ({ root, start }) => {
      const { pid } = await start();
      expect(ownerOf(pid)).not.toBe("0");
      expect(ownerOf(pid)).toBe(String(statSync(dataOf(root)).uid));
    });
  });

  it("a checkout that user cannot reach keeps its data in the cache folder, for two first starts at once too", async () => {
    await withCheckout(async ({ root, open, start }) => {
      spawnSync("chmod", ["700", root]);
      const [first, second] = await Promise.all([start(), start()]);
      expect(first.pid).toBe(second.pid);
      expect(first.dataFolder?.startsWith(root)).toBe(false);
      expect(second.dataFolder).toBe(first.dataFolder);
      await ask(first, "create table kept (id int)", "insert into kept values (7)");
      await stopServer(await open());
      expect(await ask(await start(), "select id from kept")).toBe(7);
    });
  });

  it("a temporary folder that user cannot reach costs the Unix socket and nothing else", async () => {
    await withCheckout(async ({ cli, root }) => {
      const own = join(root, "tmp");
      mkdirSync(own, { mode: 0o700 });
      const run = await cli(["start", "--json"], { env: { TMPDIR: own } });
      expect(run).toMatchObject({ code: 0, result: { ok: true, running: true } });
      expect(run.result.socketFolder).toBeUndefined();
    });
  });

  it("data that belongs to an ordinary user is served as that user", async () => {
    await withCheckout(async ({ root, open, start }) => {
      await start();
      await stopServer(await open());
      spawnSync("chown", ["-R", `${nobody.uid}:${nobody.gid}`, dataOf(root)]);
      const { pid } = await start();
      expect(ownerOf(pid)).toBe(String(nobody.uid));
    });
  });

  const nobodyReaches = spawnSync(
    process.execPath,
    [new URL("../../bin/pantler.js", import.meta.url).pathname, "--version"],
    nobody,
  );

  describe.skipIf(nobodyReaches.status !== 0)("an ordinary user", () => {
    /** A checkout and a home that belong to that user. */
    async function asNobody(test: (checkout: Checkout, home: string) => Promise<void>): Promise<void> {
      await withCheckout(async (checkout) => {
        const home = mkdtempSync(join(tmpdir(), "pantler-home-"));
        try {
          for (const folder of [home, checkout.root])
            spawnSync("chown", ["-R", `${nobody.uid}:${nobody.gid}`, folder]);
          await test(checkout, home);
        } finally {
          rmSync(home, { recursive: true, force: true });
        }
      });
    }

    it("has a server too, with nothing but a home of one's own", async () => {
      await asNobody(async ({ root, cli }, home) => {
        const as = { user: nobody, env: { HOME: home, XDG_CACHE_HOME: "", PANTLER_CACHE: "" } };
        const run = await cli(["start", "--json"], as);
        expect(run).toMatchObject({ code: 0, result: { running: true, dataFolder: dataOf(root) } });
        expect(ownerOf(run.result.pid as number)).toBe(String(nobody.uid));
        expect(readdirSync(home)).toEqual([".cache"]);
        expect(await cli(["stop", "--json"], as)).toMatchObject({ code: 0, result: { stopped: true } });
      });
    });

    it("is told when the server's data belongs to another user", async () => {
      await withCheckout(async ({ start, cli }) => {
        await start();
        const run = await cli(["status"], { user: nobody, env: { HOME: "/" } });
        expect(run.code).toBe(4);
        expect(run.stderr).toContain("belongs to another user of this machine.");
      });
    });

    it("is told when the checkout is not to be written to", async () => {
      await withCheckout(async ({ cli }) => {
        const run = await cli(["start"], { user: nobody, env: { HOME: "/" } });
        expect(run.code).toBe(4);
        expect(run.stderr).toContain("Run pantler as a user who may write to the project's folder.");
      });
    });

    it("is told when the home is not to be written to", async () => {
      await asNobody(async ({ cli }) => {
        const run = await cli(["start"], {
          user: nobody,
          env: { HOME: "/nonexistent", XDG_CACHE_HOME: "", PANTLER_CACHE: "" },
        });
        expect(run.code).toBe(4);
        expect(run.stderr).toContain("Set PANTLER_CACHE to a folder that you may write to.");
      });
    });
  });
});
