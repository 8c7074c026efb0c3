import type { SyncPlan, SyncResult } from "../index.js";
import { counted, grouped, timeInWords } from "../operation/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { type Cell, inColumns, inPairs, printable } from "./columns.js";
import type { Paint } from "./output.js";
import { shortName } from "./short-name.js";

/** What a JSON result says of a sync, or of a plan. */
export function syncFields(result: SyncResult): Record<string, unknown> {
  const { outcome, backup, undo, phrase, users, ...others } = result;
  return {
    outcome,
    ...others,
    users: users ?? null,
    phrase: phrase ?? null,
    backup: backup ?? null,
    undo: undo ?? null,
  };
}

/** What a sync replaces, in a sentence. */
export function describeOverwriting({ from, to, tables, users }: SyncPlan, url: DatabaseUrl): string {
  const rows = tables.reduce((sum, { now }) => sum + now, 0);
  const fresh = tables.reduce((sum, { after }) => sum + after, 0);
  const taken = users ? users.added.length + users.replaced.length : 0;
  const withUsers = taken > 0 ? ` and ${counted(taken, "user")}` : "";
  return `All ${counted(rows, "row")} of ${to} (${url}) are replaced by the ${counted(fresh, "row")}${withUsers} of ${from}.`;
}

/** Tables with their rows now and then, and what becomes of users. */
export function renderPlan(plan: SyncPlan, paint: Paint): string {
  const heading: Cell[] = [
    { text: "  table", paint: paint.dim },
    { text: "now", right: true, paint: paint.dim },
    { text: " " },
    { text: "then", right: true, paint: paint.dim },
  ];
  const rows = plan.tables.map((table): Cell[] => {
    const { now, after } = table;
    const paintRow = now > 0 && after === 0 ? paint.warning : undefined;
    return [
      { text: `  ${shortName(table)}`, paint: paintRow },
      { text: grouped(now), right: true, paint: paintRow },
      { text: "→", paint: paint.dim },
      { text: grouped(after), right: true, paint: paintRow },
    ];
  });
  return [
    `Sync of ${paint.bold(plan.to)} from ${paint.bold(plan.from)}`,
    ...inColumns([heading, ...rows]),
    ...inPairs(userPairs(plan), paint.dim),
  ].join("\n");
}

function userPairs({ users, to }: SyncPlan): [string, string][] {
  if (!users) return [["users", "one of the two has none of Supabase's"]];
  const words = [
    `${users.added.length} new`,
    `${users.replaced.length} replaced`,
    ...(users.kept.length > 0 ? [`${users.kept.length} that only ${to} has stay`] : []),
  ];
  return [["users", `${users.which === "test" ? "test users: " : ""}${words.join(", ")}`]];
}

/** What a sync has done, or would do. */
export function renderSynced(result: SyncResult, paint: Paint): string {
  if (result.outcome === "planned") return renderPlan(result, paint);
  const { from, to, tables, users, backup, undo, milliseconds } = result;
  const rows = tables.reduce((sum, { after }) => sum + after, 0);
  const taken = users ? [...users.added, ...users.replaced] : [];
  const names = taken.slice(0, 5).map(({ email, id }) => printable(email ?? id));
  const more = taken.length > names.length ? [`${taken.length - names.length} more`] : [];
  return [
    `${paint.good("✓")} ${paint.bold(to)} has the rows of ${paint.bold(from)}, in ${timeInWords(milliseconds)}`,
    ...inPairs(
      [
        [
          "rows",
          `${counted(tables.length, "table")}, ${counted(rows, "row")}, compared before they were kept`,
        ],
        ["users", taken.length === 0 ? "none" : [...names, ...more].join(", ")],
        ["backup", `${backup}, a proven backup of what was there`],
        ["undo", undo ?? ""],
        ["verify", `pantler env verify ${from} ${to}`],
      ],
      paint.dim,
    ),
  ].join("\n");
}
