import { usersInWords } from "../environments/index.js";
import type { ComparedTable, ParityResult, Project, RowDifference } from "../index.js";
import { grouped } from "../operation/index.js";
import { printable } from "./columns.js";
import type { Paint } from "./output.js";
import { shortName } from "./short-name.js";

/** What a JSON result says of a comparison. */
export function parityFields(result: ParityResult): Record<string, unknown> {
  return { ...result };
}

/** A line for each table, users, schema and migrations, and what it comes to. */
export function renderParity(result: ParityResult, project: Project, paint: Paint): string {
  const { left, right, tables, users, schema, ledger, equal } = result;
  const lines = tables.flatMap((table) => tableLines(table, result, paint));
  if (users.which !== "none") {
    lines.push("", `${capital(usersInWords(project, users.which))}:`);
    if (users.tables.length === 0) lines.push(`  ${paint.dim("one of the two has none of Supabase's")}`);
    lines.push(...users.tables.flatMap((table) => tableLines(table, result, paint)));
    lines.push(...addresses(result, paint));
  }
  lines.push("", `${mark(schema.equal, paint)} schema: ${describeSchema(result)}`);
  lines.push(...schema.differences.slice(0, namedAtMost).map((each) => `    ${printable(each)}`));
  if (schema.differences.length > namedAtMost) {
    lines.push(`    and ${schema.differences.length - namedAtMost} more`);
  }
  lines.push(`${mark(ledger.equal, paint)} migrations: ${ledger.common} in both`);
  for (const [name, only] of [
    [left, ledger.onlyLeft],
    [right, ledger.onlyRight],
  ] as const) {
    for (const each of only) lines.push(`    ${each.version} ${printable(each.name)}: only in ${name}`);
  }
  const verdict = equal ? "are the same" : "are not the same";
  return [...lines, "", `${mark(equal, paint)} ${paint.bold(`${left} and ${right} ${verdict}`)}`].join("\n");
}

/** So many differences of a schema, and so many addresses, are named. */
const namedAtMost = 20;

function mark(isGood: boolean, paint: Paint): string {
  return isGood ? paint.good("✓") : paint.bad("✗");
}

function tableLines(table: ComparedTable, { left, right }: ParityResult, paint: Paint): string[] {
  const { left: ours, right: theirs, equal, differing } = table;
  const count = (rows: number | null) => (rows === null ? "not there" : grouped(rows));
  const sign = ours === theirs ? "=" : "≠";
  const why = !equal && ours === theirs ? ", but not the same rows" : "";
  const name = shortName(table);
  const line = `${mark(equal, paint)} ${name}: ${count(ours)} (${left}) ${sign} ${count(theirs)} (${right})${why}`;
  if (!differing) return [line];
  if (!differing.rows) return [line, "    it has no primary key, so its rows cannot be told apart"];
  const rows = differing.rows.map((row) => `    ${describeRow(row, left, right)}`);
  return [line, ...rows, ...(differing.more ? ["    and more"] : [])];
}

function describeRow({ key, where, columns }: RowDifference, left: string, right: string): string {
  const name = Object.entries(key)
    .map(([column, value]) => `${column} ${value}`)
    .join(", ");
  const what =
    where === "both"
      ? columns
        ? `${columns.join(", ")} differ${columns.length === 1 ? "s" : ""}`
        : "differs"
      : `only in ${where === "left" ? left : right}`;
  return `${printable(name)}: ${printable(what)}`;
}

function addresses({ users, left, right }: ParityResult, paint: Paint): string[] {
  const all = [...new Set([...users.left, ...users.right])].sort();
  const lines = all.slice(0, namedAtMost).map((address) => {
    const isLeft = users.left.includes(address);
    const only = isLeft === users.right.includes(address) ? "" : `, only in ${isLeft ? left : right}`;
    return `    ${printable(address)}${only && paint.warning(only)}`;
  });
  return all.length > namedAtMost ? [...lines, `    and ${all.length - namedAtMost} more`] : lines;
}

function describeSchema({ schema }: ParityResult): string {
  const [ours, theirs] = schema.fingerprints;
  if (schema.equal) return ours === theirs ? ours : `${ours} and ${theirs}, which differ in extensions alone`;
  return `${ours} ≠ ${theirs}`;
}

function capital(words: string): string {
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
