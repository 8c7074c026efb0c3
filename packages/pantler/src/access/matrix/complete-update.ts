import { sqlName } from "../../copy/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import { completionOf, type Outcome, outcomeOf } from "./outcome.js";
import type { Pair } from "./pair.js";
import type { Assignments, TrialRow } from "./trial-rows.js";

export interface CompletedUpdate {
  readonly outcome: Outcome;
  /** The columns that hold what they held before. */
  readonly kept: readonly string[];
  /** Whether the row was written, and not stopped by a constraint. */
  readonly isWritten: boolean;
}

/**
 * Lets an update that was allowed run to its end, where triggers may still refuse it or put values back, and looks at the
 * row as the session's own role; all of it is taken back.
 * @returns undefined where there is no such trigger, or where one must not run
 */
export async function completeUpdate(
  pair: Pair,
  row: TrialRow,
  statement: string,
  assignments: Assignments,
): Promise<CompletedUpdate | undefined> {
  const { session, relation, reach } = pair;
  const mayDiffer = relation.hasBeforeUpdate || relation.afterTriggers.includes("update");
  if (
    !mayDiffer ||
    relation.hasCascades ||
    row.parameters.length > 0 ||
    reach.ofCompleting(relation.oid, "update")
  )
    return undefined;
  const attempt = await session.attempt(completionOf(statement));
  const outcome = outcomeOf(attempt);
  const isWritten = !attempt.refusal;
  if (!isWritten || outcome.kind !== "allowed" || !relation.hasBeforeUpdate)
    return { outcome, isWritten, kept: [] };
  if (!row.place) return { outcome, isWritten, kept: await keptInView(pair, row, statement, assignments) };
  const kept = await session.aside(async () => {
    await session.client.query(completionOf(statement));
    await session.client.query("set local role none; set local row_security = off");
    return await keptColumns(pair, row, assignments);
  });
  return { outcome, isWritten, kept };
}

/** A view's row is found again where nothing changed that tells it from others. */
async function keptInView(
  { session, relation }: Pair,
  { condition, values }: TrialRow,
  statement: string,
  assignments: Assignments,
): Promise<string[]> {
  const names = assignments.map(([name]) => name);
  const texts = names.map((name) => `${quoteIdentifier(name)}::text`).join(", ");
  const attempt = await session.aside(async () => {
    await session.client.query(completionOf(statement));
    await session.client.query("set local role none; set local row_security = off");
    return await session.attempt(
      `select array[${texts}]::text[] as values from ${sqlName(relation)} where ${condition}`,
    );
  });
  const rows = attempt.refusal ? [] : (attempt.rows as unknown as { values: (string | null)[] }[]);
  if (rows.length === 0) return [];
  return names.filter((name, at) => {
    const before = values[relation.columns.findIndex((column) => column.name === name)] ?? null;
    return rows.every((row) => row.values[at] === before);
  });
}

/** The latest version of the row is found from where it lay before; a row that went to another partition was changed. */
async function keptColumns(
  { session, relation }: Pair,
  { place, values }: TrialRow,
  assignments: Assignments,
): Promise<string[]> {
  if (!place) return [];
  const names = assignments.map(([name]) => name);
  const latest = await session.client.query<{ place: string }>(
    "select pg_catalog.currtid2($1, $2::tid)::text as place",
    [place.table, place.place],
  );
  const { rows } = await session.client.query<{ values: (string | null)[] }>(
    `select array[${names.map((name) => `${quoteIdentifier(name)}::text`).join(", ")}]::text[] as values
    from ${place.table} where ctid = $1::tid`,
    [latest.rows[0]?.place],
  );
  const [row] = rows;
  if (!row) return [];
  return names.filter((name, at) => {
    const before = values[relation.columns.findIndex((column) => column.name === name)] ?? null;
    return row.values[at] === before;
  });
}
