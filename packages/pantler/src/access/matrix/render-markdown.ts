import { grouped } from "../../operation/index.js";
import { classInWords, commandInWords, levelInWords } from "./cell-words.js";
import { type AccessMatrix, commands, type MeasuredRelation, rowClasses } from "./matrix.js";
import { callInWords, extentInWords, extentOf, extents, remarksOf, titleOf } from "./summary.js";

const symbols = { all: "●", some: "◐", own: "○", none: "·", "no rows": "–", undecided: "?" } as const;

/**
 * Tells a matrix as Markdown: an overview, then each table with what each identity may do to whose rows.
 * @param name what the project is called
 */
export function renderMatrixMarkdown(matrix: AccessMatrix, name: string): string {
  const identities = matrix.identities.filter(({ role }) => role !== undefined).map((each) => each.name);
  const lines = [
    `# Access matrix: ${text(name)}`,
    "",
    "Measured by trying, as each identity, in transactions that were rolled back.",
    "",
    `Each cell: ${commands.map((command) => commandInWords[command]).join(", ")}. ${extents
      .map((extent) => `${symbols[extent]} ${extentInWords[extent]}`)
      .join("; ")}.`,
    "",
    row(["", ...identities]),
    row(["---", ...identities.map(() => "---")]),
    ...matrix.relations.map((relation) =>
      row([
        titleOf(relation),
        ...identities.map((identity) => {
          const cell = relation.cells[identity];
          return cell ? commands.map((command) => symbols[extentOf(cell, command)]).join(" ") : "";
        }),
      ]),
    ),
    "",
    ...matrix.relations.flatMap((relation) => relationLines(relation, identities)),
    ...functionLines(matrix, identities),
  ];
  const remarks = remarksOf(matrix);
  if (remarks.length > 0) lines.push("## Remarks", "", ...remarks.map((each) => `- ${text(each)}`), "");
  return `${lines.join("\n").trimEnd()}\n`;
}

function relationLines(relation: MeasuredRelation, identities: readonly string[]): string[] {
  return [
    `## ${text(titleOf(relation))}`,
    "",
    row(["", ...commands.map((command) => commandInWords[command])]),
    row(["---", ...commands.map(() => "---")]),
    ...identities.flatMap((identity) => {
      const cell = relation.cells[identity];
      if (!cell) return [];
      return [
        row([
          identity,
          ...commands.map((command) =>
            rowClasses
              .flatMap((each) => {
                const verdict = cell[command].verdicts[each];
                if (!verdict) return [];
                const counts =
                  command === "select" && verdict.level === "some" && verdict.allowed !== undefined
                    ? ` (${grouped(verdict.allowed)} of ${grouped(verdict.of ?? 0)})`
                    : "";
                return [`${classInWords[each]} ${levelInWords(command, verdict.level)}${counts}`];
              })
              .join(", "),
          ),
        ]),
      ];
    }),
    "",
  ];
}

function functionLines({ functions }: AccessMatrix, identities: readonly string[]): string[] {
  if (functions.length === 0) return [];
  return [
    "## Functions",
    "",
    row(["", ...identities]),
    row(["---", ...identities.map(() => "---")]),
    ...functions.map((each) =>
      row([
        `${each.name}${each.definer ? " (as its owner)" : ""}`,
        ...identities.map((identity) => callInWords(each, identity)),
      ]),
    ),
    "",
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map(text).join(" | ")} |`;
}

/** Names may hold anything, what Markdown takes for its own included. */
function text(words: string): string {
  return words.replaceAll(/[\r\n]+/g, " ").replaceAll(/[\\|*_`<>[\]]/g, "\\$&");
}
