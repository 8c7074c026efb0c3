import type { Client } from "../../postgres/index.js";
import { type NamedColumn, titleOf } from "./named-columns.js";

type OfTable = readonly [NamedColumn, ...NamedColumn[]];

const references = `
select distinct
  n.nspname || '.' || c.relname as child,
  tn.nspname || '.' || tc.relname as parent
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class tc on tc.oid = k.confrelid
join pg_namespace tn on tn.oid = tc.relnamespace
where k.contype = 'f' and k.conrelid <> k.confrelid
  and n.nspname || '.' || c.relname = any ($1) and tn.nspname || '.' || tc.relname = any ($1)
order by 1, 2
`;

/**
 * Puts tables behind those that they refer to: a trigger of a row may ask whose the row is that it belongs to. In a
 * circle the names decide.
 * @param tables the columns of each
 */
export async function parentsFirst(
  client: Client,
  tables: readonly (readonly NamedColumn[])[],
): Promise<OfTable[]> {
  const waiting = new Map(
    tables.flatMap(([first, ...others]) =>
      first ? [[titleOf(first.table), [first, ...others] as const] as const] : [],
    ),
  );
  const { rows } = await client.query<{ child: string; parent: string }>(references, [[...waiting.keys()]]);
  const ordered: OfTable[] = [];
  while (waiting.size > 0) {
    const titles = [...waiting.keys()];
    const isFree = (title: string) =>
      !rows.some(({ child, parent }) => child === title && waiting.has(parent));
    for (const title of titles.some(isFree) ? titles.filter(isFree) : titles) {
      const table = waiting.get(title);
      if (table) ordered.push(table);
      waiting.delete(title);
    }
  }
  return ordered;
}
