import { InputError } from "../../operation/index.js";
import type { ForeignKey } from "./catalog.js";
import { isSameTable, type TablePlan } from "./table-plan.js";

/** The tables in an order in which rows can be made, and the foreign keys that have to be filled in afterwards. */
export interface Order {
  readonly tables: readonly TablePlan[];
  readonly later: ReadonlySet<ForeignKey>;
}

/**
 * Puts tables after those they refer to. Where they refer to each other in a circle, a foreign key that may be null, or that
 * is checked at the commit, waits.
 * @throws InputError `seed-circle` where neither is in it
 */
export function orderTables(plans: readonly TablePlan[]): Order {
  const later = new Set<ForeignKey>();
  const tables: TablePlan[] = [];
  const waiting = [...plans];
  const blocking = (plan: TablePlan) =>
    [...plan.foreignKeys, ...(plan.ownerKey ? [plan.ownerKey] : [])].filter(
      (key) =>
        !later.has(key) &&
        !isSameTable(key.table, plan.facts) &&
        waiting.some((other) => isSameTable(other.facts, key.table)),
    );
  while (waiting.length > 0) {
    const free = waiting.findIndex((plan) => blocking(plan).length === 0);
    if (free >= 0) {
      tables.push(...waiting.splice(free, 1));
      continue;
    }
    const candidates = waiting.flatMap((plan) =>
      blocking(plan)
        .filter((key) => key !== plan.ownerKey && (key.deferrable || isNullable(plan, key)))
        .map((key) => ({ plan, key, others: blocking(plan).length })),
    );
    // One that opens the circle at once is better than one of several in the way of the same table.
    const [best] = candidates.sort((a, b) => a.others - b.others);
    if (!best) throw circle(waiting);
    later.add(best.key);
  }
  return { tables, later };
}

/** Whether the columns of a foreign key may be null. */
export function isNullable(plan: TablePlan, key: ForeignKey): boolean {
  return key.columns.some((name) =>
    plan.facts.columns.some((column) => column.name === name && !column.notNull),
  );
}

function circle(waiting: readonly TablePlan[]): InputError {
  return new InputError({
    code: "seed-circle",
    message: `These tables refer to each other in a circle, and none of the foreign keys may be null or wait for the commit: ${waiting.map(({ name }) => name).join(", ")}.`,
    state: "Nothing was done.",
    remedy: "Make one of the foreign keys deferrable, or leave a table out of the definition.",
  });
}
