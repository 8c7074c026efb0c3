import { sqlName } from "../../copy/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import type { Catalog, ColumnFacts } from "./catalog.js";
import { textOf } from "./copy-text.js";
import type { Row } from "./definition.js";
import type { TablePlan } from "./table-plan.js";

/**
 * Gives rows that are there the declared values, where they differ.
 * @param rows what they are to be; keys tell which they are
 * @returns how many were changed
 */
export async function updateKeyed(
  client: Client,
  plan: TablePlan,
  { types }: Pick<Catalog, "types">,
  rows: readonly Row[],
  columns: ReadonlySet<string>,
): Promise<number> {
  const key = plan.seed.key ?? [];
  const changed = plan.facts.columns.filter(
    ({ name, generated }) => columns.has(name) && !generated && !key.includes(name),
  );
  if (changed.length === 0) return 0;
  const keyed = plan.facts.columns.filter(({ name }) => key.includes(name));
  const typed = (column: ColumnFacts, parameter: number) =>
    `$${parameter}::${types.get(column.type)?.sql ?? "text"}`;
  const same = (column: ColumnFacts, parameter: number) =>
    `to_jsonb(${quoteIdentifier(column.name)}) is distinct from to_jsonb(${typed(column, parameter)})`;
  const statement = `
    update ${sqlName(plan.facts)}
    set ${changed.map((column, index) => `${quoteIdentifier(column.name)} = ${typed(column, keyed.length + index + 1)}`).join(", ")}
    where ${keyed.map((column, index) => `${quoteIdentifier(column.name)} = ${typed(column, index + 1)}`).join(" and ")}
      and (${changed.map((column, index) => same(column, keyed.length + index + 1)).join(" or ")})`;
  let count = 0;
  for (const row of rows) {
    const values = [...keyed, ...changed].map((column) => {
      const type = types.get(column.type);
      return type ? textOf(row[column.name], type, types) : null;
    });
    count += (await client.query(statement, values)).rowCount ?? 0;
  }
  return count;
}
