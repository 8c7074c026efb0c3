import type { Hold } from "./effects.js";
import type { KnownTable } from "./known-tables.js";
import { isBeyondReading, strengthOf } from "./lock-modes.js";
import type { Measured } from "./measured.js";
import type { LockedTable } from "./rehearsal.js";

/** Lists the tables that were locked beyond reading, each with the strongest of its locks, the worst first. */
export function lockedTables({ holds, statements }: Measured): LockedTable[] {
  const worst = new Map<KnownTable, Hold>();
  for (const hold of holds) {
    if (!isBeyondReading(hold.mode)) continue;
    const other = worst.get(hold.table);
    if (!other || worseThan(hold, other)) worst.set(hold.table, hold);
  }
  return [...worst.values()]
    .sort((left, right) => (worseThan(left, right) ? -1 : 1))
    .flatMap(({ table, mode, milliseconds, statement }) => {
      const taker = statements[statement];
      if (!taker) return [];
      const { file, line } = taker;
      return [{ table: table.name, rows: table.before, mode, heldMilliseconds: milliseconds, file, line }];
    });
}

function worseThan(left: Hold, right: Hold): boolean {
  const difference = strengthOf(left.mode) - strengthOf(right.mode);
  return difference > 0 || (difference === 0 && left.milliseconds > right.milliseconds);
}
