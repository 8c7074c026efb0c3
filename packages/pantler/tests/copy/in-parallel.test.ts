import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { copyOut, inParallel, listTables, withSnapshot } from "../../src/copy/index.js";
import { addressOf, copiedText, wholeOf } from "../support/copying.js";
import { withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";

const never = async () => {
  throw new Error("nobody had to be stopped");
};

describe("work in parallel", () => {
  it("begins the tasks in their order, each once, with no more at a time than there are workers", async () => {
    const begun: number[] = [];
    let running = 0;
    let most = 0;
    const tasks = Array.from({ length: 50 }, (_, index) => index);
    await inParallel(
      ["a", "b", "c"],
      tasks,
      async (_, task) => {
        begun.push(task);
        running += 1;
        most = Math.max(most, running);
        await sleep(task % 4);
        running -= 1;
      },
      never,
    );
    expect(begun).toEqual(tasks);
    expect(most).toBe(3);
  });

  it("is done when there is nothing to do, and refuses when nobody could do it", async () => {
    await inParallel(["a"], [], never, never);
    await inParallel([], [], never, never);
    await expect(inParallel([], [1], never, never)).rejects.toThrow("nobody");
  });

  it("throws the first failure, after the others were stopped and have ended", async () => {
    const ended: string[] = [];
    const stops = new Map<string, () => void>();
    const begun: number[] = [];
    const work = inParallel(
      ["a", "b", "c"],
      [1, 2, 3, 4, 5],
      async (worker, task) => {
        begun.push(task);
        if (worker === "b") {
          await sleep(10);
          throw new Error("the first failure");
        }
        const stopped = new Promise<void>((resolve) => {
          stops.set(worker, resolve);
        });
        await stopped;
        await sleep(20);
        ended.push(worker);
        throw new Error(`${worker} was stopped`);
      },
      async (worker) => stops.get(worker)?.(),
    );
    await expect(work).rejects.toThrow("the first failure");
    expect(ended.sort()).toEqual(["a", "c"]);
    expect(begun).toEqual([1, 2, 3]);
  });

  it.each([
    [
      "throws",
      (): Promise<void> => {
        throw new Error("cannot be stopped");
      },
    ],
    ["fails", never],
  ])("throws the first failure also when stopping %s, and waits for the rest", async (_, stop) => {
    let ended = false;
    const work = inParallel(
      [1, 2],
      [1, 2],
      async (worker) => {
        if (worker === 1) throw new Error("the first failure");
        await sleep(30);
        ended = true;
      },
      stop,
    );
    await expect(work).rejects.toThrow("the first failure");
    expect(ended).toBe(true);
  });

  it("copies the tables of a database, and one that fails stops the copies under way", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `do $$ begin for i in 1..6 loop
           execute format('create table t_%s as select n, repeat(''x'', 1000) as body from generate_series(1, 10000) n', i);
         end loop; end $$`,
      );
      const copied: string[] = [];
      await withSnapshot(addressOf(url), async ({ client, readers }) => {
        const tables = await listTables(client, ["public"]);
        await inParallel(
          readers,
          tables,
          async (reader, table) => {
            expect((await copiedText(reader, wholeOf(table))).digest.rows).toBe(10_000n);
            copied.push(table.name);
          },
          async (reader) => await reader.end(),
        );
      });
      expect(copied.sort()).toEqual(["t_1", "t_2", "t_3", "t_4", "t_5", "t_6"]);
      const work = withSnapshot(addressOf(url), async ({ client, readers }) => {
        const tables = await listTables(client, ["public"]);
        await query(url, "alter table t_2 rename to elsewhere");
        await inParallel(
          readers,
          tables,
          async (reader, table) => {
            await copyOut(reader, wholeOf(table), async (rows) => {
              // Slow enough that only being stopped ends it in the time a test has.
              for await (const _ of rows) await sleep(2000);
            });
          },
          async (reader) => await reader.end(),
        );
      });
      await expect(work).rejects.toMatchObject({ code: "42P01" });
      const lost = withSnapshot(addressOf(url), async ({ readers }) => {
        await inParallel(
          readers,
          [1, 2, 3],
          async (reader, task) => {
            if (task === 1)
              await query(
                url,
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
              );
            await reader.query("select pg_sleep(20)");
          },
          async (reader) => await reader.end(),
        );
      });
      expect(await failure(lost)).toMatchObject({ code: "connection-lost" });
    });
  });
});
