import { atMost } from "../../operation/index.js";
import { type Command, commands, type Level, type RowClass, rowClasses } from "./matrix.js";
import { namesOf, type SnapshotCell, type SnapshotCommand, type SnapshotRelation } from "./snapshot.js";

/** Columns are named up to so many. */
const namedColumns = 6;

/** A relation as people call it: without `public`. */
export function calledBy(title: string): string {
  return title.startsWith("public.") ? title.slice("public.".length) : title;
}

const verbs: Readonly<Record<Command, string>> = {
  select: "read",
  insert: "add",
  update: "change",
  delete: "delete",
};

/** What is done to which rows, such as `delete other people's rows of invoices`. */
export function deed(command: Command, rows: RowClass, relation: string, level: Level): string {
  const name = calledBy(relation);
  if (command === "insert") return `add ${added(rows, name)}`;
  const some = level === "some" ? "some of " : "";
  return `${verbs[command]} ${some}${whose(rows, name)}`;
}

function whose(rows: RowClass, name: string): string {
  switch (rows) {
    case "own":
      return `their own rows of ${name}`;
    case "others":
      return `other people's rows of ${name}`;
    case "nobodys":
      return `rows of ${name} that belong to nobody`;
    case "rows":
      return `the rows of ${name}`;
  }
}

function added(rows: RowClass, name: string): string {
  switch (rows) {
    case "own":
      return `rows of their own to ${name}`;
    case "others":
      return `rows to ${name} in other people's names`;
    case "nobodys":
      return `rows to ${name} that belong to nobody`;
    case "rows":
      return `rows to ${name}`;
  }
}

/** The same where it holds for whosever rows. */
export function deedOnAll(command: Command, relation: string): string {
  const name = calledBy(relation);
  if (command === "insert") return `add any row to ${name}`;
  return command === "select" ? `read all of ${name}` : `${verbs[command]} any row of ${name}`;
}

export function columnsInWords(names: readonly string[]): string {
  return `the ${names.length === 1 ? "column" : "columns"} ${atMost(names, namedColumns).join(", ")}`;
}

/** Everything that a cell allows, in words; empty where it allows nothing. */
export function cellInWords(
  cell: SnapshotCell | "nothing" | undefined,
  relation: SnapshotRelation,
  title: string,
): string[] {
  if (cell === undefined || cell === "nothing") return [];
  const found = commands.map((command) => ({ command, ...allowedBy(cell[command]) }));
  const only = (command: Command) => {
    const { columns } = cell[command];
    return columns === undefined ? "" : ` (${columnsInWords(namesOf(columns, relation.columns))})`;
  };
  const whole = found
    .filter(({ command, isAll }) => isAll && only(command) === "")
    .map(({ command }) => command);
  const parts = found
    .filter(({ command, classes }) => classes.length > 0 && !(whole.length > 1 && whole.includes(command)))
    .map(({ command, isAll, classes }) => {
      const deeds = isAll
        ? [deedOnAll(command, title)]
        : classes.map((each) => deed(command, each, title, cell[command].rows[each] ?? "none"));
      return `${deeds.join(" and ")}${only(command)}`;
    });
  if (whole.length < 2) return parts;
  const last = whole.map((command) => verbs[command]);
  return [`${last.slice(0, -1).join(", ")} and ${last.at(-1)} any row of ${calledBy(title)}`, ...parts];
}

function allowedBy({ rows }: SnapshotCommand): { classes: RowClass[]; isAll: boolean } {
  const present = rowClasses.filter((each) => rows[each] !== undefined);
  const classes = present.filter((each) => rows[each] === "all" || rows[each] === "some");
  const isAll = classes.length > 0 && present.every((each) => rows[each] === "all");
  return { classes, isAll };
}
