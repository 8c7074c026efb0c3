import { isUsable, listBackups, PantlerError, verifyBackup } from "../../src/index.js";
import { backUp, restore } from "./backups.js";
import { withDatabaseUrl } from "./database.js";
import { query } from "./inspect.js";
import { changePantry, contentOf, fillPantry, untilAlone } from "./pantry.js";
import { withProject } from "./project.js";
import { type Proxy as CuttingProxy, withProxy } from "./proxy.js";

/** What cutting connections came to: how often each outcome was met, and what should not have been. */
export interface CutSummary {
  readonly counts: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** Cuts connections again and again, each time after another number of bytes in one direction or the other. */
class Cutter {
  readonly counts: Record<string, number> = {};
  readonly problems: string[] = [];
  readonly #proxy: CuttingProxy;
  readonly #random: () => number;
  #trial = 0;

  constructor(proxy: CuttingProxy, random: () => number) {
    this.#proxy = proxy;
    this.#random = random;
  }

  /** Does work undisturbed, and tells how many bytes it took. */
  async measure(work: () => Promise<unknown>): Promise<{ readonly received: number; readonly sent: number }> {
    const before = { received: this.#proxy.received(), sent: this.#proxy.sent() };
    await work();
    return {
      received: this.#proxy.received() - before.received,
      sent: this.#proxy.sent() - before.sent,
    };
  }

  /**
   * Does work while a connection is cut.
   * @param look tells what came of it, in a word, and what is wrong with that
   */
  async cut(
    bytes: { readonly received: number; readonly sent: number },
    work: () => Promise<unknown>,
    look: (error: PantlerError | undefined) => Promise<readonly [outcome: string, ...problems: string[]]>,
  ): Promise<void> {
    const isSent = this.#random() < 0.5;
    const at = 1 + Math.floor(this.#random() * (isSent ? bytes.sent : bytes.received));
    if (isSent) this.#proxy.cutAfterSent(at);
    else this.#proxy.cutAfter(at);
    let failed: PantlerError | undefined;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PantlerError)) throw error;
      failed = error;
    }
    this.#proxy.cutAfter(Number.POSITIVE_INFINITY);
    this.#proxy.cutAfterSent(Number.POSITIVE_INFINITY);
    const [outcome, ...problems] = await look(failed);
    const name = `${outcome}${failed ? `, ${failed.code}` : ""}`;
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    const where = `${at} bytes ${isSent ? "to" : "from"} the server`;
    for (const problem of problems) {
      this.problems.push(
        `trial ${this.#trial}, cut after ${where}, ${failed?.message ?? "done"}: ${problem}`,
      );
    }
    this.#trial += 1;
  }
}

/** Cuts the making of backups: none is listed that is not whole, and nothing is left of those that failed. */
export async function cutCreates(trials: number, random: () => number): Promise<CutSummary> {
  return await withCutter(random, async (cutter, project, url) => {
    await fillPantry(project.url);
    const { store } = await backUp(project);
    const work = async (trial: number) => await backUp(project, { incremental: trial % 3 === 0 }, url);
    const bytes = await cutter.measure(async () => await work(1));
    for (let trial = 0; trial < trials; trial += 1) {
      const known = new Set(await store.folders());
      await cutter.cut(
        bytes,
        async () => await work(trial),
        async (error) => {
          const problems: string[] = [];
          const fresh = (await listBackups(store)).filter(({ id }) => !known.has(id));
          for (const backup of fresh) {
            if (isUsable(backup)) problems.push(...(await verifyBackup(backup, project.operation)).problems);
            else problems.push(backup.problem.message);
          }
          if (fresh.length !== (error ? 0 : 1)) problems.push(`${fresh.length} are listed`);
          const left = (await store.folders()).filter(
            (id) => !known.has(id) && !fresh.some((backup) => backup.id === id),
          );
          if (left.length > 0) problems.push(`${left.join(", ")} is left`);
          return [error ? "failed" : "done", ...problems];
        },
      );
    }
  });
}

/** Cuts restores over what is there: it is as it was, or as in the backup, and what is said of it is true. */
export async function cutRestoresOver(trials: number, random: () => number): Promise<CutSummary> {
  return await withCutter(random, async (cutter, project, url) => {
    await fillPantry(project.url);
    const restored = await contentOf(project.url);
    const backup = await backUp(project);
    await changePantry(project.url);
    const changed = await contentOf(project.url);
    const work = async () => await restore(project, backup, {}, url);
    const bytes = await cutter.measure(work);
    let now = restored;
    for (let trial = 0; trial < trials; trial += 1) {
      if (now === restored) await changePantry(project.url);
      await cutter.cut(bytes, work, async (error) => {
        await untilAlone(project.url);
        now = await contentOf(project.url);
        if (now === restored) {
          const isTrue = error === undefined || error.code === "commit-unknown";
          return isTrue ? ["restored"] : ["restored", `it is restored, and it says: ${error.state}`];
        }
        if (now !== changed) return ["between", `it is something in between:\n${now}`];
        return error ? ["as before"] : ["as before", "it said that it is done"];
      });
    }
  });
}

/** Cuts restores into an empty database: it is empty again, or said to be half restored, or as in the backup. */
export async function cutRestoresAnew(trials: number, random: () => number): Promise<CutSummary> {
  return await withCutter(random, async (cutter, project, proxied) => {
    await fillPantry(project.url);
    const restored = await contentOf(project.url);
    const backup = await backUp(project);
    let bytes = { received: 0, sent: 0 };
    for (let trial = -1; trial < trials; trial += 1) {
      await withDatabaseUrl(async (url) => {
        const seen = new URL(url);
        seen.port = new URL(proxied).port;
        const empty = await contentOf(url);
        const work = async () => await restore(project, backup, {}, seen.href);
        if (trial < 0) {
          bytes = await cutter.measure(work);
          return;
        }
        await cutter.cut(bytes, work, async (error) => {
          await untilAlone(url);
          const [row] = await query(url, "select to_regclass('pantler.restore_in_progress') as marker");
          const now = await contentOf(url);
          if (row?.marker) {
            const isTrue = error?.code === "half-restored";
            return isTrue
              ? ["half"]
              : ["half", `it is half restored, and it says: ${error?.state ?? "done"}`];
          }
          if (now === restored) {
            return error ? ["restored", `it is restored, and it says: ${error.state}`] : ["restored"];
          }
          if (now !== empty) return ["between", `it is something in between:\n${now}`];
          return error ? ["empty"] : ["empty", "it said that it is done"];
        });
        await restore(project, backup, {}, url);
        if ((await contentOf(url)) !== restored) throw new Error("the next restore did not complete it");
      });
    }
  });
}

async function withCutter(
  random: () => number,
  test: (
    cutter: Cutter,
    project: Parameters<Parameters<typeof withProject>[1]>[0],
    url: string,
  ) => Promise<void>,
): Promise<CutSummary> {
  let summary: CutSummary = { counts: {}, problems: ["no trial took place"] };
  await withProject({}, async (project) => {
    await withProxy(project.url, async (proxy) => {
      const cutter = new Cutter(proxy, random);
      summary = cutter;
      await test(cutter, project, proxy.url);
    });
  });
  return summary;
}
