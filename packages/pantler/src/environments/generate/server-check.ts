import { copyIn, sqlName } from "../../copy/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import type { Catalog, TypeFacts } from "./catalog.js";
import { copyText } from "./copy-text.js";
import type { Row } from "./definition.js";
import type { TablePlan } from "./table-plan.js";

const place = "pantler_place";

/**
 * Has the server judge rows before they are written: they are put into a temporary table of the same columns.
 * @param rows all that are to be written
 * @param open the checks and unique keys that it is to judge
 * @returns what each refused row broke, by its place
 */
export async function judgeOnServer(
  client: Client,
  plan: TablePlan,
  { types }: Pick<Catalog, "types">,
  rows: readonly Row[],
  open: ReadonlySet<string>,
): Promise<Map<number, string>> {
  const { facts, written } = plan;
  const candidates = { schema: "pg_temp", name: "pantler_candidates" };
  await client.query(`
    create temporary table ${quoteIdentifier(candidates.name)} (like ${sqlName(facts)} including defaults including generated) on commit drop`);
  await client.query(`alter table ${sqlName(candidates)} add column ${place} int`);
  for (const { name, notNull } of facts.columns) {
    if (notNull)
      await client.query(
        `alter table ${sqlName(candidates)} alter column ${quoteIdentifier(name)} drop not null`,
      );
  }
  const number: TypeFacts = {
    oid: 0,
    name: "int4",
    sql: "integer",
    kind: "b",
    element: null,
    base: null,
    baseModifier: -1,
    notNull: false,
    labels: [],
    subtype: null,
    checks: [],
  };
  const placed = {
    name: place,
    type: 0,
    modifier: -1,
    notNull: true,
    generated: false,
    default: null,
    sequence: null,
  };
  const numbered = rows.map((row, index) => ({ ...row, [place]: index }));
  const columns = [...written, placed];
  await copyIn(
    client,
    candidates,
    columns.map(({ name }) => name),
    copyText(numbered, columns, new Map([...types, [0, number]])),
  );
  const refused = new Map<number, string>();
  for (const { name, expression } of facts.checks) {
    if (!open.has(name)) continue;
    const found = await client.query<{ place: number }>(
      `select ${place} as place from ${sqlName(candidates)} where (${expression}) is false`,
    );
    for (const row of found.rows) refused.set(row.place, name);
  }
  for (const key of facts.uniqueKeys) {
    if (!open.has(key.name)) continue;
    const list = key.expressions.map((expression, index) => `(${expression}) as key_${index}`).join(", ");
    const keys = key.expressions.map((_expression, index) => `key_${index}`);
    const where = key.predicate === null ? "" : `where ${key.predicate}`;
    const distinct = key.nullsDistinct ? `and num_nulls(${keys.join(", ")}) = 0` : "";
    const found = await client.query<{ place: number }>(`
      select place
      from (
        select *, row_number() over (partition by ${keys.join(", ")} order by place) as turn
        from (
          select ${place} as place, ${list} from ${sqlName(candidates)} ${where}
          union all
          select -1, ${list} from ${sqlName(facts)} ${where}
        ) as keyed
      ) as turns
      where turn > 1 and place >= 0 ${distinct}`);
    for (const row of found.rows) refused.set(row.place, key.name);
  }
  await client.query(`drop table ${sqlName(candidates)}`);
  return refused;
}

/** Keeps those values of a domain that its checks allow. */
export async function judgeDomainValues(
  client: Client,
  domain: TypeFacts,
  base: TypeFacts,
  values: readonly (string | null)[],
): Promise<Set<number>> {
  const checks = domain.checks.map((check) => `(${check}) is not false`).join(" and ");
  const { rows } = await client.query<{ place: string }>(
    `select place
    from unnest($1::text[]) with ordinality as given (text, place)
    cross join lateral (select text::${base.sql} as value) as read
    where ${checks}`,
    [values],
  );
  return new Set(rows.map((row) => Number(row.place) - 1));
}
