import type { QualifiedName } from "../../copy/index.js";
import { counted, type Operation, RefusedError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { readSchemas } from "../../schema/index.js";
import { titleOf } from "../title-of.js";
import type { HandoverPlan } from "./request.js";

/** How many rows the transaction has added to the project's tables and deleted from them; partitions count with their table. */
export type Effects = readonly (QualifiedName & { readonly inserted: number; readonly deleted: number })[];

/**
 * The counters behind pg_stat_xact_all_tables: what others do meanwhile is not in them
 * (https://www.postgresql.org/docs/17/monitoring-stats.html).
 */
const counters = `
select
  n.nspname as schema,
  root.relname as name,
  sum(pg_stat_get_xact_tuples_inserted(c.oid))::float8 as inserted,
  sum(pg_stat_get_xact_tuples_deleted(c.oid))::float8 as deleted
from pg_class c
join pg_class root on root.oid = coalesce(pg_partition_root(c.oid), c.oid)
join pg_namespace n on n.oid = root.relnamespace
where c.relkind = 'r' and n.nspname = any ($1)
group by 1, 2
order by 1, 2
`;

/** What the transaction has done to the project's rows until now. */
export async function readEffects(client: Client): Promise<Effects> {
  const { own } = await readSchemas(client);
  return (await client.query<Effects[number]>(counters, [own])).rows;
}

/**
 * Compares what a transaction has done with its plan: no row may be gone that the plan does not name. Rows that triggers
 * added are told of.
 * @throws RefusedError `unplanned-loss`
 */
export function requirePlanned(
  before: Effects,
  after: Effects,
  { rows }: HandoverPlan,
  operation: Operation,
): void {
  const lost: string[] = [];
  for (const { inserted, deleted, ...table } of after) {
    const title = titleOf(table);
    const then = before.find((each) => titleOf(each) === title) ?? { inserted: 0, deleted: 0 };
    const added = inserted - then.inserted;
    const gone = deleted - then.deleted;
    const planned = rows
      .filter((each) => each.fate === "deleted" && titleOf(each.table) === title)
      .reduce((sum, each) => sum + each.rows, 0);
    // A row that moves to another partition is deleted from one and added to the other.
    if (gone - added > planned) lost.push(`${title}: ${counted(gone - added - planned, "row")}`);
    else if (added > gone)
      operation.finding("info", `triggers added ${counted(added - gone, "row")} to ${title}`);
  }
  if (lost.length === 0) return;
  throw new RefusedError({
    code: "unplanned-loss",
    message: "Rows would be deleted that the plan does not name.",
    detail: lost.join("\n"),
    state: "The transaction was undone; everything is as it was before.",
    remedy:
      "A trigger or a cascading foreign key deletes them: delete them yourself first if that is right, or change that.",
  });
}
