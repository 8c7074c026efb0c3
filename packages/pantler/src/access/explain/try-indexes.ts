import { sqlName } from "../../copy/index.js";
import type { Target } from "../../engine/index.js";
import { grouped, messageOf, type Step, stopWhenAborted, timeInWords } from "../../operation/index.js";
import { type Client, isConnectionLoss, sqlstateOf } from "../../postgres/index.js";
import { type IndexCandidate, nameOf, statementOf } from "./index-candidate.js";
import { type Multiplication, multiplyRows } from "./multiply.js";
import { costsOf, indexesIn, type PlanCost, readOwnFunctions } from "./plan.js";
import { become, measureReading, type Reading, type Request, rolledBack } from "./reading.js";
import { untouched, withScratchCopy } from "./scratch-copy.js";

/** An index that was made on the copy, and what came of it. */
export interface TriedIndex {
  readonly statement: string;
  readonly milliseconds: number;
  /** So many times faster than without it. */
  readonly factor: number;
  /** Whether the plan reads it. */
  readonly used: boolean;
}

/** What trying indexes on a copy at another scale came to. */
export interface IndexTrial {
  /** How many rows the table had there, and how many of them the identity saw. */
  readonly rows: number;
  readonly seen: number;
  /** Reading them without a new index, in milliseconds. */
  readonly milliseconds: number;
  /** What made it costly there. */
  readonly costs: readonly PlanCost[];
  readonly tried: readonly TriedIndex[];
  readonly best: TriedIndex | undefined;
  /** What it comes to, in words. */
  readonly sentence: string;
  readonly notes: readonly string[];
}

/** An index has to make reading so many times faster, and spare so many milliseconds, before it is advised. */
const leastFactor = 1.25;
const leastGain = 0.2;

/** How long one reading of the copy may take, in milliseconds. */
const trialTimeout = 60_000;

/**
 * Copies tables to a scratch server, multiplies their rows, and makes each index there in turn.
 * @param select what is read as the identity
 * @throws what copying throws; that the copy cannot be worked with is told in the trial's words
 */
export async function tryIndexes(
  target: Target,
  multiplication: Multiplication,
  candidates: readonly IndexCandidate[],
  { select, request }: { readonly select: string; readonly request: Request },
  step: Step,
  signal: AbortSignal | undefined,
): Promise<IndexTrial> {
  return await withScratchCopy(target, multiplication.tables, signal, async ({ client, notes }) => {
    const rows = await orWords(signal, async () => await multiplyRows(client, multiplication));
    if (typeof rows === "string") return untried(rows, notes);
    const read = async () => await readAs(client, request, select);
    const before = await read();
    const tried: TriedIndex[] = [];
    const failed: string[] = [];
    for (const [place, candidate] of candidates.entries()) {
      stopWhenAborted(signal, untouched);
      step.progress(place, candidates.length, "indexes");
      try {
        tried.push(await tryIndex(client, candidate, before, read));
      } catch (error) {
        if (isConnectionLoss(error)) throw error;
        failed.push(`${statementOf(candidate)} failed: ${messageOf(error)}`);
      }
    }
    const best = bestOf(tried, before);
    return {
      rows,
      seen: before.rows,
      milliseconds: before.milliseconds,
      costs: costsOf(before.plan, await readOwnFunctions(client)),
      tried,
      best,
      sentence: inWords(rows, before, tried, best),
      notes: [...notes, ...failed],
    };
  });
}

/** Does something to the copy's rows; that the server refuses it, as where keys run out of numbers, is returned in words. */
async function orWords<Result>(
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result | string> {
  try {
    return await work();
  } catch (error) {
    stopWhenAborted(signal, untouched, error);
    if (isConnectionLoss(error) || sqlstateOf(error) === undefined) throw error;
    return messageOf(error);
  }
}

function untried(why: string, notes: readonly string[]): IndexTrial {
  const sentence = `The rows could not be multiplied on the copy, so that nothing was tried there: ${why}.`;
  return { rows: 0, seen: 0, milliseconds: 0, costs: [], tried: [], best: undefined, sentence, notes };
}

async function readAs(client: Client, request: Request, select: string): Promise<Reading> {
  return await rolledBack(client, trialTimeout, async () => {
    await become(client, { kind: "claims", ...request });
    return await measureReading(client, select);
  });
}

async function tryIndex(
  client: Client,
  candidate: IndexCandidate,
  before: Reading,
  read: () => Promise<Reading>,
): Promise<TriedIndex> {
  const name = nameOf(candidate);
  const statement = statementOf(candidate);
  await client.query(statement);
  try {
    await client.query(`analyze ${sqlName(candidate.table)}`);
    const { milliseconds, plan } = await read();
    const factor = before.milliseconds / milliseconds;
    return { statement, milliseconds, factor, used: indexesIn(plan).includes(name) };
  } finally {
    const { schema } = candidate.table;
    await client.query(`drop index ${sqlName({ schema, name })}`);
  }
}

function bestOf(tried: readonly TriedIndex[], before: Reading): TriedIndex | undefined {
  const helping = tried.filter(
    ({ used, factor, milliseconds }) =>
      used && factor >= leastFactor && before.milliseconds - milliseconds >= leastGain,
  );
  // Among equals the first one is the simplest.
  return helping.reduce<TriedIndex | undefined>(
    (best, each) => (best === undefined || each.milliseconds < best.milliseconds * 0.9 ? each : best),
    undefined,
  );
}

function inWords(
  rows: number,
  before: Reading,
  tried: readonly TriedIndex[],
  best: TriedIndex | undefined,
): string {
  const at = `With ${grouped(rows)} rows, of which ${grouped(before.rows)} are seen, reading them took ${exact(before.milliseconds)}`;
  if (best) {
    return `${at}, and ${exact(best.milliseconds)} with the index: ${best.factor.toFixed(1)} times faster.`;
  }
  if (tried.length === 0) {
    return `${at}. What the policies look rows up by is indexed already, so no index was tried.`;
  }
  return `${at}. None of the ${tried.length} indexes that were tried helped.`;
}

function exact(milliseconds: number): string {
  return milliseconds < 100
    ? `${milliseconds.toFixed(milliseconds < 10 ? 2 : 1)} ms`
    : timeInWords(milliseconds);
}
