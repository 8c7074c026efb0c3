import type { Target } from "../../engine/index.js";
import { counted, RefusedError, type Step } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { findCollisions } from "./collisions.js";
import { type CountedColumn, countNaming } from "./count-rows.js";
import { findElsewhere } from "./elsewhere.js";
import { fateOf } from "./fate.js";
import { findPair, requireUsers } from "./known-users.js";
import { countLogins } from "./logins.js";
import { byTable, type NamedColumn, Names, readNamedColumns, titleOf } from "./named-columns.js";
import { type Collision, type HandoverPlan, nameOf, type PlannedRows, rowsThat } from "./request.js";
import { type NeededRight, requireRights } from "./rights.js";

/** A plan, and what it was made from. */
export interface MadePlan {
  readonly plan: HandoverPlan;
  readonly columns: readonly NamedColumn[];
  readonly from: Names;
  readonly to: Names;
}

/** Who hands over to whom, and whether they go. */
export interface Handover {
  readonly from: string;
  readonly to: string;
  readonly leaves: boolean;
}

const nothingDone = "Nothing was done.";

const users = { schema: "auth", name: "users" } as const;

/**
 * Finds out what a handover would do; it only reads.
 * @throws InputError `same-user`, `user-ambiguous`, `user-deleted`
 * @throws EnvironmentError `auth-missing`, `user-unknown`, `right-missing`
 */
export async function makePlan(
  client: Client,
  target: Target,
  handover: Handover,
  step?: Step,
): Promise<MadePlan> {
  await requireUsers(client);
  const [giver, taker] = await findPair(client, handover.from, handover.to);
  const columns = await readNamedColumns(client, target.project);
  const decided = columns.map((column) => ({ column, ...fateOf(column, handover.leaves) }));
  await requireRights(client, target.url, rightsToRead(columns));
  const from = await Names.read(client, giver.id, columns);
  const to = await Names.read(client, taker.id, columns);
  const counts = await countAll(client, columns, from, step);
  const rows = decided.flatMap(({ column, fate, because }): PlannedRows[] => {
    const found = counts.find((each) => each.column === column)?.rows ?? 0;
    return found === 0 ? [] : [{ table: column.table, column: column.column, rows: found, fate, because }];
  });
  const verb = handover.leaves ? "OFFBOARD" : "REASSIGN";
  const plan: HandoverPlan = {
    environment: target.environment.name,
    from: giver,
    to: { id: taker.id, email: taker.email },
    rows,
    logins: handover.leaves ? await countLogins(client, giver.id) : [],
    warnings: taker.banned ? [`${nameOf(taker)} is banned and cannot sign in`] : [],
    phrase: target.environment.protected ? `${verb} ${nameOf(giver)} TO ${nameOf(taker)}` : undefined,
  };
  return { plan, columns, from, to };
}

/**
 * Refuses a plan that the database would refuse, before anything is done, and looks for what it leaves behind.
 * @returns the plan with what somebody should know
 * @throws EnvironmentError `right-missing`
 * @throws RefusedError `profile-missing`, `would-block`, `would-collide`
 */
export async function requireFeasible(
  client: Client,
  { url }: Target,
  { plan, columns, from, to }: MadePlan,
): Promise<HandoverPlan> {
  await requireRights(client, url, rightsToWrite(plan, columns));
  refuseBlocking(plan);
  const moving = movingColumns(plan, columns);
  refuseMissingProfile(plan, moving, to);
  const collisions: Collision[] = [];
  for (const ofTable of byTable(moving))
    collisions.push(...(await findCollisions(client, ofTable, from, to)));
  refuseCollisions(plan, collisions);
  const elsewhere = await findElsewhere(client, plan.from, columns);
  return { ...plan, warnings: [...plan.warnings, ...elsewhere] };
}

/** The columns of which rows move, in the order in which they do. */
export function movingColumns(plan: HandoverPlan, columns: readonly NamedColumn[]): NamedColumn[] {
  return columnsThat("moves", plan, columns);
}

/** The columns of which rows have a fate. */
export function columnsThat(
  fate: PlannedRows["fate"],
  { rows }: HandoverPlan,
  columns: readonly NamedColumn[],
): NamedColumn[] {
  const planned = rows.filter((each) => each.fate === fate);
  return columns.filter((column) =>
    planned.some((each) => titleOf(each.table) === titleOf(column.table) && each.column === column.column),
  );
}

/** Counts the rows that name somebody by each column. */
export async function countAll(
  client: Client,
  columns: readonly NamedColumn[],
  names: Names,
  step?: Step,
): Promise<CountedColumn[]> {
  const tables = byTable(columns);
  const counts: CountedColumn[] = [];
  for (const [place, ofTable] of tables.entries()) {
    step?.progress(place, tables.length, "tables");
    counts.push(...(await countNaming(client, ofTable, names)));
  }
  return counts;
}

function rightsToRead(columns: readonly NamedColumn[]): NeededRight[] {
  return [{ ...users, right: "select" }, ...columns.map((column) => onColumn(column, "select"))];
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

function onColumn({ table, column }: NamedColumn, right: NeededRight["right"]): NeededRight {
  return { ...table, column, right };
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

function refuseMissingProfile(plan: HandoverPlan, moving: readonly NamedColumn[], to: Names): void {
  const missing = moving.find((column) => to.of(column) === undefined);
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

/** Whether two plans say the same of the project's rows. Sessions come and go meanwhile. */
export function saysTheSame(left: HandoverPlan, right: HandoverPlan): boolean {
  const text = ({ from, to, rows }: HandoverPlan) => JSON.stringify([from.id, to.id, rows]);
  return text(left) === text(right);
}

/** Whether there is nothing that a reassignment would move. */
export function isEmpty(plan: HandoverPlan): boolean {
  return rowsThat("moves", plan) === 0;
}
