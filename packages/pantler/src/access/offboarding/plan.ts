import type { Target } from "../../engine/index.js";
import { counted, type Step } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { titleOf } from "../title-of.js";
import { countCascades } from "./cascades.js";
import { type CountedColumn, countNaming, countRowsNaming } from "./count-rows.js";
import { fateOf } from "./fate.js";
import { findPair, requireUsers } from "./known-users.js";
import { countLogins } from "./logins.js";
import { byTable, type NamedColumn, Names, readNamedColumns } from "./named-columns.js";
import { type HandoverPlan, nameOf, type PlannedRows } from "./request.js";
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

/** The table of users, which rights are asked for. */
export const users = { schema: "auth", name: "users" } as const;

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
  const [giver, taker] = await findPair(client, target.project, handover.from, handover.to);
  const columns = await readNamedColumns(client, target.project);
  const decided = columns.map((column) => ({ column, ...fateOf(column, handover.leaves) }));
  await requireRights(client, target.url, rightsToRead(columns));
  const from = await Names.read(client, giver.id, columns);
  const to = await Names.read(client, taker.id, columns);
  const counts = await countAll(client, columns, from, step);
  const named = decided.flatMap(({ column, fate, because }): PlannedRows[] => {
    const found = counts.find((each) => each.column === column)?.rows ?? 0;
    return found === 0 ? [] : [{ table: column.table, column: column.column, rows: found, fate, because }];
  });
  const gone = columnsThat("deleted", { rows: named }, columns);
  const cascading = await countCascades(client, gone, columns, from);
  const rows = [...named, ...cascading];
  const verb = handover.leaves ? "OFFBOARD" : "REASSIGN";
  const plan: HandoverPlan = {
    environment: target.environment.name,
    from: giver,
    to: { id: taker.id, email: taker.email },
    rows,
    moving: await countMoving(client, rows, columns, from),
    logins: handover.leaves ? await countLogins(client, giver.id) : [],
    warnings: [
      ...(taker.banned ? [`${nameOf(taker)} is banned and cannot sign in`] : []),
      ...cascading.map(
        (each) => `${counted(each.rows, "row")} of ${titleOf(each.table)} will be gone: each ${each.because}`,
      ),
    ],
    phrase: target.environment.protected ? `${verb} ${nameOf(giver)} TO ${nameOf(taker)}` : undefined,
  };
  return { plan, columns, from, to };
}

/** The columns of which rows have a fate. */
export function columnsThat(
  fate: PlannedRows["fate"],
  { rows }: Pick<HandoverPlan, "rows">,
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

/** Counts rows that move, where it takes a question of its own: a row may name the user by more than one column. */
async function countMoving(
  client: Client,
  rows: readonly PlannedRows[],
  columns: readonly NamedColumn[],
  names: Names,
): Promise<number> {
  let moving = 0;
  for (const ofTable of byTable(columnsThat("moves", { rows }, columns))) {
    const [first, another] = ofTable;
    const alone = rows.find((each) => each.table === first?.table && each.column === first.column);
    moving += another || !alone ? await countRowsNaming(client, ofTable, names) : alone.rows;
  }
  return moving;
}

function rightsToRead(columns: readonly NamedColumn[]): NeededRight[] {
  return [{ ...users, right: "select" }, ...columns.map((column) => onColumn(column, "select"))];
}

/** A right on a column that names users. */
export function onColumn({ table, column }: NamedColumn, right: NeededRight["right"]): NeededRight {
  return { ...table, column, right };
}

/** Whether two plans say the same of the project's rows. Sessions come and go meanwhile. */
export function saysTheSame(left: HandoverPlan, right: HandoverPlan): boolean {
  const text = ({ from, to, rows, moving }: HandoverPlan) => JSON.stringify([from.id, to.id, rows, moving]);
  return text(left) === text(right);
}
