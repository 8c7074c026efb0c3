import { counted, timeInWords } from "../../operation/index.js";
import { blockedBy, isBeyondReading } from "./lock-modes.js";
import type { LockMode, Rehearsal, RehearsedStatement } from "./rehearsal.js";
import { placeOf } from "./words.js";

/** A statement that takes longer than this is shown whatever it locks, in milliseconds. */
const slow = 100;

/** Whether a statement is worth a line in a report: it keeps others from something, or takes its time. */
export function isNotable({ locks, milliseconds, rewritten }: RehearsedStatement): boolean {
  const locksOut = locks.some(({ mode }) => ["everything", "writes"].includes(blockedBy(mode)));
  return locksOut || rewritten.length > 0 || milliseconds >= slow;
}

/** The mode of a lock in the words of SQL's `lock table`. */
export function modeInWords(mode: LockMode): string {
  return mode
    .slice(0, -"Lock".length)
    .replaceAll(/(?!^)[A-Z]/g, (letter) => ` ${letter}`)
    .toLowerCase();
}

/** What a statement does to tables, in a few words. */
export function effectOf({ rewritten, scanned, rows }: RehearsedStatement): string {
  const written = rows.map(({ table, inserted, updated, deleted }) => {
    const parts = [
      ...(inserted > 0 ? [`+${inserted.toLocaleString("en-US")}`] : []),
      ...(updated > 0 ? [`~${updated.toLocaleString("en-US")}`] : []),
      ...(deleted > 0 ? [`-${deleted.toLocaleString("en-US")}`] : []),
    ];
    return `${parts.join(" ")} rows of ${table}`;
  });
  const read = scanned.filter((table) => !rewritten.includes(table));
  return [
    ...(rewritten.length > 0 ? [`rewrites ${rewritten.join(", ")}`] : []),
    ...(read.length > 0 ? [`reads all of ${read.join(", ")}`] : []),
    ...written,
  ].join("; ");
}

/** What the rollback came to, in a sentence. */
export function rollbackInWords({ migrations, rollback: { status } }: Rehearsal): string {
  if (migrations.length === 0) return "There was nothing to roll back.";
  switch (status) {
    case "proven":
      return "The rollback scripts bring back the schema and every row; the migrations then apply again.";
    case "missing":
      return "There is no way back by script: a rollback script is missing.";
    case "failed":
      return "There is no way back by script: it failed.";
    case "schema-differs":
      return "The rollback scripts do not bring back the schema.";
    case "rows-differ":
      return "The rollback scripts bring back the schema, but not every row.";
  }
}

/** A rehearsal as Markdown, for the summary of a CI run and for a report's file. */
export function renderRehearsal(rehearsal: Rehearsal): string {
  const { migrations, milliseconds, risks, unfaithful } = rehearsal;
  const sections = [
    `# Rehearsal of ${counted(migrations.length, "migration")}`,
    migrations.length === 0
      ? "Nothing is pending."
      : `${migrations.map(code).join(", ")}: applied to a copy in ${timeInWords(milliseconds)}, checks and rollback included.`,
    section("What others will notice", [
      risks.length === 0
        ? "Nothing: no lock was held for long on a table that was there before."
        : risks.map((risk, place) => `${place + 1}. ${escaped(risk)}`).join("\n"),
    ]),
    ...statementSection(rehearsal),
    ...tableSection(rehearsal),
    ...rowSection(rehearsal),
    ...checkSection(rehearsal),
    section("The way back", [
      rollbackInWords(rehearsal),
      ...(rehearsal.rollback.details.length > 0 ? [list(rehearsal.rollback.details)] : []),
    ]),
    ...(unfaithful.length > 0
      ? [section("Where the environment may behave differently", [list(unfaithful)])]
      : []),
  ];
  return `${sections.join("\n\n")}\n`;
}

function statementSection({ statements }: Rehearsal): string[] {
  const notable = statements.filter(isNotable);
  const others = statements.length - notable.length;
  if (notable.length === 0) return [];
  const rows = notable.map((statement) => [
    `${code(placeOf(statement))} ${code(statement.text)}`,
    timeInWords(statement.milliseconds),
    statement.locks
      .filter(({ mode }) => isBeyondReading(mode))
      .map(({ table, mode }) => `${code(table)} ${modeInWords(mode)}`)
      .join("<br>"),
    escaped(statement.blocks),
    escaped(effectOf(statement)),
  ]);
  const rest = others > 0 ? [`${counted(others, "other statement")} did neither.`] : [];
  return [
    section("Statements that take a strong lock or their time", [
      table(["statement", "time", "locks", "blocks", "does"], rows),
      ...rest,
    ]),
  ];
}

function tableSection({ tables }: Rehearsal): string[] {
  if (tables.length === 0) return [];
  const rows = tables.map(({ table: name, rows: count, mode, heldMilliseconds, ...place }) => [
    code(name),
    count.toLocaleString("en-US"),
    modeInWords(mode),
    timeInWords(heldMilliseconds),
    code(placeOf(place)),
  ]);
  return [section("Locked tables", [table(["table", "rows", "lock", "held for", "taken by"], rows)])];
}

function rowSection({ rows }: Rehearsal): string[] {
  const changed = rows.filter(({ changed }) => changed);
  if (changed.length === 0) return [];
  const lines = changed.map(({ schema, name, before, after }) => [
    code(`${schema}.${name}`),
    before?.toLocaleString("en-US") ?? "not there",
    after?.toLocaleString("en-US") ?? "gone",
  ]);
  return [section("Tables whose content changes", [table(["table", "rows before", "rows after"], lines)])];
}

function checkSection({ checks }: Rehearsal): string[] {
  if (checks.length === 0) return [];
  const slowest = [...checks].sort((left, right) => right.milliseconds - left.milliseconds)[0];
  const failed = checks.filter(({ outcome }) => outcome === "failed").length;
  const outcome = failed === 0 ? "All passed" : `${failed} failed`;
  const words = `${counted(checks.length, "check")}. ${outcome}; the slowest took ${timeInWords(slowest?.milliseconds ?? 0)}: ${escaped(slowest?.title ?? "")}.`;
  return [section("Checks", [words])];
}

function section(title: string, paragraphs: readonly string[]): string {
  return [`## ${title}`, ...paragraphs].join("\n\n");
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${escaped(line)}`).join("\n");
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heading), line(heading.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Inside of a word a low line means nothing. */
const marks = /[\\`*{}[\]<>|#&]|(?<![a-z0-9])_|_(?![a-z0-9])/gi;

/** What has a meaning in Markdown, or in the HTML that it may hold, loses it; a line stays one line. */
function escaped(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ").replaceAll(marks, (mark) => `&#${mark.codePointAt(0)};`);
}

/** Names and SQL, as HTML: a code span of Markdown cannot hold every text in a table's cell. */
function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}
