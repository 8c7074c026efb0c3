import type { Measured, MeasuredStatement } from "./apply-measured.js";
import type { Hold } from "./effects.js";
import type { KnownTable } from "./known-tables.js";
import { blockedBy, isBeyondReading, strengthOf } from "./lock-modes.js";
import type { LockedTable } from "./rehearsal.js";
import { counted, placeOf, timeInWords } from "./words.js";

/** Others hardly notice a wait that is shorter, in milliseconds. */
const noticed = 50;

/** So many changed rows are told of though they did not take long: each is locked until the commit. */
const manyRows = 10_000;

/** So many sentences a tired person reads. */
const most = 3;

interface Risk {
  readonly sentence: string;
  /** Larger is worse; whatever is lost comes before whatever waits. */
  readonly weight: number;
}

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
      sentence: `${placeOf(statement)} ${how} ${table.name}: its ${counted(rows, "row")} ${Math.round(rows) === 1 ? "is" : "are"} gone, and only a backup has what was in them.`,
      weight: Number.MAX_SAFE_INTEGER / 2 + rows,
    }));
}

/** A statement that took locks which others wait for. */
interface Waiting {
  readonly statement: MeasuredStatement;
  readonly place: number;
  readonly doing: string;
  /** The lock that tells of it. */
  readonly hold: Hold;
  /** The other tables that it locked as strongly, by the names of those who wait for them. */
  readonly others: readonly string[];
}

/** What waits for locks, as long as they were held: a sentence for a statement, or for several that are alike. */
function waitsOf(measured: Measured): Risk[] {
  const waiting = measured.statements.flatMap((statement, place) => waitingFor(statement, place, measured));
  const alone: Waiting[] = [];
  for (const each of waiting) {
    // What only locks stays for others of the same transaction: the first of them holds its lock the longest.
    const first = alone.findIndex((other) => isAlike(other, each));
    const found = alone[first];
    if (!found) alone.push(each);
    else alone[first] = { ...found, others: [...found.others, each.hold.table.root, ...each.others] };
  }
  return alone.map((each) => describeWait(each, measured));
}

function isAlike(left: Waiting, right: Waiting): boolean {
  const { transaction } = left.statement;
  return (
    transaction !== undefined &&
    transaction === right.statement.transaction &&
    right.doing === "locks" &&
    blockedBy(left.hold.mode) === blockedBy(right.hold.mode)
  );
}

function waitingFor(statement: MeasuredStatement, place: number, { holds }: Measured): Waiting[] {
  const taken = holds
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
  return [{ statement, place, doing: doingTo(statement, hold.table), hold, others }];
}

function describeWait({ statement, place, doing, hold, others }: Waiting, measured: Measured): Risk {
  const { table, mode, milliseconds } = hold;
  const isAll = blockedBy(mode) === "everything";
  const rewriter = rewriterLater(measured, place, table);
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

function untilWhen({ transaction }: MeasuredStatement): string {
  return transaction === undefined ? "until it is done" : "until the deployment commits";
}

function doingTo({ effects }: MeasuredStatement, table: KnownTable): string {
  const isIn = (tables: readonly KnownTable[]) => tables.some(({ root }) => root === table.root);
  if (isIn(effects.rewritten)) return "rewrites";
  if (isIn(effects.dropped.map((each) => each.table))) return "drops";
  if (isIn(effects.emptied)) return "empties";
  return isIn(effects.scanned) ? "reads all of" : "locks";
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
