import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { withDatabaseUrl } from "../support/database.js";
import { dumpOf } from "../support/dumping.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";
import { withFolder, writeInside } from "../support/project.js";

const tooOld = "/usr/lib/postgresql/15/bin/pg_dump";

/** Runs a test with a script in the place of pg_dump. */
async function withProgram(lines: string, test: (folder: string) => Promise<void>): Promise<void> {
  await withFolder({}, async (folder) => {
    const program = join(folder, "pg_dump");
    writeInside(folder, "pg_dump", `#!/bin/sh\ncd ${folder}\n${lines}\n`);
    chmodSync(program, 0o755);
    vi.stubEnv("PANTLER_PG_DUMP", program);
    await test(folder);
  });
}

const version = 'if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 18.1 (Debian 18.1-1)"; exit; fi';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("a pg_dump of the machine", () => {
  it("is used when PANTLER_PG_DUMP names it, and sees the password in a file of its own alone", async () => {
    await withDatabaseUrl(async (url) => {
      vi.stubEnv("PGPASSWORD", "somebody else's");
      vi.stubEnv("DATABASE_URL", "somewhere else");
      const script = `${version}
        echo "$@" > arguments; env > variables; cp "$PGPASSFILE" password; stat -c %a "$PGPASSFILE" > mode
        echo "$PGPASSFILE" > path
        cat <<'END'
SET standard_conforming_strings = on;
\\restrict abc
--
-- Name: items; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.items (id integer);


\\unrestrict abc
END`;
      await withProgram(script, async (folder) => {
        const { entries } = await dumpOf(url);
        expect(entries.find(({ type }) => type === "TABLE")?.sql).toBe(
          "CREATE TABLE public.items (id integer);",
        );
        const read = (name: string) => readFileSync(join(folder, name), "utf8");
        expect(read("arguments")).toContain("--schema-only");
        expect(read("arguments")).not.toMatch(/postgres:|127\.0\.0\.1/);
        expect(read("variables")).toMatch(new RegExp(`^PGDATABASE=${new URL(url).pathname.slice(1)}$`, "m"));
        expect(read("variables")).not.toMatch(/PGPASSWORD|DATABASE_URL|somebody|PGOPTIONS/);
        expect([read("mode"), read("password")]).toEqual(["600\n", "*:*:*:*:postgres\n"]);
        expect(existsSync(read("path").trim())).toBe(false);
      });
    });
  });

  it("is told to quote as usual where a database does not", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `alter database ${new URL(url).pathname.slice(1)} set standard_conforming_strings = off`,
      );
      await withProgram(`${version}\necho "$PGOPTIONS" > options`, async (folder) => {
        await dumpOf(url);
        expect(readFileSync(join(folder, "options"), "utf8")).toBe("-c standard_conforming_strings=on\n");
      });
    });
  });

  it("says why it gives up", async () => {
    await withDatabaseUrl(async (url) => {
      await withProgram(
        `${version}\necho "pg_dump: error: no such luck" >&2; echo "pg_dump: hint: none" >&2; exit 1`,
        async () => {
          expect(await failure(dumpOf(url))).toMatchObject({
            code: "schema-unreadable",
            message: expect.stringMatching(/ cannot be read: pg_dump: error: no such luck\.$/),
            detail: "pg_dump: error: no such luck\npg_dump: hint: none",
          });
        },
      );
    });
  });

  it("ends when it is interrupted", async () => {
    await withDatabaseUrl(async (url) => {
      await withProgram(`${version}\ntouch started; exec sleep 60`, async (folder) => {
        const abort = new AbortController();
        const dump = failure(dumpOf(url, { signal: abort.signal }));
        await vi.waitUntil(() => existsSync(join(folder, "started")), { timeout: 20_000 });
        abort.abort();
        expect(await dump).toMatchObject({ code: "interrupted" });
      });
    });
  });

  it("is refused when it is older than the server", async () => {
    await withDatabaseUrl(async (url) => {
      await withProgram('echo "pg_dump (PostgreSQL) 16.4"', async (folder) => {
        expect(await failure(dumpOf(url))).toMatchObject({
          code: "pg-dump-too-old",
          message: expect.stringContaining(`${folder}/pg_dump is of version 16`),
        });
      });
    });
  });

  it.skipIf(!existsSync(tooOld))("is asked for its version", async () => {
    await withDatabaseUrl(async (url) => {
      vi.stubEnv("PANTLER_PG_DUMP", tooOld);
      expect(await failure(dumpOf(url))).toMatchObject({ code: "pg-dump-too-old" });
    });
  });

  it("has to be one, and has to be there", async () => {
    await withDatabaseUrl(async (url) => {
      await withProgram("echo hello", async () => {
        expect(await failure(dumpOf(url))).toMatchObject({
          code: "pg-dump-missing",
          message: expect.stringContaining('calls itself "hello"'),
        });
      });
      vi.stubEnv("PANTLER_PG_DUMP", "/nowhere/pg_dump");
      expect(await failure(dumpOf(url))).toMatchObject({ code: "pg-dump-missing" });
    });
  });
});
