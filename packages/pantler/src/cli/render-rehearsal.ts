import type { Rehearsal } from "../index.js";
import { effectOf, isNotable, modeInWords, placeOf, rollbackInWords } from "../migrations/index.js";
import { counted, grouped, timeInWords } from "../operation/index.js";
import { type Cell, inColumns, printable } from "./columns.js";
import type { Paint } from "./output.js";

/** So many lines of a kind are listed on a terminal; the report's file has them all. */
const listed = 12;

/** A rehearsal for a terminal, what is riskiest first. */
export function renderRehearsed(rehearsal: Rehearsal, paint: Paint): string {
  const { migrations, milliseconds, risks, unfaithful } = rehearsal;
  if (migrations.length === 0) return `${paint.good("✓")} nothing is pending`;
  const headline = `${paint.good("✓")} ${counted(migrations.length, "migration")} rehearsed in ${timeInWords(milliseconds)}`;
  const calm = `  ${paint.good("·")} no lock was held for long on a table that was there before`;
  return [
    headline,
    ...(risks.length > 0 ? risks.map((risk) => `  ${paint.warning("!")} ${printable(risk)}`) : [calm]),
    ...statementLines(rehearsal, paint),
    ...tableLines(rehearsal, paint),
    ...rowLines(rehearsal, paint),
    ...checkLines(rehearsal, paint),
    ...rollbackLines(rehearsal, paint),
    ...unfaithful.map((why) => `  ${paint.warning("!")} ${printable(why)}`),
  ].join("\n");
}

function statementLines({ statements }: Rehearsal, paint: Paint): string[] {
  const rows = statements
    .filter(isNotable)
    .sort((left, right) => right.milliseconds - left.milliseconds)
    .map((statement): Cell[] => [
      { text: `  ${placeOf(statement)}` },
      { text: timeInWords(statement.milliseconds), right: true },
      { text: statement.blocks === "nothing" ? "" : `blocks ${statement.blocks}`, paint: paint.warning },
      { text: effectOf(statement) || statement.text, paint: paint.dim },
    ]);
  return titled("statements that take a strong lock or their time", rows, paint);
}

function tableLines({ tables }: Rehearsal, paint: Paint): string[] {
  const rows = tables.map(({ table, rows: count, mode, heldMilliseconds, ...place }): Cell[] => [
    { text: `  ${table}` },
    { text: counted(count, "row"), right: true },
    { text: modeInWords(mode) },
    { text: timeInWords(heldMilliseconds), right: true },
    { text: placeOf(place), paint: paint.dim },
  ]);
  return titled("locked tables", rows, paint);
}

function rowLines({ rows }: Rehearsal, paint: Paint): string[] {
  const changed = rows
    .filter((table) => table.changed)
    .map(({ schema, name, before, after }): Cell[] => [
      { text: `  ${schema}.${name}` },
      { text: before === null ? "new" : grouped(before), right: true },
      { text: after === null ? "gone" : `→ ${grouped(after)} rows` },
    ]);
  return titled("tables whose content changes", changed, paint);
}

function checkLines({ checks }: Rehearsal, paint: Paint): string[] {
  const failed = checks.filter(({ outcome }) => outcome === "failed").length;
  if (checks.length === 0) return [];
  return failed === 0
    ? ["", `${paint.good("✓")} ${counted(checks.length, "check")} passed`]
    : ["", `${paint.bad("✗")} ${failed} of ${counted(checks.length, "check")} failed`];
}

function rollbackLines(rehearsal: Rehearsal, paint: Paint): string[] {
  const { status, details } = rehearsal.rollback;
  const mark = status === "proven" ? paint.good("✓") : paint.warning("!");
  const rest = details.length - listed;
  return [
    `${mark} ${rollbackInWords(rehearsal)}`,
    ...details.slice(0, listed).map((detail) => `  ${paint.warning("·")} ${printable(detail)}`),
    ...(rest > 0 ? [`  ${paint.warning("·")} and ${rest} more`] : []),
  ];
}

function titled(title: string, rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  if (rows.length === 0) return [];
  const rest = rows.length - listed;
  return [
    "",
    paint.bold(title),
    ...inColumns(rows.slice(0, listed)),
    ...(rest > 0 ? [paint.dim(`  and ${rest} more`)] : []),
  ];
}
