import type { Target } from "../../engine/index.js";
import { counted, RefusedError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { findCollisions } from "./collisions.js";
import { findElsewhere } from "./elsewhere.js";
import { byTable, type NamedColumn, titleOf } from "./named-columns.js";
import { columnsThat, type MadePlan, onColumn, users } from "./plan.js";
import { type Collision, type HandoverPlan, nameOf } from "./request.js";
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
  refuseBlocking(plan);
  requireProfile(made);
  const moving = columnsThat("moves", plan, columns);
  const collisions: Collision[] = [];
  for (const ofTable of byTable(moving))
    collisions.push(...(await findCollisions(client, ofTable, from, to)));
  refuseCollisions(plan, collisions);
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

function refuseBlocking({ rows, from }: HandoverPlan): void {
  const blocking = rows.filter(({ fate }) => fate === "blocks");
  if (blocking.length === 0) return;
  throw new RefusedError({
    code: "would-block",
    message: `${nameOf(from)} cannot be deleted: ${blocking.map((each) => `${counted(each.rows, "row")} of ${titleOf(each.table)}`).join(" and ")} would be left without their user.`,
    detail: blocking.map((each) => `${titleOf(each.table)}.${each.column}: ${each.because}`).join("\n"),
    state: nothingDone,
    remedy: `Delete ${blocking.length === 1 ? "it" : "them"} by hand if nobody needs ${blocking.length === 1 ? "it" : "them"}, or have ${blocking.length === 1 ? "it" : "them"} moved: list the column in access.owners of the config.`,
  });
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

function refuseCollisions(plan: HandoverPlan, collisions: readonly Collision[]): void {
  if (collisions.length === 0) return;
  const total = collisions.reduce((sum, { rows }) => sum + rows, 0);
  const tables = [...new Set(collisions.map(({ table }) => titleOf(table)))];
  throw new RefusedError({
    code: "would-collide",
    message: `${counted(total, "row")} of ${tables.join(" and ")} cannot become those of ${nameOf(plan.to)}, who has the same already.`,
    detail: collisions.map(collisionInWords).join("\n"),
    state: nothingDone,
    remedy: `Rename or delete one of each (of ${nameOf(plan.from)} or of ${nameOf(plan.to)}), or name another successor.`,
  });
}

function collisionInWords({ table, index, keys, rows }: Collision): string {
  const more = rows > keys.length ? [`and ${rows - keys.length} more`] : [];
  return `${titleOf(table)}, ${index}: ${[...keys, ...more].join("; ")}`;
}
