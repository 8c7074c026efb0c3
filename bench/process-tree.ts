import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { ProgramOptions } from "./programs.js";

/** What a program took, its children included. */
export interface Cost {
  readonly milliseconds: number;
  /** The most memory that it and its children held at one time, in bytes; 0 where the system does not tell. */
  readonly peakBytes: number;
  readonly stdout: string;
}

/** How often memory is looked at, in milliseconds. */
const sampleInterval = 20;

/** The size of a page of memory, in bytes, in which /proc counts. */
const pageBytes = 4096;

/**
 * Runs a program to its end and measures it.
 * @throws Error with what it complained of when it does not end with 0
 */
export async function measureProgram(
  program: string,
  words: readonly string[],
  options: ProgramOptions = {},
): Promise<Cost> {
  const started = performance.now();
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const { pid } = child;
  let peakBytes = 0;
  const sample = () => {
    if (pid !== undefined) peakBytes = Math.max(peakBytes, treeBytes(pid));
  };
  const sampling = setInterval(sample, sampleInterval);
  let stdout = "";
  let complaints = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-4000);
  });
  try {
    const ending = await new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve(String(code ?? signal)));
    });
    const milliseconds = performance.now() - started;
    if (ending === "0") return { milliseconds, peakBytes, stdout };
    throw new Error(
      `${[program, ...words].join(" ").slice(0, 300)} ended with ${ending}:\n${stdout.slice(-1000)}\n${complaints}`,
    );
  } finally {
    clearInterval(sampling);
  }
}

/**
 * The memory in use by a process and all that it started: the first with all its pages, the others with those that are
 * theirs alone, since forks share most of theirs with it (proc_pid_smaps_rollup in Documentation/filesystems/proc.rst).
 */
function treeBytes(pid: number, root = true): number {
  try {
    const own = root ? residentBytes(pid) : privateBytes(pid);
    return childrenOf(pid).reduce((sum, child) => sum + treeBytes(child, false), own);
  } catch {
    // It has ended meanwhile, or there is no /proc.
    return 0;
  }
}

function residentBytes(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return Number(pages) * pageBytes;
}

function privateBytes(pid: number): number {
  const facts = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return [...facts.matchAll(/^Private_\w+: +(\d+) kB$/gm)].reduce(
    (sum, [, kilobytes]) => sum + Number(kilobytes) * 1024,
    0,
  );
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}
