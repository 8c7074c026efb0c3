import type { Client } from "../../postgres/index.js";
import { titleOf } from "../title-of.js";
import type { NamedColumn } from "./named-columns.js";

/** The columns of one table, of which there is at least one. */
export type OfTable = readonly [NamedColumn, ...NamedColumn[]];

/**
 * The foreign keys among some tables. Those that hold the owner together with something else are `bound` on both sides: no
 * order of statements suits them, unless they wait for the end of the transaction or follow the parent by themselves.
 */
const references = `
select
  n.nspname || '.' || c.relname as child,
  tn.nspname || '.' || tc.relname as parent,
  not k.condeferrable and k.confupdtype in ('a', 'r') and cardinality(k.conkey) > 1 and exists (
    select from unnest(k.conkey, k.confkey) as pair (here, there)
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = here
    join pg_attribute ta on ta.attrelid = k.confrelid and ta.attnum = there
    where n.nspname || '.' || c.relname || '.' || a.attname = any ($2)
      and tn.nspname || '.' || tc.relname || '.' || ta.attname = any ($2)
  ) as bound
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class tc on tc.oid = k.confrelid
join pg_namespace tn on tn.oid = tc.relnamespace
where k.contype = 'f' and k.conrelid <> k.confrelid
  and n.nspname || '.' || c.relname = any ($1) and tn.nspname || '.' || tc.relname = any ($1)
order by 1, 2
`;

interface Reference {
  readonly child: string;
  readonly parent: string;
  readonly bound: boolean;
}

/**
 * Puts tables behind those that they refer to: a trigger of a row may ask whose the row is that it belongs to. In a
 * circle the names decide.
 * @param tables the columns of each
 * @returns the tables that one statement has to change together, mostly one
 */
export async function parentsFirst(
  client: Client,
  tables: readonly (readonly NamedColumn[])[],
): Promise<OfTable[][]> {
  const known = new Map<string, OfTable>();
  for (const [first, ...others] of tables) if (first) known.set(titleOf(first.table), [first, ...others]);
  const { rows } = await client.query<Reference>(references, [
    [...known.keys()],
    tables.flat().map(({ table, column }) => `${titleOf(table)}.${column}`),
  ]);
  const ordered: OfTable[][] = [];
  let waiting = boundGroups([...known.keys()], rows);
  while (waiting.length > 0) {
    const free = waiting.filter((group) => {
      const others = new Set(waiting.filter((other) => other !== group).flat());
      return !rows.some(({ child, parent }) => group.includes(child) && others.has(parent));
    });
    const next = free.length > 0 ? free : waiting;
    ordered.push(
      ...next.map((group) =>
        group.flatMap((title) => {
          const table = known.get(title);
          return table ? [table] : [];
        }),
      ),
    );
    waiting = waiting.filter((group) => !next.includes(group));
  }
  return ordered;
}

/** Puts together what is bound to each other. */
function boundGroups(titles: readonly string[], references: readonly Reference[]): string[][] {
  let groups = titles.map((title) => [title]);
  for (const { child, parent, bound } of references) {
    if (!bound) continue;
    const joined = groups.filter((group) => group.includes(child) || group.includes(parent));
    groups = [...groups.filter((group) => !joined.includes(group)), joined.flat()];
  }
  return groups;
}
