import { parseArgs } from "node:util";

/** A count that a benchmark was measured with, and how the command line names it. */
type Counts = Readonly<Record<string, number>>;

/** One of the things that are measured against each other. */
export interface Contender {
  readonly name: string;
  /** Runs once and returns what it took, in milliseconds; what has to be prepared or verified is not in it. */
  readonly run: () => Promise<number>;
}

/** What a contender took in each of its runs, in milliseconds. */
export type Measured = ReadonlyMap<string, readonly number[]>;

/** Runs a benchmark; what goes wrong in it is printed and ends the process with 1. */
export async function bench(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    process.exitCode = 1;
  }
}

/**
 * Reads whole numbers from the command line: `{ runs: 5 }` stands for `--runs <number>` with a default of 5.
 * @throws Error naming the option that is unknown or no whole number from 1
 */
export function readCounts<Defaults extends Counts>(defaults: Defaults): Record<keyof Defaults, number> {
  const options = Object.fromEntries(
    Object.keys(defaults).map((name) => [name, { type: "string" } as const]),
  );
  const { values } = parseArgs({ options, allowPositionals: false });
  const counts = Object.entries(defaults).map(([name, usual]) => {
    const given = values[name];
    if (given === undefined) return [name, usual] as const;
    if (!/^[1-9]\d{0,6}$/.test(given))
      throw new Error(`--${name} has to be a whole number from 1, not ${given}`);
    return [name, Number(given)] as const;
  });
  return Object.fromEntries(counts) as Record<keyof Defaults, number>;
}

/** Measures work by the wall clock, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/**
 * Runs contenders in turn, round after round, so that a machine that slows down slows all of them, and prints
 * every run as it ends.
 */
export async function alternate(contenders: readonly Contender[], rounds: number): Promise<Measured> {
  const measured = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const { name, run } of contenders) {
      const milliseconds = await run();
      measured.get(name)?.push(milliseconds);
      console.log(`run ${round} of ${rounds}  ${name}: ${format(milliseconds)}`);
    }
  }
  return measured;
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new Error("there is no median of nothing");
  return (lower + upper) / 2;
}

/** The smallest value that at least this part of all values, between 0 and 1, does not exceed. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const value = sorted[Math.max(Math.ceil(sorted.length * part) - 1, 0)];
  if (value === undefined) throw new Error("there is no percentile of nothing");
  return value;
}

/** A duration as a person reads it. */
export function format(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds.toFixed(milliseconds < 20 ? 2 : 0)} ms`;
}

/** Prints the median of each contender, with the runs it comes from. */
export function printMedians(measured: Measured): void {
  const rows = [...measured].map(([name, values]) => [
    name,
    format(median(values)),
    values.map(format).join("  "),
  ]);
  printTable(["", "median", "runs"], rows);
}

/** Prints what a share of our time in a peer's, in medians, is and may be. */
export function printRatio(measured: Measured, ours: string, peer: string, target?: number): void {
  const [own, other] = [measured.get(ours), measured.get(peer)];
  if (!own || !other) return;
  const ratio = median(own) / median(other);
  const verdict =
    target === undefined
      ? ""
      : `, target at most ${target.toFixed(2)}: ${ratio <= target ? "met" : "MISSED"}`;
  console.log(`${ours} / ${peer} = ${ratio.toFixed(2)}${verdict}`);
}

/** Prints whether a measured duration stays within its budget. */
export function printBudget(what: string, milliseconds: number, budget: number): void {
  const verdict = milliseconds < budget ? "met" : "MISSED";
  console.log(`${what} = ${format(milliseconds)}, target under ${format(budget)}: ${verdict}`);
}

/** Prints rows in columns; the first column is set flush left, the others as wide as they need. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of ["", head, ...rows, ""]) {
    if (typeof row === "string") console.log(row);
    else
      console.log(
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd(),
      );
  }
}
