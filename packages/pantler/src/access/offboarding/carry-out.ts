import { counted, type Operation, RefusedError, UnchangedError } from "../../operation/index.js";
import { type Client, quoteIdentifier, quoteQualified } from "../../postgres/index.js";
import { titleOf } from "../title-of.js";
import { namesBy } from "./count-rows.js";
import { countLogins, deleteLogins } from "./logins.js";
import { byTable, type NamedColumn } from "./named-columns.js";
import { type OfTable, parentsFirst } from "./parents-first.js";
import { columnsThat, countAll, type MadePlan } from "./plan.js";
import { orRefused } from "./refused.js";
import { nameOf } from "./request.js";

const undone = "The transaction was undone; everything is as it was before.";

/**
 * Keeps others from adding rows that name the one who hands over, and from deleting the successor: a foreign key has to lock
 * the row that it refers to. Where the role may not lock them, what comes meanwhile stays where it is.
 */
export async function lockUsers(client: Client, { plan, columns }: MadePlan): Promise<void> {
  const users = "auth.users";
  const profiles = new Map(
    columns.flatMap(({ through }) => (through ? [[titleOf(through.table), through] as const] : [])),
  );
  await lockRow(client, users, "id", plan.from.id, "update");
  await lockRow(client, users, "id", plan.to.id, "key share");
  for (const { table, user } of profiles.values()) {
    await lockRow(
      client,
      quoteQualified(table.schema, table.name),
      quoteIdentifier(user),
      plan.from.id,
      "update",
    );
  }
}

async function lockRow(
  client: Client,
  table: string,
  column: string,
  id: string,
  strength: "update" | "key share",
): Promise<void> {
  const { rows } = await client.query<{ may: boolean }>("select has_table_privilege($1, 'update') as may", [
    table,
  ]);
  if (rows[0]?.may)
    await client.query(`select from ${table} where ${column} = $1::uuid for ${strength}`, [id]);
}

/**
 * Changes whom rows name, in the transaction that is open. Triggers fire, as for any change, and see a request of
 * `service_role`: rules about who may hand over what do not hold for it.
 * @throws UnchangedError `refused-by-database`, `not-moved`
 */
export async function moveRows(client: Client, made: MadePlan, operation: Operation): Promise<void> {
  const { plan, columns, from, to } = made;
  await client.query("select set_config('request.jwt.claims', $1, true)", [
    JSON.stringify({ role: "service_role" }),
  ]);
  const moving = columnsThat("moves", plan, columns);
  // Where a foreign key empties a column, the server does so when the user is deleted.
  const emptied = columnsThat("emptied", plan, columns).filter(
    ({ onDelete }) => onDelete !== "set null" && onDelete !== "set default",
  );
  const groups = await parentsFirst(client, byTable([...moving, ...emptied]));
  await operation.step("move the rows", async (step) => {
    if (groups.length === 0) return step.skip("there are none");
    // What may wait for the end does, so that tables can change one after the other.
    await client.query("set constraints all deferred");
    for (const [place, group] of groups.entries()) {
      step.progress(place, groups.length, "tables");
      const values = group
        .flat()
        .flatMap((column) => [from.of(column), moving.includes(column) ? to.of(column) : null]);
      const titles = group.map(([{ table }]) => titleOf(table));
      await orRefused(`The rows of ${titles.join(" and ")} cannot move`, () =>
        client.query(updateStatement(group), values),
      );
    }
    await orRefused("The rows cannot move", () => client.query("set constraints all immediate"));
    const left = (await countAll(client, [...moving, ...emptied], from)).filter((each) => each.rows > 0);
    if (left.length > 0) {
      throw notMoved(
        made,
        left.map(({ column }) => column),
      );
    }
    step.note(`${counted(plan.moving, "row")} of ${counted(groups.flat().length, "table")}`);
  });
}

/** The checks of foreign keys come after all parts of a statement, so that rows bound to each other can change at once. */
function updateStatement(group: readonly OfTable[]): string {
  let parameter = 1;
  const updates = group.map((columns) => {
    const assignments: string[] = [];
    const conditions: string[] = [];
    for (const column of columns) {
      const quoted = quoteIdentifier(column.column);
      const condition = namesBy(column, parameter);
      const after = `$${parameter + 1}::${column.type}`;
      assignments.push(`${quoted} = case when ${condition} then ${after} else ${quoted} end`);
      conditions.push(condition);
      parameter += 2;
    }
    return `update ${columns[0].relation} set ${assignments.join(", ")} where ${conditions.join(" or ")}`;
  });
  const [only, another] = updates;
  if (only !== undefined && another === undefined) return only;
  return `with ${updates.map((update, place) => `u${place} as (${update})`).join(", ")} select`;
}

/**
 * Ends the sessions of the user who goes, and deletes the user with what is about them, in the transaction that is open.
 * @throws UnchangedError `refused-by-database`, `still-referred`
 */
export async function deleteUser(client: Client, made: MadePlan, operation: Operation): Promise<void> {
  const { plan, columns, from } = made;
  const { id } = plan.from;
  await operation.step("end the sessions and delete the user", async () => {
    await orRefused(`${nameOf(plan.from)} cannot be deleted`, async () => {
      await deleteLogins(client, id);
      for (const { relation, column } of columnsThat("deleted", plan, columns).filter(
        (each) => each.isProfile,
      )) {
        await client.query(`delete from ${relation} where ${quoteIdentifier(column)} = $1::uuid`, [id]);
      }
      await client.query("delete from auth.users where id = $1::uuid", [id]);
      // What is checked at the end of the transaction is checked now, while it can still be said what it is about.
      await client.query("set constraints all immediate");
    });
  });
  await operation.step("verify that nothing refers to the user", async (step) => {
    const left = (await countAll(client, columns, from, step)).filter(({ rows }) => rows > 0);
    const places = [
      ...left.map(({ column }) => `${titleOf(column.table)}.${column.column}`),
      ...(await countLogins(client, id)).map(({ table }) => titleOf(table)),
    ];
    if (places.length === 0) return step.note(`${columns.length} columns`);
    throw new UnchangedError({
      code: "still-referred",
      message: `${nameOf(plan.from)} would still be named by ${places.join(", ")}.`,
      state: undone,
      remedy: "A trigger or a rule puts it back or keeps it: change that, then run it again.",
    });
  });
}

/** @throws RefusedError `plan-outdated` */
export function planOutdated(): RefusedError {
  return new RefusedError({
    code: "plan-outdated",
    message: "Rows or columns that name the user have changed since the plan was made.",
    state: undone,
    remedy:
      "Look at the new plan with --dry-run, and run it again; where the user still works, ban them first.",
  });
}

function notMoved({ plan }: MadePlan, columns: readonly NamedColumn[]): UnchangedError {
  const names = columns.map((column) => `${titleOf(column.table)}.${column.column}`);
  return new UnchangedError({
    code: "not-moved",
    message: `Rows still name ${nameOf(plan.from)} by ${names.join(", ")} after they were to move.`,
    state: undone,
    remedy: "A trigger or a rule keeps them as they are: change that, then run it again.",
  });
}
