import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { type Client, withClient } from "../packages/pantler/src/postgres/index.js";
import { format, median, printRatio, printTable } from "./measure.js";
import { asSuperuser } from "./project-server.js";

/** How long one session waited for locks, in milliseconds. */
interface Waits {
  readonly longest: number;
  readonly sum: number;
}

/** What somebody who reads a table, and somebody who writes it, waited meanwhile. */
export interface Traffic {
  readonly reader: Waits;
  readonly writer: Waits;
}

/** What was waited in each run of a way, by its name. */
type TrafficOf = ReadonlyMap<string, readonly Traffic[]>;

/** A session that asks the same again and again. */
interface Visitor {
  readonly pid: number;
  /** Whether its question of this moment was seen waiting for a lock. */
  waits: boolean;
  longest: number;
  sum: number;
}

/** Between a session's answer and its next question, in milliseconds. */
const pause = 3;

/** How often it is looked whether a session waits for a lock, in milliseconds: shorter waits are not noticed. */
const lookInterval = 2;

/**
 * Runs work while one session reads a table and another updates one row of it at a time. A question counts as a wait, with
 * all the time it took, if its session was seen waiting for a lock: that the machine is busy is none.
 * @param table its name, as it is written in SQL; it has the columns `id`, which counts from 1, and `note`
 * @param rows how many the table holds
 */
export async function withTraffic(
  database: DatabaseUrl,
  table: string,
  rows: number,
  work: () => Promise<unknown>,
): Promise<Traffic> {
  const over = new AbortController();
  return await withClient(database, (reading) =>
    withClient(database, (writing) =>
      withClient(asSuperuser(database), async (looking) => {
        const [reader, writer] = [await enter(reading), await enter(writing)];
        const sessions = [
          visit(reader, over.signal, () => reading.query(`select 1 from ${table} limit 1`)),
          visit(writer, over.signal, (turn) =>
            // A prime step leads to every part of the table.
            writing.query(`update ${table} set note = note where id = $1`, [1 + ((turn * 7919) % rows)]),
          ),
          look(looking, [reader, writer], over.signal),
        ];
        try {
          await work();
        } finally {
          over.abort();
          await Promise.all(sessions);
        }
        return { reader, writer };
      }),
    ),
  );
}

async function enter(client: Client): Promise<Visitor> {
  await client.query("set statement_timeout = 0");
  await client.query("set lock_timeout = 0");
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return { pid: rows[0]?.pid ?? 0, waits: false, longest: 0, sum: 0 };
}

async function visit(
  visitor: Visitor,
  over: AbortSignal,
  ask: (turn: number) => Promise<unknown>,
): Promise<void> {
  for (let turn = 0; !over.aborted; turn += 1) {
    visitor.waits = false;
    const asked = performance.now();
    await ask(turn);
    const taken = performance.now() - asked;
    if (visitor.waits) {
      visitor.longest = Math.max(visitor.longest, taken);
      visitor.sum += taken;
    }
    await sleep(pause);
  }
}

async function look(client: Client, visitors: readonly Visitor[], over: AbortSignal): Promise<void> {
  const pids = visitors.map(({ pid }) => pid);
  while (!over.aborted) {
    const { rows } = await client.query<{ pid: number }>(
      "select pid from pg_catalog.pg_stat_activity where pid = any ($1) and wait_event_type = 'Lock'",
      [pids],
    );
    const waiting = new Set(rows.map(({ pid }) => pid));
    for (const visitor of visitors) if (waiting.has(visitor.pid)) visitor.waits = true;
    await sleep(lookInterval);
  }
}

/** Prints the medians of the waits of each way. */
export function printWaits(traffic: TrafficOf): void {
  const columns: readonly (readonly [keyof Traffic, keyof Waits])[] = [
    ["reader", "longest"],
    ["reader", "sum"],
    ["writer", "longest"],
    ["writer", "sum"],
  ];
  printTable(
    ["waits for locks, medians", ...columns.map(([who, what]) => `${who}, ${what}`)],
    [...traffic].map(([name, runs]) => [
      name,
      ...columns.map(([who, what]) => format(median(runs.map((run) => run[who][what])))),
    ]),
  );
}

/** Prints what a share of our longest waits in a peer's, in medians, is; a wait of nothing cannot be compared with. */
export function printWaitRatios(traffic: TrafficOf, ours: string, peer: string): void {
  for (const who of ["reader", "writer"] as const) {
    const titled = (name: string) => `${name}, longest wait of the ${who}`;
    const measured = new Map(
      [...traffic].map(([name, runs]) => [titled(name), runs.map((run) => run[who].longest)]),
    );
    if (median(measured.get(titled(peer)) ?? [0]) > 0) printRatio(measured, titled(ours), titled(peer));
  }
}
