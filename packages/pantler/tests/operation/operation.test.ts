import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Operation, type OperationEvent, openJournal, withReleases } from "../../src/operation/index.js";
import { withFolder } from "../support/project.js";

/** An operation and what it reported, without the durations, which differ from run to run. */
function recorded(): { operation: Operation; events: Record<string, unknown>[] } {
  const events: Record<string, unknown>[] = [];
  const listen = (event: OperationEvent) => {
    const { milliseconds, ...rest } = { milliseconds: 0, ...event };
    expect(milliseconds).toBeGreaterThanOrEqual(0);
    events.push(rest);
  };
  return { operation: new Operation(listen), events };
}

describe("a step", () => {
  it("reports its start and its end, and gives back what the work returned", async () => {
    const { operation, events } = recorded();
    expect(await operation.step("count the jars", async () => 12)).toBe(12);
    expect(events).toEqual([
      { type: "step-started", step: 1, title: "count the jars" },
      { type: "step-ended", step: 1, title: "count the jars", status: "done" },
    ]);
  });

  it("that throws ends as failed, and the caller gets the very error", async () => {
    const { operation, events } = recorded();
    const broken = new Error("a jar broke");
    await expect(operation.step("count the jars", () => Promise.reject(broken))).rejects.toBe(broken);
    expect(events).toEqual([
      { type: "step-started", step: 1, title: "count the jars" },
      { type: "step-ended", step: 1, title: "count the jars", status: "failed" },
    ]);
  });

  it("of a part of the work says so, and is counted with the others", async () => {
    const { operation, events } = recorded();
    await operation.step("count the jars", async () => {});
    await operation.part("drill").step("count them again", async () => {});
    await operation.step("write it down", async () => {});
    expect(events.filter(({ type }) => type === "step-ended")).toMatchObject([
      { step: 1, title: "count the jars" },
      { step: 2, title: "drill: count them again" },
      { step: 3, title: "write it down" },
    ]);
  });

  it("that has nothing to do says why", async () => {
    const { operation, events } = recorded();
    await operation.step("count the jars", async (step) => step.skip("there are none"));
    expect(events.at(-1)).toMatchObject({ status: "skipped", note: "there are none" });
  });

  it("that fails after a note keeps the note", async () => {
    const { operation, events } = recorded();
    await operation
      .step("count the jars", async (step) => {
        step.note("three so far");
        throw new Error("a jar broke");
      })
      .catch(() => {});
    expect(events.at(-1)).toMatchObject({ status: "failed", note: "three so far" });
  });

  it("is numbered, so that steps of one title can be told apart", async () => {
    const { operation, events } = recorded();
    await operation.step("fill", async () => {});
    await operation.step("fill", async () => {});
    expect(events.map(({ step }) => step)).toEqual([1, 1, 2, 2]);
  });

  it("reports its first progress at once, and not every one of a flood", async () => {
    const { operation, events } = recorded();
    await operation.step("fill", async (step) => {
      for (let jar = 1; jar <= 10_000; jar += 1) step.progress(jar, 10_000, "jars");
    });
    const progress = events.filter(({ type }) => type === "step-progress");
    expect(progress[0]).toEqual({ type: "step-progress", step: 1, done: 1, total: 10_000, note: "jars" });
    expect(progress.length).toBeLessThan(10_000);
  });
});

describe("an operation", () => {
  it("tells every listener everything, in order", async () => {
    const heard: string[] = [];
    const listener = (name: string) => (event: OperationEvent) => heard.push(`${name} ${event.type}`);
    const operation = new Operation(listener("first"), listener("second"));
    await operation.step("fill", async () => operation.finding("warning", "a jar is cracked"));
    expect(heard).toEqual(
      ["step-started", "finding", "step-ended"].flatMap((type) => [`first ${type}`, `second ${type}`]),
    );
  });
});

describe("releases", () => {
  it("run in the reverse of the order they were acquired in, once the work is done", async () => {
    const order: string[] = [];
    const result = await withReleases(async (onRelease) => {
      onRelease(async () => {
        order.push("release the first");
      });
      onRelease(() => {
        order.push("release the second");
      });
      order.push("work");
      return "the result";
    });
    expect(result).toBe("the result");
    expect(order).toEqual(["work", "release the second", "release the first"]);
  });

  it("all run although one fails, and its failure is not lost", async () => {
    const order: string[] = [];
    const work = withReleases(async (onRelease) => {
      onRelease(() => {
        order.push("first");
      });
      onRelease(() => Promise.reject(new Error("the second did not close")));
      onRelease(() => {
        order.push("third");
      });
    });
    await expect(work).rejects.toThrow("the second did not close");
    expect(order).toEqual(["third", "first"]);
  });

  it("run when the work fails, whose error wins over theirs", async () => {
    let released = false;
    const work = withReleases(async (onRelease) => {
      onRelease(() => {
        released = true;
        throw new Error("the release failed");
      });
      throw new Error("the work failed");
    });
    await expect(work).rejects.toThrow("the work failed");
    expect(released).toBe(true);
  });
});

describe("the journal", () => {
  const read = (file: string) =>
    readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it("holds the request, every step and the outcome, one JSON object per line", async () => {
    await withFolder({}, async (folder) => {
      const journal = openJournal(join(folder, "journal"), "migration-up", { environment: "staging" });
      const operation = new Operation(journal.record);
      await operation.step("apply 010", async (step) => {
        step.progress(1, 2, "statements");
        operation.finding("warning", "no row security");
      });
      journal.close({ outcome: "done" });
      const lines = read(journal.file);
      expect(lines.map(({ type }) => type)).toEqual([
        "begun",
        "step-started",
        "finding",
        "step-ended",
        "ended",
      ]);
      expect(lines[0]).toMatchObject({
        operation: "migration-up",
        process: process.pid,
        environment: "staging",
      });
      expect(lines[3]).toMatchObject({ title: "apply 010", status: "done" });
      expect(lines[4]).toMatchObject({ outcome: "done" });
      for (const { at } of lines) expect(new Date(String(at)).toISOString()).toBe(at);
    });
  });

  it("is on disk before the next step goes on, so that a killed process leaves what it did", async () => {
    await withFolder({}, async (folder) => {
      const journal = openJournal(folder, "migration-up", {});
      await new Operation(journal.record).step("apply 010", async () => {
        expect(read(journal.file).at(-1)).toMatchObject({ type: "step-started", title: "apply 010" });
      });
      journal.close({});
    });
  });

  it.skipIf(process.platform === "win32")("can be read by its owner only", async () => {
    await withFolder({}, async (folder) => {
      const journals = join(folder, "state", "journal");
      const journal = openJournal(journals, "start", {});
      journal.close({});
      expect(statSync(journal.file).mode & 0o777).toBe(0o600);
      expect(statSync(journals).mode & 0o777).toBe(0o700);
    });
  });

  it("that cannot be written stops the work before it begins, in words", async () => {
    await withFolder({ state: "a file where a folder should be" }, async (folder) => {
      expect(() => openJournal(join(folder, "state", "journal"), "start", {})).toThrowError(
        expect.objectContaining({ code: "journal-unwritable", exit: 4, state: "Nothing was done." }),
      );
    });
  });

  it("of two operations at one moment is two files", async () => {
    await withFolder({}, async (folder) => {
      const journals = [1, 2, 3].map(() => openJournal(folder, "start", {}));
      for (const journal of journals) journal.close({});
      expect(readdirSync(folder)).toHaveLength(3);
      expect(journals.every(({ file }) => existsSync(file))).toBe(true);
    });
  });
});
