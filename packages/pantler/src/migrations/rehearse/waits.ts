import { counted, timeInWords } from "../../operation/index.js";
import type { Hold } from "./effects.js";
import type { KnownTable } from "./known-tables.js";
import { blockedBy, strengthOf } from "./lock-modes.js";
import type { Measured, MeasuredStatement } from "./measured.js";
import { noticed, type Risk, untilWhen } from "./risk.js";
import { placeOf } from "./words.js";

/** A statement that took locks which others wait for. */
interface Waiting {
  readonly statement: MeasuredStatement;
  readonly place: number;
  readonly doing: string;
  /** The later statement that rewrites the table under this lock. */
  readonly rewriter: MeasuredStatement | undefined;
  /** The lock that tells of it. */
  readonly hold: Hold;
  /** The other tables that it locked as strongly, by the names of those who wait for them. */
  readonly others: readonly string[];
}

/** A lock that was taken so much later than another one is told of by itself, as a share of the time. */
const alikeShare = 0.8;

/** What waits for locks, as long as they were held: a sentence for a statement, or for several that are alike. */
export function waitsOf(measured: Measured): Risk[] {
  const waiting = measured.statements.flatMap((statement, place) => waitingFor(statement, place, measured));
  const told: Waiting[] = [];
  for (const each of waiting) {
    const place = told.findIndex((other) => isAlike(other, each));
    const found = told[place];
    if (found) told[place] = together(found, each);
    else told.push(each);
  }
  return told.map((each) => describeWait(each, measured));
}

/** Whether two statements do nothing but lock tables, for the same commit and about as long. */
function isAlike(left: Waiting, right: Waiting): boolean {
  const { transaction } = left.statement;
  return (
    transaction !== undefined &&
    transaction === right.statement.transaction &&
    [left, right].every(({ doing, rewriter }) => doing === "locks" && rewriter === undefined) &&
    blockedBy(left.hold.mode) === blockedBy(right.hold.mode) &&
    right.hold.milliseconds >= left.hold.milliseconds * alikeShare
  );
}

/** Tells of two as of one, by the table that has more rows. */
function together(left: Waiting, right: Waiting): Waiting {
  const main = right.hold.table.before > left.hold.table.before ? right : left;
  return { ...main, others: [...left.others, ...right.others] };
}

function waitingFor(statement: MeasuredStatement, place: number, measured: Measured): Waiting[] {
  const taken = measured.holds
    .filter(
      (hold) =>
        hold.statement === place &&
        hold.milliseconds >= noticed &&
        ["everything", "writes"].includes(blockedBy(hold.mode)),
    )
    .sort(
      (left, right) =>
        strengthOf(right.mode) - strengthOf(left.mode) || right.table.before - left.table.before,
    );
  const [hold] = taken;
  if (!hold) return [];
  const others = taken
    .filter(({ mode }) => blockedBy(mode) === blockedBy(hold.mode))
    .map(({ table }) => table.root);
  const rewriter = rewriterLater(measured, place, hold.table);
  return [{ statement, place, doing: doingTo(statement, hold.table), rewriter, hold, others }];
}

function describeWait(
  { statement, place, doing, rewriter, hold, others }: Waiting,
  measured: Measured,
): Risk {
  const { table, mode, milliseconds } = hold;
  const isAll = blockedBy(mode) === "everything";
  const which = doing === "locks" && rewriter ? `, which ${placeOf(rewriter)} rewrites` : "";
  // A partitioned table and its parts are one table to those who wait.
  const roots = new Set(others);
  roots.delete(table.root);
  const what = isAll ? "every read and write of it" : "every write to it";
  const alike = roots.size === 0 ? "" : `, and so for ${listed([...roots])}`;
  return {
    sentence: `${placeOf(statement)} ${doing} ${nameOf(table)}${which}: ${what} waits for about ${timeInWords(milliseconds)}, ${untilWhen(statement)}${mostlyFor(measured, place, milliseconds)}${alike}.`,
    weight: milliseconds * (isAll ? 1 : 0.5) * Math.log10(10 + table.before),
  };
}

/** The later statement of a transaction that rewrites a table under the lock that an earlier one took. */
function rewriterLater(
  { statements }: Measured,
  place: number,
  { root }: KnownTable,
): MeasuredStatement | undefined {
  const transaction = statements[place]?.transaction;
  if (transaction === undefined) return undefined;
  return statements
    .slice(place + 1)
    .find(
      (later) =>
        later.transaction === transaction && later.effects.rewritten.some((table) => table.root === root),
    );
}

/** What most of the time passes in for which a statement's lock is held, where it is not the statement itself. */
function mostlyFor({ statements }: Measured, place: number, held: number): string {
  const transaction = statements[place]?.transaction;
  if (transaction === undefined) return "";
  if (transaction.checkMilliseconds > held / 2) return ", most of it for checks";
  const slower = statements
    .slice(place + 1)
    .find((later) => later.transaction === transaction && later.milliseconds > held / 2);
  return slower ? `, most of it for ${placeOf(slower)}` : "";
}

function doingTo({ effects, milliseconds }: MeasuredStatement, table: KnownTable): string {
  const isIn = (tables: readonly KnownTable[]) => tables.some(({ root }) => root === table.root);
  if (isIn(effects.rewritten)) return "rewrites";
  if (isIn(effects.dropped.map((each) => each.table))) return "drops";
  if (isIn(effects.emptied)) return "empties";
  // Reading a small table is nothing to tell of.
  return isIn(effects.scanned) && milliseconds >= noticed ? "reads all of" : "locks";
}

function nameOf(table: KnownTable): string {
  return table.hasRows ? `${table.name} (${counted(table.before, "row")})` : table.name;
}

function listed(names: readonly string[]): string {
  const [first = "", second, ...rest] = [...names].sort();
  if (second === undefined) return first;
  return rest.length === 0
    ? `${first} and ${second}`
    : `${first}, ${second} and ${counted(rest.length, "other table")}`;
}
