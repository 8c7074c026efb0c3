import { callInWords, extentOf, relationTitle, remarksOf } from "../access/index.js";
import type { AccessChange, AccessMatrix, Cell, MatrixExtent, MeasuredRelation } from "../index.js";
import { counted } from "../operation/index.js";
import { type Cell as ColumnCell, inColumns, printable } from "./columns.js";
import type { Paint } from "./output.js";

/** What a JSON result says of a matrix, and of how it differs from what was agreed on. */
export function matrixFields(
  matrix: AccessMatrix,
  changes: readonly AccessChange[] | undefined,
  isAgreed: boolean,
): Record<string, unknown> {
  return { ok: isAgreed, ...(changes ? { changes } : {}), matrix };
}

/** The grid of tables and identities, what it cannot show, the functions, and the changes. */
export function renderMatrix(matrix: AccessMatrix, paint: Paint, width: number): string {
  const lines = [...grids(matrix, paint, width), "", ...legend(paint)];
  const functions = matrix.functions.filter(({ calls }) =>
    Object.values(calls).some(({ callable }) => callable),
  );
  if (functions.length > 0) lines.push("", ...functionLines(matrix, functions, paint, width));
  const remarks = remarksOf(matrix);
  if (remarks.length > 0)
    lines.push("", ...remarks.map((each) => `${paint.warning("!")} ${printable(each)}`));
  return lines.join("\n");
}

const letters = [
  ["insert", "C"],
  ["select", "R"],
  ["update", "U"],
  ["delete", "D"],
] as const;

/** As many identities beside each other as fit. */
function grids(matrix: AccessMatrix, paint: Paint, width: number): string[] {
  const titles = matrix.relations.map(relationTitle);
  const first = Math.max(8, ...titles.map((title) => title.length));
  const names = matrix.identities.filter(({ role }) => role !== undefined).map(({ name }) => name);
  const blocks: string[][] = [[]];
  let used = first;
  for (const name of names) {
    const needed = Math.max(name.length, 5) + 2;
    if (used + needed > width && blocks.at(-1)?.length !== 0) {
      blocks.push([]);
      used = first;
    }
    used += needed;
    blocks.at(-1)?.push(name);
  }
  return blocks.flatMap((block, at) => [...(at > 0 ? [""] : []), ...grid(matrix.relations, block, paint)]);
}

function grid(relations: readonly MeasuredRelation[], names: readonly string[], paint: Paint): string[] {
  const head: ColumnCell[] = ["", ...names].map((text) => ({ text, paint: paint.bold }));
  const rows = relations.map((relation): ColumnCell[] => [
    { text: relationTitle(relation) },
    ...names.map((name) => {
      const cell = relation.cells[name];
      if (!cell) return { text: "" };
      const symbols = symbolsOf(cell);
      return {
        text: symbols.join(""),
        paint: () => symbols.map((symbol) => painted(symbol, paint)).join(""),
      };
    }),
  ]);
  return inColumns([head, ...rows]);
}

/** Capital: rows that are not its own as well; small: its own only. */
function symbolsOf(cell: Cell): string[] {
  const symbols = letters.map(([command, letter]) => symbolOf(extentOf(cell, command), letter));
  return cell.update.ownership.steals ? [...symbols, "!"] : symbols;
}

function symbolOf(extent: MatrixExtent, letter: string): string {
  switch (extent) {
    case "all":
    case "some":
      return letter;
    case "own":
      return letter.toLowerCase();
    case "none":
      return "·";
    case "no rows":
      return "-";
    case "undecided":
      return "?";
  }
}

function painted(symbol: string, paint: Paint): string {
  if (symbol === "·" || symbol === "-") return paint.dim(symbol);
  if (symbol === "?" || symbol === "R") return paint.warning(symbol);
  if (symbol === "!") return paint.bad(symbol);
  return symbol === symbol.toLowerCase() ? paint.good(symbol) : paint.bad(symbol);
}

function legend(paint: Paint): string[] {
  return [
    paint.dim(
      "C create  R read  U update  D delete    CRUD any rows or some of others'    crud own rows only",
    ),
    paint.dim("· nothing    - no row to try it on    ? not known, see below    ! another's row can be taken"),
  ];
}

function functionLines(
  { identities }: AccessMatrix,
  functions: AccessMatrix["functions"],
  paint: Paint,
  width: number,
): string[] {
  const lines = [paint.bold("functions that can be called")];
  for (const each of functions) {
    const found = new Map<string, string[]>();
    for (const { name, role } of identities) {
      if (role === undefined || !each.calls[name]?.callable) continue;
      const words = callInWords(each, name);
      found.set(words, [...(found.get(words) ?? []), name]);
    }
    const who = [...found].map(([words, names]) => `${names.join(", ")}: ${words}`).join("; ");
    const owner = each.definer ? paint.warning(" as its owner") : "";
    lines.push(`  ${printable(each.name)}${owner}`);
    lines.push(...broken(printable(who), width - 6).map((line) => `      ${paint.dim(line)}`));
  }
  return lines;
}

/** A text in lines of at most so many characters, broken between words. */
function broken(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** How the matrix differs from the snapshot, a line for each change. */
export function renderChanges(changes: readonly AccessChange[], paint: Paint): string {
  if (changes.length === 0) return `${paint.good("✓")} ${paint.bold("as it was agreed on in the snapshot")}`;
  const marks = { gained: paint.bad("+"), undecided: paint.warning("?"), lost: paint.dim("-") };
  const lines = changes.map(({ kind, sentence }) => `${marks[kind]} ${printable(sentence)}`);
  const fails = changes.some((each) => each.fails);
  const verdict = `${counted(changes.length, "change")} since the snapshot`;
  return [...lines, "", `${fails ? paint.bad("✗") : paint.good("✓")} ${paint.bold(verdict)}`].join("\n");
}
