import { calledBy, columnsInWords } from "./access-words.js";
import type { AccessChange, Sides } from "./change.js";
import { type Command, type Level, type RowClass, rowClasses } from "./matrix.js";
import { namesOf, type SnapshotCell, type SnapshotRelation } from "./snapshot.js";

/**
 * Tells which columns an identity may read, set or change that it could not, and the other way round.
 * @param isOpened whether a sentence on the rows says so already
 */
export function compareColumns(sides: Sides, command: Command, isOpened: boolean): AccessChange[] {
  if (command === "delete") return [];
  if (command === "update") return compareChanges(sides);
  const { before, after, was, is } = sides;
  const reached = is !== "nothing" && Object.values(is[command].rows).some((level) => level !== "none");
  if (isOpened && reached) return [];
  const name = calledBy(sides.subject);
  const [verb, place] =
    command === "select" ? ["read", `of ${name}`] : ["set", `of rows that it adds to ${name}`];
  const note = reached ? "" : ", though there is no row that it could do so with";
  return difference(
    sides,
    granted(was, command, before),
    granted(is, command, after),
    (columns) => `${verb} ${columns} ${place}${note}`,
  );
}

function granted(
  cell: SnapshotCell | "nothing",
  command: "select" | "insert" | "update",
  { columns }: SnapshotRelation,
): readonly string[] {
  return cell === "nothing" ? [] : namesOf(cell[command].columns, columns);
}

/** Which columns can be changed was measured row by row; what owns a row is told apart from the others. */
function compareChanges(sides: Sides): AccessChange[] {
  const { before, after, was, is, subject } = sides;
  const name = calledBy(subject);
  const owning = ownerColumns(is).concat(ownerColumns(was));
  return rowClasses.flatMap((rows) => {
    const [from, to] = [level(was, rows), level(is, rows)];
    if (from === undefined || to === undefined || from === "none" || to === "none") return [];
    const isTried = (each: Level) => each === "all" || each === "some";
    const changed = (cell: SnapshotCell | "nothing", relation: SnapshotRelation) => {
      if (cell === "nothing") return [];
      // Where no row was there to try it on, the grant is all there is.
      const columns =
        isTried(from) && isTried(to) ? (cell.update.changes?.[rows] ?? []) : cell.update.columns;
      return namesOf(columns, relation.columns).filter((column) => !owning.includes(column));
    };
    const place = {
      own: `of their own rows of ${name}`,
      others: `of other people's rows of ${name}`,
      nobodys: `of rows of ${name} that belong to nobody`,
      rows: `of ${name}`,
    }[rows];
    const unclear = is === "nothing" ? [] : (is.update.unclear?.[rows] ?? []);
    return difference(
      sides,
      changed(was, before),
      changed(is, after),
      (columns) => `change ${columns} ${place}`,
      unclear,
    );
  });
}

function level(cell: SnapshotCell | "nothing", rows: RowClass): Level | undefined {
  return cell === "nothing" ? "none" : cell.update.rows[rows];
}

function ownerColumns(cell: SnapshotCell | "nothing"): string[] {
  if (cell === "nothing" || typeof cell.update.ownership === "string") return [];
  return Object.values(cell.update.ownership).flat();
}

/** @param unclear columns of which it can no longer be told */
function difference(
  { identity, subject, after }: Sides,
  had: readonly string[],
  has: readonly string[],
  inWords: (columns: string) => string,
  unclear: readonly string[] = [],
): AccessChange[] {
  const more = has.filter((column) => !had.includes(column));
  // A column that was dropped is out of everybody's reach.
  const less = had.filter((column) => !has.includes(column) && after.columns.includes(column));
  const lost = less.filter((column) => !unclear.includes(column));
  const untold = less.filter((column) => unclear.includes(column));
  const changes: AccessChange[] = [];
  const add = (kind: AccessChange["kind"], start: string, columns: readonly string[]) => {
    if (columns.length === 0) return;
    const sentence = `${start} ${inWords(columnsInWords(columns))}`;
    changes.push({ identity, subject, kind, sentence, fails: true });
  };
  add("gained", `${identity} can now`, more);
  add("undecided", `it can no longer be told whether ${identity} can`, untold);
  add("lost", `${identity} can no longer`, lost);
  return changes;
}
