import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../postgres/index.js";
import { type Counters, compareCounters, type Effects, effectsOf, type Hold } from "./effects.js";
import type { KnownTable, KnownTables } from "./known-tables.js";
import { strengthOf, strongestOf } from "./lock-modes.js";
import type { LockMode } from "./rehearsal.js";

/** The locks that another session holds at this moment. */
const heldByOther = `
select relation, array_agg(mode) as modes
from pg_catalog.pg_locks
where pid = $1
  and locktype = 'relation'
  and granted
  and relation >= 16384
  and database = (select oid from pg_catalog.pg_database where datname = current_database())
group by relation
`;

/** What the server has counted of each table (https://www.postgresql.org/docs/17/monitoring-stats.html). */
const counted = `
select
  oid as relation,
  pg_relation_filenode(oid) as file,
  pg_stat_get_numscans(oid)::float8 as scans,
  pg_stat_get_tuples_inserted(oid)::float8 as inserted,
  pg_stat_get_tuples_updated(oid)::float8 as updated,
  pg_stat_get_tuples_deleted(oid)::float8 as deleted
from unnest($1::oid[]) as known (oid)
`;

/** For so long, in milliseconds, the locks are asked for without a pause; a short statement is then not missed. */
const eagerFor = 200;

/** And from then on after pauses of this many milliseconds. */
const pause = 10;

/**
 * Measures a statement that cannot be part of a transaction. As its locks are gone when it is done, they are asked for
 * while it runs: one that is held for less than a question takes may be missed, unless the table was written anew.
 * @param observer a connection of its own
 * @param statement its place among those measured
 */
export async function measureOutside(
  {
    client,
    observer,
    known,
  }: { readonly client: Client; readonly observer: Client; readonly known: KnownTables },
  statement: number,
  run: () => Promise<void>,
): Promise<{ readonly effects: Effects; readonly holds: Hold[] }> {
  const { rows } = await client.query<{ backend: number }>("select pg_catalog.pg_backend_pid() as backend");
  const backend = rows[0]?.backend ?? 0;
  const before = await countersOf(client, observer, known);
  const seen = new Map<KnownTable, { mode: LockMode; at: number }>();
  const started = performance.now();
  let running = true;
  const work = run().finally(() => {
    running = false;
  });
  // It is awaited below; until then a rejection is no news.
  work.catch(() => {});
  while (running) {
    const { rows: locks } = await observer.query<{ relation: number; modes: string[] }>(heldByOther, [
      backend,
    ]);
    for (const { relation, modes } of locks) {
      const table = known.of(relation);
      const mode = strongestOf(modes);
      if (!table || !mode || strengthOf(mode) <= strengthOf(seen.get(table)?.mode ?? "")) continue;
      seen.set(table, { mode, at: performance.now() });
    }
    if (performance.now() - started > eagerFor) await sleep(pause);
  }
  await work;
  const ended = performance.now();
  const after = await countersOf(client, observer, known);
  const changes = known.tables.map((table) => ({
    table,
    ...compareCounters(table, before.get(table.oid), after.get(table.oid)),
  }));
  const effects = effectsOf(changes);
  // Nobody gives a table a new file without keeping everybody out, however short that was.
  for (const table of effects.rewritten) {
    seen.set(table, { mode: "AccessExclusiveLock", at: seen.get(table)?.at ?? started });
  }
  const locks = [...seen].map(([table, { mode, at }]) => ({ table, mode, milliseconds: ended - at }));
  return {
    effects: {
      milliseconds: ended - started,
      locks: locks.map(({ table, mode }) => ({ table, mode })),
      strongest: strongestOf(locks.map(({ mode }) => mode)),
      ...effects,
      dropped: [],
    },
    holds: locks.map((lock) => ({ ...lock, statement })),
  };
}

async function countersOf(
  client: Client,
  observer: Client,
  known: KnownTables,
): Promise<Map<number, Counters>> {
  // A session tells the others what it has counted only now and then, unless it is asked to.
  await client.query("select pg_catalog.pg_stat_force_next_flush()");
  const { rows } = await observer.query<Counters & { relation: number }>(counted, [
    known.tables.map(({ oid }) => oid),
  ]);
  return new Map(rows.map(({ relation, ...counters }) => [relation, counters]));
}
