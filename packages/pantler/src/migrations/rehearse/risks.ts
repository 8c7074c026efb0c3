import { counted, timeInWords } from "../../operation/index.js";
import { blockedBy } from "./lock-modes.js";
import type { Measured, MeasuredStatement } from "./measured.js";
import { noticed, type Risk, untilWhen } from "./risk.js";
import { waitsOf } from "./waits.js";
import { placeOf } from "./words.js";

/** So many changed rows are told of though they did not take long: each is locked until the commit. */
const manyRows = 10_000;

/** So many sentences a tired person reads. */
const most = 3;

/** Says in at most three sentences what others will notice of the migrations, the worst first. */
export function describeRisks(measured: Measured): string[] {
  const { statements } = measured;
  const risks = [
    ...statements.flatMap(lossesOf),
    ...waitsOf(measured),
    ...statements.flatMap((statement, place) => changesOf(statement, place, measured)),
  ];
  return risks
    .sort((left, right) => right.weight - left.weight)
    .slice(0, most)
    .map(({ sentence }) => sentence);
}

/** Rows that are gone for good once the deployment has committed. */
function lossesOf(statement: MeasuredStatement): Risk[] {
  const { dropped, emptied, written } = statement.effects;
  const roots = new Set(dropped.map(({ table }) => table.name));
  const losses = [
    ...dropped
      .filter(({ table: { name, root } }) => name === root || !roots.has(root))
      .map(({ table, rows }) => ({ table, rows, how: "drops" })),
    ...emptied.map((table) => ({
      table,
      rows: written.find((each) => each.table === table)?.deleted ?? 0,
      how: "empties",
    })),
  ];
  return losses
    .filter(({ rows }) => rows > 0)
    .map(({ table, rows, how }) => ({
      sentence: `${placeOf(statement)} ${how} ${table.name} ${how === "drops" ? "with its" : "of its"} ${counted(rows, "row")}: what is not kept elsewhere is then only in a backup.`,
      weight: Number.MAX_SAFE_INTEGER / 2 + rows,
    }));
}

/** Rows that others cannot change until the commit, where no lock on their whole table says so already. */
function changesOf(statement: MeasuredStatement, place: number, { holds }: Measured): Risk[] {
  return statement.effects.written.flatMap(({ table, updated, deleted, inserted }) => {
    const changed = updated + deleted;
    const held = holds.filter((hold) => hold.table === table && hold.statement <= place);
    if (changed === 0 || held.some(({ mode }) => blockedBy(mode) !== "nothing")) return [];
    const milliseconds = Math.max(statement.milliseconds, ...held.map((hold) => hold.milliseconds));
    if (milliseconds < noticed && changed < manyRows) return [];
    const doing =
      deleted > updated
        ? `deletes ${counted(deleted, "row")} of`
        : `updates ${counted(updated, "row")}${deleted + inserted > 0 ? " and changes others" : ""} of`;
    return [
      {
        sentence: `${placeOf(statement)} ${doing} ${table.name}: whoever changes one of these rows waits for about ${timeInWords(milliseconds)}, ${untilWhen(statement)}.`,
        weight: milliseconds * 0.2 * Math.log10(10 + changed),
      },
    ];
  });
}
