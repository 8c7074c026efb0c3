import type { ResetPlan, ResetResult } from "../index.js";
import { counted, grouped, timeInWords } from "../operation/index.js";
import { type Cell, inColumns } from "./columns.js";
import type { Paint } from "./output.js";

/** What a reset takes away, for somebody who is asked. */
export function renderResetPlan({ environments }: ResetPlan, paint: Paint): string {
  return environments
    .flatMap(({ name, tables, realUsers }) => [
      paint.bold(name),
      ...inColumns(
        tables
          .filter(({ rows }) => rows > 0)
          .map((table): Cell[] => [
            { text: `  ${table.schema}.${table.name}` },
            { text: `${grouped(table.rows)} → 0`, right: true },
          ]),
      ),
      ...(realUsers === 0
        ? []
        : [`  ${paint.warning("!")} ${counted(realUsers, "user")} who are no test users lose their rows`]),
    ])
    .join("\n");
}

/** The same in a sentence. */
export function describeReset({ environments }: ResetPlan): string {
  const each = environments.map(({ name, tables, realUsers }) => {
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    const real =
      realUsers === 0 ? "" : `, of which some belong to ${counted(realUsers, "user")} who are no test users`;
    return `${name} loses ${counted(rows, "row")}${real}`;
  });
  return `${each.join("; ")}; proven backups are taken first.`;
}

/** The answer of a reset for a person. */
export function renderReset(
  { environments, users, rows, equal, milliseconds }: ResetResult,
  paint: Paint,
): string {
  const names = environments.map(({ name }) => name).join(" and ");
  const same = environments.length === 1 ? "" : equal ? ", and the same" : "";
  const headline = equal
    ? `${paint.good("✓")} ${names} ${environments.length === 1 ? "is" : "are"} fresh${same}: ${counted(users.length, "user")}, ${counted(rows, "row")}, in ${timeInWords(milliseconds)}`
    : `${paint.bad("✗")} ${names} are fresh and not the same: pantler env verify ${environments.map(({ name }) => name).join(" ")}`;
  return [
    headline,
    ...environments.map(({ name, undo }) => `  ${paint.dim(`what ${name} held comes back with`)} ${undo}`),
  ].join("\n");
}
