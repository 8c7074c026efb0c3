import type { Command, Level, RowClass } from "./matrix.js";

export const commandInWords: Readonly<Record<Command, string>> = {
  select: "read",
  insert: "add",
  update: "change",
  delete: "delete",
};

export const classInWords: Readonly<Record<RowClass, string>> = {
  own: "own:",
  others: "others':",
  nobodys: "nobody's:",
  rows: "rows:",
};

/** A level in a word; rows are added or not, there is no all of them. */
export function levelInWords(command: Command, level: Level): string {
  if (command === "insert" && level === "all") return "yes";
  if (command === "insert" && level === "none") return "no";
  return level === "undecided" ? "not known" : level;
}
