import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { CreateRequest, RestoreRequest, Retention } from "../../src/index.js";

const program = fileURLToPath(new URL("./backup-process.js", import.meta.url));
const clock = new URL("./shifted-clock.js", import.meta.url).href;

/** What a process of its own is to do with the backups of a project. */
export type Job = {
  /** The project's folder. */
  readonly root: string;
  /** `local` by default. */
  readonly environment?: string;
  /** Another database in place of the environment's. */
  readonly url?: string;
  readonly passphrase?: string;
} & (
  | { readonly action: "create"; readonly create?: CreateRequest }
  | { readonly action: "restore"; readonly id: string; readonly restore?: Partial<RestoreRequest> }
  | { readonly action: "drill"; readonly id: string }
  | { readonly action: "prune"; readonly retention: Retention }
  /** From `local` to `production`. */
  | { readonly action: "sync" }
);

/** What came of a job. */
export interface Outcome {
  /** Of the process; null when it was killed. */
  readonly exit: number | null;
  readonly id?: string;
  readonly removed?: readonly string[];
  readonly proven?: boolean;
  /** How long the work took, without the start of the process. */
  readonly milliseconds?: number;
  /** Of the error. */
  readonly code?: string;
  readonly message?: string;
  readonly stderr: string;
}

/** A process that waits for its job. */
export interface Worker {
  /** Gives it the job, and kills it if it is still at it so many milliseconds after it began. */
  run(job: Job, killAfter?: number): Promise<Outcome>;
  /** Ends one that has no job. */
  dismiss(): void;
}

/**
 * Starts a process that waits for its job.
 * @param ahead by how much its clock goes ahead of the true time, in milliseconds; negative for one that is behind
 */
export function startWorker(ahead = 0): Worker {
  const preload = ahead === 0 ? [] : ["--import", clock];
  const child = spawn(process.execPath, [...preload, program], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, CLOCK_AHEAD: String(ahead) },
  });
  const { ready, begun, ended } = listen(child);
  return {
    async run(job, killAfter) {
      await ready;
      child.stdin.write(`${JSON.stringify(job)}\n`);
      if (killAfter !== undefined) {
        await begun;
        await Promise.race([sleep(killAfter), ended]);
        child.kill("SIGKILL");
      }
      return await ended;
    },
    dismiss: () => {
      child.kill("SIGKILL");
    },
  };
}

function listen(child: ChildProcessByStdio<Writable, Readable, Readable>) {
  let last = {};
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Outcome>((resolve) => {
    child.once("close", (exit) => resolve({ ...last, exit, stderr }));
  });
  const lines = createInterface({ input: child.stdout });
  const hears = async (word: string) =>
    await new Promise<void>((resolve) => {
      lines.on("line", (line) => {
        last = JSON.parse(line) as object;
        if (word in last) resolve();
      });
      void ended.then(() => resolve());
    });
  return { ready: hears("ready"), begun: hears("begun"), ended };
}

/** Has a process of its own do a job from beginning to end while all else in this one stands still. */
export function runApartMeanwhile(job: Job, ahead: number): Outcome {
  const run = spawnSync(process.execPath, ["--import", clock, program], {
    input: `${JSON.stringify(job)}\n`,
    encoding: "utf8",
    env: { ...process.env, CLOCK_AHEAD: String(ahead) },
  });
  const answer = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "") as object;
  return { ...answer, exit: run.status, stderr: run.stderr };
}

/** Has a process of its own do a job from beginning to end. */
export async function runApart(job: Job, ahead?: number): Promise<Outcome> {
  const outcome = await startWorker(ahead).run(job);
  if (outcome.exit === null || outcome.stderr !== "") {
    throw new Error(`${job.action} ended with ${outcome.exit}: ${outcome.stderr}`);
  }
  return outcome;
}

/**
 * Has jobs killed one after another at moments that a test chooses. The next process is started while the last one's
 * outcome is looked at.
 */
export class Killer {
  #next = startWorker();

  async kill(job: Job, after: number): Promise<Outcome> {
    const worker = this.#next;
    this.#next = startWorker();
    return await worker.run(job, after);
  }

  end(): void {
    this.#next.dismiss();
  }
}
