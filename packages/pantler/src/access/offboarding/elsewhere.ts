import type { QualifiedName } from "../../copy/index.js";
import { counted } from "../../operation/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import { readSchemas } from "../../schema/index.js";
import { titleOf } from "../title-of.js";
import type { NamedColumn } from "./named-columns.js";
import { type KnownUser, nameOf } from "./request.js";

/** Columns for ids that are part of no key, by table. */
const freeColumns = `
select
  n.nspname as schema,
  c.relname as name,
  case when c.relkind = 'p' then '' else 'only ' end || format('%I.%I', n.nspname, c.relname) as relation,
  array_agg(a.attname::text order by a.attnum) as columns
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid = 'uuid'::regtype
where c.relkind in ('r', 'p')
  and not c.relispartition
  and n.nspname = any ($1)
  and has_table_privilege(c.oid, 'select')
  and not exists (
    select from pg_constraint k where k.conrelid = c.oid and k.contype in ('f', 'p') and a.attnum = any (k.conkey)
  )
group by 1, 2, 3
order by 1, 2
`;

/**
 * Looks for a user's id where no foreign key and no setting says that there are users: what is found stays as it is.
 * @returns sentences
 */
export async function findElsewhere(
  client: Client,
  user: KnownUser,
  known: readonly NamedColumn[],
): Promise<string[]> {
  const { own } = await readSchemas(client);
  const { rows: tables } = await client.query<
    QualifiedName & { readonly relation: string; readonly columns: readonly string[] }
  >(freeColumns, [own]);
  const found: string[] = [];
  for (const table of tables) {
    const columns = table.columns.filter(
      (name) => !known.some((each) => titleOf(each.table) === titleOf(table) && each.column === name),
    );
    if (columns.length === 0) continue;
    const conditions = columns.map((name) => `${quoteIdentifier(name)} = $1::uuid`);
    const { rows } = await client.query<{ counts: string[] }>(
      `select array[${conditions.map((condition) => `count(*) filter (where ${condition})`).join(", ")}]::text[] as counts
      from ${table.relation} where ${conditions.join(" or ")}`,
      [user.id],
    );
    for (const [place, column] of columns.entries()) {
      const count = Number(rows[0]?.counts[place] ?? 0);
      if (count > 0) {
        found.push(
          `${titleOf(table)}.${column} holds the id of ${nameOf(user)} in ${counted(count, "row")} and is no foreign key: it stays as it is; access.owners of the config can say that it names users`,
        );
      }
    }
  }
  return found;
}
