import type { Target } from "../../engine/index.js";
import { counted, RefusedError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { titleOf } from "../title-of.js";
import { findCollisions } from "./collisions.js";
import { findElsewhere } from "./elsewhere.js";
import { byTable, type NamedColumn } from "./named-columns.js";
import { columnsThat, type MadePlan, onColumn, users } from "./plan.js";
import { type Collision, type HandoverPlan, nameOf, type PlannedRows } from "./request.js";
import { type NeededRight, requireRights } from "./rights.js";

const nothingDone = "Nothing was done.";

/**
 * Refuses a plan that the database would refuse, before anything is done, and looks for what it leaves behind.
 * @returns the plan with what somebody should know
 * @throws EnvironmentError `right-missing`
 * @throws RefusedError `profile-missing`, `would-block`, `would-collide`
 */
export async function requireFeasible(
  client: Client,
  { url }: Target,
  made: MadePlan,
): Promise<HandoverPlan> {
  const { plan, columns, from, to } = made;
  await requireRights(client, url, rightsToWrite(plan, columns));
  requireProfile(made);
  const moving = columnsThat("moves", plan, columns);
  const collisions: Collision[] = [];
  for (const ofTable of byTable(moving))
    collisions.push(...(await findCollisions(client, ofTable, from, to)));
  refuseInTheWay(plan, collisions);
  const elsewhere = await findElsewhere(client, plan.from, columns);
  return { ...plan, warnings: [...plan.warnings, ...elsewhere] };
}

function rightsToWrite(plan: HandoverPlan, columns: readonly NamedColumn[]): NeededRight[] {
  const written = [...columnsThat("moves", plan, columns), ...columnsThat("emptied", plan, columns)];
  const profiles = columnsThat("deleted", plan, columns).filter(({ isProfile }) => isProfile);
  return [
    ...(plan.logins.length > 0 ? [{ ...users, right: "delete" } as const] : []),
    ...written.map((column) => onColumn(column, "update")),
    ...profiles.map(({ table }): NeededRight => ({ ...table, right: "delete" })),
  ];
}

/**
 * Refuses a successor who cannot be named by a column.
 * @throws RefusedError `profile-missing`
 */
export function requireProfile({ plan, columns, to }: MadePlan): void {
  const missing = columnsThat("moves", plan, columns).find((column) => to.of(column) === undefined);
  if (!missing?.through) return;
  throw new RefusedError({
    code: "profile-missing",
    message: `${nameOf(plan.to)} has no row in ${titleOf(missing.through.table)}, by which ${titleOf(missing.table)}.${missing.column} names users.`,
    state: nothingDone,
    remedy: `Give ${nameOf(plan.to)} such a row, or name another successor.`,
  });
}

/** Says everything that is in the way at once. */
function refuseInTheWay(plan: HandoverPlan, collisions: readonly Collision[]): void {
  const { from, to, rows } = plan;
  const blocking = rows.filter(({ fate }) => fate === "blocks");
  const total = collisions.reduce((sum, each) => sum + each.rows, 0);
  const tables = [...new Set(collisions.map(({ table }) => titleOf(table)))];
  const messages = [
    ...(total > 0
      ? [
          `${counted(total, "row")} of ${tables.join(" and ")} cannot become those of ${nameOf(to)}, who has the same already`,
        ]
      : []),
    ...(blocking.length > 0
      ? [
          `${nameOf(from)} cannot be deleted while ${blocking.map(rowsInWords).join(" and ")} ${blocking.length === 1 && blocking[0]?.rows === 1 ? "is" : "are"} there`,
        ]
      : []),
  ];
  if (messages.length === 0) return;
  const remedies = [
    ...(total > 0
      ? [`Rename or delete one of each (of ${nameOf(from)} or of ${nameOf(to)}), or name another successor.`]
      : []),
    ...(blocking.length > 0
      ? [
          "Delete by hand what keeps the user, or have it moved: list its column in access.owners of the config.",
        ]
      : []),
  ];
  throw new RefusedError({
    code: total > 0 ? "would-collide" : "would-block",
    message: `${messages.join(", and ")}.`,
    detail: [
      ...collisions.map(collisionInWords),
      ...blocking.map((each) => `${titleOf(each.table)}.${each.column}: ${each.because}`),
    ].join("\n"),
    state: nothingDone,
    remedy: remedies.join(" "),
  });
}

function rowsInWords({ rows, table }: PlannedRows): string {
  return `${counted(rows, "row")} of ${titleOf(table)}`;
}

function collisionInWords({ table, index, keys, rows }: Collision): string {
  const more = rows > keys.length ? [`and ${rows - keys.length} more`] : [];
  return `${titleOf(table)}, ${index}: ${[...keys, ...more].join("; ")}`;
}
