import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { type DatabaseUrl, withScratch } from "../../src/index.js";
import { isAlive, until } from "../support/checkout.js";

const library = new URL("../../dist/index.js", import.meta.url).href;

/** Where a server keeps its data, and its process, as the server itself tells. */
async function placeOf(url: DatabaseUrl): Promise<{ folder: string; pid: number }> {
  const client = new pg.Client({ connectionString: url.withPassword() });
  await client.connect();
  try {
    const { rows } = await client.query<{ folder: string; pid: string }>(
      "select current_setting('data_directory') as folder, (pg_read_file('postmaster.pid', 0, 20)) as pid",
    );
    return { folder: dirname(rows[0]?.folder ?? ""), pid: Number.parseInt(rows[0]?.pid ?? "", 10) };
  } finally {
    await client.end();
  }
}

/** A process that holds a scratch server until it is killed. */
async function holdInAnotherProcess(): Promise<{
  folder: string;
  pid: number;
  kill: (signal: NodeJS.Signals) => Promise<void>;
}> {
  const script = `
    const { withScratch } = await import(${JSON.stringify(library)});
    await withScratch(async ({ superuserUrl }) => {
      console.log(superuserUrl.withPassword());
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
    child.once("exit", () => reject(new Error("the process ended before its server was up")));
  });
  const { DatabaseUrl } = await import("../../src/index.js");
  const place = await placeOf(DatabaseUrl.parse(line, "the other process"));
  return {
    ...place,
    kill: async (signal) => {
      child.kill(signal);
      await ended;
    },
  };
}

describe("a scratch server", () => {
  it("is a Supabase-shaped database, where migrations run as no superuser", async () => {
    const result = await withScratch(async ({ url, superuserUrl }) => {
      const client = new pg.Client({ connectionString: url.withPassword() });
      await client.connect();
      const { rows } = await client.query(
        "select current_user::text as name, usesuper as super, to_regclass('auth.users') is not null as supabase from pg_user where usename = current_user",
      );
      await client.end();
      expect(superuserUrl.port).toBe(url.port);
      return rows;
    });
    expect(result).toEqual([{ name: "postgres", super: false, supabase: true }]);
  });

  it("is gone when the work is done", async () => {
    const { folder, pid } = await withScratch(async ({ superuserUrl }) => {
      const place = await placeOf(superuserUrl);
      expect(existsSync(place.folder)).toBe(true);
      return place;
    });
    expect(existsSync(folder)).toBe(false);
    expect(isAlive(pid)).toBe(false);
  });

  it("is gone when the work throws, whose error the caller gets", async () => {
    let folder = "";
    const broken = new Error("the work broke");
    const work = withScratch(async ({ superuserUrl }) => {
      ({ folder } = await placeOf(superuserUrl));
      throw broken;
    });
    await expect(work).rejects.toBe(broken);
    expect(folder).not.toBe("");
    expect(existsSync(folder)).toBe(false);
  });

  it("is gone although the work left sessions open and transactions unfinished", async () => {
    const clients: pg.Client[] = [];
    const { folder } = await withScratch(async ({ url, superuserUrl }) => {
      const client = new pg.Client({ connectionString: url.withPassword() });
      client.on("error", () => {});
      clients.push(client);
      await client.connect();
      await client.query("begin; create table unfinished ()");
      return await placeOf(superuserUrl);
    });
    expect(existsSync(folder)).toBe(false);
    for (const client of clients) await client.end().catch(() => {});
  });

  it("does not know of another one at the same time", async () => {
    await withScratch(async (one) => {
      await withScratch(async (other) => {
        const [first, second] = await Promise.all([placeOf(one.superuserUrl), placeOf(other.superuserUrl)]);
        expect(first.folder).not.toBe(second.folder);
        expect(first.pid).not.toBe(second.pid);
      });
      expect((await placeOf(one.superuserUrl)).pid).toBeGreaterThan(0);
    });
  });

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    it(`of a process that ended by ${signal} is cleared away at the next start, and not before it ended`, async () => {
      const held = await holdInAnotherProcess();
      await withScratch(async () => {
        expect(isAlive(held.pid)).toBe(true);
        expect(existsSync(held.folder)).toBe(true);
      });
      await held.kill(signal);
      await withScratch(async () => {
        expect(existsSync(held.folder)).toBe(false);
        await until(() => !isServing(held.pid));
      });
    });
  }
});

/** Whether a process is there and is no mere entry that nobody has collected yet. */
function isServing(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return process.platform !== "linux" && isAlive(pid);
  }
}
