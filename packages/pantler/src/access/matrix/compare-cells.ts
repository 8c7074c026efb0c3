import { calledBy, columnsInWords, deed, deedOnAll } from "./access-words.js";
import type { AccessChange, Sides } from "./change.js";
import { compareColumns } from "./compare-columns.js";
import {
  type Command,
  commands,
  type Level,
  type OwnershipChange,
  type RowClass,
  rowClasses,
} from "./matrix.js";
import { namesOf, type SnapshotCell, type SnapshotCommand, type SnapshotRelation } from "./snapshot.js";

/** How what is allowed of one class moved. */
interface Move {
  readonly rows: RowClass;
  readonly from: Level;
  readonly to: Level;
}

/** Tells what has become different for one identity and one relation. */
export function compareCells(
  identity: string,
  subject: string,
  before: SnapshotRelation,
  after: SnapshotRelation,
): AccessChange[] {
  const was = before.access[identity];
  const is = after.access[identity];
  // A matrix of only some identities says nothing of the others.
  if (was === undefined || is === undefined) return [];
  const sides = { identity, subject, before, after, was, is };
  const changes = commands.flatMap((command) => {
    const moves = movesOf(sides, command);
    return [...compareLevels(sides, command, moves), ...compareColumns(sides, command, isOpened(moves))];
  });
  changes.push(...compareOwnership(sides));
  if (changes.length === 0 && before.rules !== after.rules) changes.push(...compareRules(sides));
  return changes;
}

function isKnown(level: Level): boolean {
  return level === "all" || level === "some" || level === "none";
}

/** Whether everything that is allowed now was refused before; a sentence on the rows then says it all. */
function isOpened(moves: readonly Move[]): boolean {
  return moves.every(({ from }) => from === "none") || moves.every(({ to }) => to === "none");
}

function movesOf({ was, is }: Sides, command: Command): Move[] {
  const known = is === "nothing" ? was : is;
  if (known === "nothing") return [];
  return rowClasses
    .filter((rows) => known[command].rows[rows] !== undefined)
    .map((rows) => ({ rows, from: levelOf(was, command, rows), to: levelOf(is, command, rows) }));
}

function levelOf(cell: SnapshotCell | "nothing", command: Command, rows: RowClass): Level {
  if (cell === "nothing") return "none";
  const found: SnapshotCommand["rows"] = cell[command].rows;
  if (found[rows] !== undefined) return found[rows];
  if (found.rows !== undefined) return found.rows;
  // Owners became known, or are no longer: what held for every row still tells.
  const levels = [...new Set(Object.values(found))];
  return rows === "rows" && levels.length === 1 && levels[0] ? levels[0] : "undecided";
}

function compareLevels(sides: Sides, command: Command, moves: readonly Move[]): AccessChange[] {
  const moved = moves.filter(({ from, to }) => from !== to && (isKnown(from) || isKnown(to)));
  const [first] = moved;
  const isAlike =
    moves.length > 1 &&
    moved.length === moves.length &&
    moved.every(({ from, to }) => from === first?.from && to === first.to);
  if (first && isAlike && first.to !== "some") {
    return [moveInWords(sides, command, first, deedOnAll(command, sides.subject))];
  }
  return moved.map((move) => {
    const level = isKnown(move.to) && move.to !== "none" ? move.to : "all";
    return moveInWords(sides, command, move, deed(command, move.rows, sides.subject, level));
  });
}

function moveInWords(sides: Sides, command: Command, { from, to }: Move, what: string): AccessChange {
  const { identity, subject, is } = sides;
  const change = (kind: AccessChange["kind"], sentence: string, fails = true): AccessChange => ({
    identity,
    subject,
    kind,
    sentence,
    fails,
  });
  if (!isKnown(to)) {
    const why = to === "no rows" ? ": there is no row to try it on" : "";
    return change("undecided", `it can no longer be told whether ${identity} can ${what}${why}`);
  }
  if (!isKnown(from)) {
    const note = "which could not be told before";
    return to === "none"
      ? change("undecided", `${identity} cannot ${what}, ${note}`, false)
      : change("gained", `${identity} can ${what}, ${note}`);
  }
  const only = from === "none" ? limitOf(is, command, sides.after) : "";
  if (from === "none") return change("gained", `${identity} can now ${what}${only}`);
  if (to === "none") return change("lost", `${identity} can no longer ${what}`);
  return from === "some"
    ? change("gained", `${identity} can now ${what}, not only some`)
    : change("lost", `${identity} can now only ${what}`);
}

/** The columns that are meant, where they are not all. */
function limitOf(cell: SnapshotCell | "nothing", command: Command, relation: SnapshotRelation): string {
  const columns = cell === "nothing" ? undefined : cell[command].columns;
  return columns === undefined ? "" : ` (only ${columnsInWords(namesOf(columns, relation.columns))})`;
}

const owning: Readonly<Record<OwnershipChange, (name: string, columns: string) => string>> = {
  steals: (name, columns) => `take over other people's rows of ${name} (set ${columns} to themselves)`,
  claims: (name, columns) => `take rows of ${name} that belong to nobody (set ${columns} to themselves)`,
  "gives away": (name, columns) => `give their own rows of ${name} away (set ${columns} to somebody else)`,
};

function compareOwnership({ identity, subject, was, is }: Sides): AccessChange[] {
  const before = was === "nothing" ? "keeps" : was.update.ownership;
  const after = is === "nothing" ? "keeps" : is.update.ownership;
  const change = (kind: AccessChange["kind"], sentence: string): AccessChange => ({
    identity,
    subject,
    kind,
    sentence,
    fails: true,
  });
  if (after === "undecided") {
    if (before === "undecided") return [];
    return [
      change(
        "undecided",
        `it can no longer be told whether ${identity} can change whose a row of ${calledBy(subject)} is`,
      ),
    ];
  }
  const had = typeof before === "string" ? {} : before;
  const has = typeof after === "string" ? {} : after;
  return (["steals", "claims", "gives away"] as const).flatMap((each): AccessChange[] => {
    const more = (has[each] ?? []).filter((column) => !had[each]?.includes(column));
    const less = (had[each] ?? []).filter((column) => !has[each]?.includes(column));
    const say = (columns: readonly string[]) => owning[each](calledBy(subject), columns.join(", "));
    return [
      ...(more.length > 0 ? [change("gained", `${identity} can now ${say(more)}`)] : []),
      ...(less.length > 0 ? [change("lost", `${identity} can no longer ${say(less)}`)] : []),
    ];
  });
}

/** Where nothing can be told from rows, a change of the rules themselves is all that can be. */
function compareRules({ identity, subject, is }: Sides): AccessChange[] {
  if (is === "nothing") return [];
  const open = commands.filter((command) => Object.values(is[command].rows).some((level) => !isKnown(level)));
  if (open.length === 0) return [];
  const sentence = `the rules of ${calledBy(subject)} changed, and what that means for ${identity} could not be found out (${open.join(", ")})`;
  return [{ identity, subject, kind: "undecided", sentence, fails: true }];
}
