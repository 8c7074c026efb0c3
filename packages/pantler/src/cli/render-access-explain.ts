import { planLines } from "../access/index.js";
import type { AccessExplanation, AccessReading, IndexTrial } from "../index.js";
import { counted, grouped, timeInWords } from "../operation/index.js";
import { inColumns, printable } from "./columns.js";
import type { Paint } from "./output.js";

/** What a JSON result says of an explanation. */
export function explanationFields(explanation: AccessExplanation): Record<string, unknown> {
  return { ...explanation };
}

/** The policies, the rows, the plan with its costs, and the index that would help. */
export function renderExplanation(explanation: AccessExplanation, paint: Paint): string {
  const { table, identity, rows, failure, reading, trial } = explanation;
  const who = identity.name === identity.role ? identity.name : `${identity.name} (${identity.role})`;
  const lines = [
    paint.bold(printable(`${table.schema}.${table.name} as ${who}`)),
    ...ruleLines(explanation, paint),
  ];
  if (rows) {
    const seen = rows.seen === undefined ? "an unknown number" : grouped(rows.seen);
    const of = rows.of === undefined ? "" : ` of ${counted(rows.of, "row")}`;
    lines.push("", `${paint.bold("sees")} ${seen}${of}${rows.note === undefined ? "" : `. ${rows.note}`}`);
  }
  if (failure) lines.push("", `${paint.bad("✗")} ${printable(failure.sentence)}`);
  if (reading) lines.push(...readingLines(reading, paint));
  if (trial) lines.push(...trialLines(trial, paint));
  return lines.join("\n");
}

function ruleLines({ commands, rowSecurity }: AccessExplanation, paint: Paint): string[] {
  const { enabled, forced, owner } = rowSecurity;
  const state = enabled ? `on${forced ? ", forced on the owner too" : ""}` : "off";
  const policies = new Map(
    commands
      .flatMap(({ permissive, restrictive }) => [...permissive, ...restrictive])
      .map((each) => [each.name, each]),
  );
  const expressions = commands.flatMap(({ command, permissive, restrictive }) =>
    [...permissive, ...restrictive].map(({ name, using, check }) => ({ command, name, using, check })),
  );
  return [
    `row security is ${state}; the owner is ${printable(owner)}`,
    "",
    ...inColumns(
      commands.map(({ command, sentence }) => [
        { text: `  ${command}`, paint: paint.bold },
        { text: sentence },
      ]),
    ),
    ...[...policies.values()].flatMap(({ name, permissive, roles }) => {
      const own = expressions.filter((each) => each.name === name);
      const using = own.find((each) => each.using !== undefined)?.using;
      const check = own.find((each) => each.check !== undefined && each.check !== using)?.check;
      return [
        `  ${printable(JSON.stringify(name))} ${paint.dim(`${permissive ? "permissive" : "restrictive"}, for ${printable(roles.join(", "))}`)}`,
        ...(using === undefined ? [] : [`    using ${oneLine(using)}`]),
        ...(check === undefined ? [] : [`    with check ${oneLine(check)}`]),
      ];
    }),
  ];
}

function readingLines(reading: AccessReading, paint: Paint): string[] {
  const { withRowSecurity, sameRows, wholeTable, overhead, compared, costs, onceForAll } = reading;
  const times = [
    ["as the identity", withRowSecurity],
    ["the same rows without row security", sameRows],
    ["the whole table without row security", wholeTable],
  ] as const;
  return [
    "",
    paint.bold("reading it"),
    ...inColumns(
      times.flatMap(([name, each]) =>
        each
          ? [
              [
                { text: `  ${name}` },
                { text: precise(each.milliseconds), right: true },
                { text: counted(each.rows, "row"), right: true },
              ],
            ]
          : [],
      ),
    ),
    ...(overhead === undefined ? [] : [`  row security adds ${precise(Math.max(overhead, 0))}`]),
    `  ${paint.dim(compared)}`,
    ...planLines(withRowSecurity.plan).map((line) => `  ${paint.dim("│")} ${printable(line)}`),
    ...costs.map(({ sentence }) => `${paint.warning("!")} ${printable(sentence)}`),
    ...(costs.length === 0
      ? [
          `${paint.good("✓")} nothing in the plan is done for each row${onceForAll ? "; who is asking is worked out once" : ""}`,
        ]
      : []),
  ];
}

function trialLines({ sentence, tried, best, costs, notes }: IndexTrial, paint: Paint): string[] {
  return [
    "",
    paint.bold("indexes, tried on a copy"),
    `  ${sentence}`,
    ...inColumns(
      tried.map(({ statement, milliseconds, used }) => [
        { text: `  ${precise(milliseconds)}`, right: true },
        { text: used ? "used" : "not used", paint: used ? paint.good : paint.dim },
        { text: statement },
      ]),
    ),
    ...(best ? [] : costs.map((cost) => `${paint.warning("!")} ${printable(cost.sentence)}`)),
    ...notes.map((note) => `  ${paint.dim(printable(note))}`),
    ...(best ? [`${paint.good("→")} ${paint.bold(printable(`${best.statement};`))}`] : []),
  ];
}

function precise(milliseconds: number): string {
  return milliseconds < 100 ? `${milliseconds.toFixed(2)} ms` : timeInWords(milliseconds);
}

function oneLine(expression: string): string {
  return printable(expression.replaceAll(/\s+/g, " "));
}
