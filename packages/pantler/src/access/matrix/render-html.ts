import { grouped } from "../../operation/index.js";
import { classInWords, commandInWords, levelInWords } from "./cell-words.js";
import { type AccessMatrix, type Cell, commands, type MeasuredRelation, rowClasses } from "./matrix.js";
import { pageStyle } from "./page-style.js";
import { callInWords, type Extent, extentInWords, extentOf, extents, remarksOf, titleOf } from "./summary.js";

const classes: Readonly<Record<Extent, string>> = {
  all: "all",
  some: "some",
  own: "own",
  none: "none",
  "no rows": "empty",
  undecided: "unknown",
};

/**
 * Tells a matrix as a page that needs nothing else: a grid whose cells open on what is behind them, and a legend.
 * @param name what the project is called
 */
export function renderMatrixHtml(matrix: AccessMatrix, name: string): string {
  const known = matrix.identities.filter(({ role }) => role !== undefined);
  const names = known.map((each) => each.name);
  const remarks = remarksOf(matrix);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(name)}: access matrix</title>
<style>${pageStyle}</style>
</head>
<body>
<h1>${text(name)}: who can see and change what</h1>
<p>Measured by trying, as each identity, in transactions that were rolled back. Open a row for whose rows are meant.</p>
${legend()}
<table>
<thead><tr><th></th>${known
    .map((each) => `<th scope="col">${text(each.name)}<small>${text(each.role ?? "")}</small></th>`)
    .join("")}</tr></thead>
${matrix.relations.map((relation) => relationRows(relation, names)).join("\n")}
</table>
${functionTable(matrix, names)}
${remarks.length === 0 ? "" : `<h2>Remarks</h2>\n<ul>\n${remarks.map((each) => `<li>${text(each)}</li>`).join("\n")}\n</ul>`}
</body>
</html>
`;
}

function legend(): string {
  const letters = commands.map((command) => `<b>${commandInWords[command]}</b>`).join(", ");
  const parts = extents.map(
    (extent) => `<span><i class="${classes[extent]}"></i>${text(extentInWords[extent])}</span>`,
  );
  return `<p class="legend">In each cell: ${letters}. ${parts.join(" ")}</p>`;
}

function relationRows(relation: MeasuredRelation, names: readonly string[]): string {
  const cells = names.map((name) => {
    const cell = relation.cells[name];
    return `<td>${cell ? cellOf(cell) : ""}</td>`;
  });
  return `<tbody><tr><th scope="row">${text(titleOf(relation))}<small>${relation.kind}</small></th>${cells.join("")}</tr></tbody>`;
}

function cellOf(cell: Cell): string {
  const marks = commands.map((command) => {
    const extent = extentOf(cell, command);
    const title = `${commandInWords[command]}: ${extentInWords[extent]}`;
    return `<i class="${classes[extent]}" title="${text(title)}">${commandInWords[command]}</i>`;
  });
  const flag = cell.update.ownership.steals
    ? `<i class="all" title="another's row can be taken">takes</i>`
    : "";
  const details = commands.map(
    (command) => `<dt>${commandInWords[command]}</dt><dd>${verdicts(cell, command)}</dd>`,
  );
  return `<details><summary>${marks.join("")}${flag}</summary><dl>${details.join("")}</dl></details>`;
}

function verdicts(cell: Cell, command: (typeof commands)[number]): string {
  const parts = rowClasses.flatMap((each) => {
    const verdict = cell[command].verdicts[each];
    if (!verdict) return [];
    const { level, allowed, of, columns } = verdict;
    const counts =
      command === "select" && of !== undefined ? ` (${grouped(allowed ?? 0)} of ${grouped(of)})` : "";
    const which = columns && columns.length > 0 ? `: ${columns.join(", ")}` : "";
    return [`${classInWords[each]} ${levelInWords(command, level)}${counts}${which}`];
  });
  return parts.map(text).join("<br>");
}

function functionTable({ functions }: AccessMatrix, names: readonly string[]): string {
  if (functions.length === 0) return "";
  const rows = functions.map((each) => {
    const cells = names.map((name) => {
      const call = each.calls[name];
      const mark = !call?.callable ? "none" : call.returns === "rows" ? "some" : "own";
      return `<td><i class="${mark}">${text(callInWords(each, name))}</i></td>`;
    });
    const owner = each.definer ? "<small>runs as its owner</small>" : "";
    return `<tr><th scope="row">${text(each.name)}${owner}</th>${cells.join("")}</tr>`;
  });
  const head = names.map((name) => `<th scope="col">${text(name)}</th>`).join("");
  return `<h2>Functions</h2>\n<table>\n<thead><tr><th></th>${head}</tr></thead>\n<tbody>${rows.join("\n")}</tbody>\n</table>`;
}

/** Names may hold anything, what a page takes for its own included. */
function text(words: string): string {
  return words
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
