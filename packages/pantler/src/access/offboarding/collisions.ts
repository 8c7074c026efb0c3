import { type Client, quoteIdentifier, quoteQualified } from "../../postgres/index.js";
import { namesBy } from "./count-rows.js";
import type { NamedColumn, Names } from "./named-columns.js";
import type { Collision } from "./request.js";

/** So many keys are named of each index. */
const namedAtMost = 10;

interface UniqueIndex {
  readonly name: string;
  /** The key's parts as SQL: columns and expressions. */
  readonly parts: readonly string[];
  /** What compares them, such as `operator(pg_catalog.&&)` of an exclusion constraint. */
  readonly operators: readonly string[];
  /** Of which parts the index holds the plain column; null for an expression. */
  readonly columns: readonly (string | null)[];
  readonly predicate: string | null;
  readonly isExclusion: boolean;
}

/**
 * Unique indexes and exclusion constraints of a table that a change of some columns may break, from
 * https://www.postgresql.org/docs/17/catalog-pg-index.html and pg_constraint. What an expression or a predicate reads is not
 * asked after: such an index is looked at in any case.
 */
const indexesOf = `
select
  ic.relname as name,
  parts.texts as parts,
  parts.operators,
  parts.columns,
  pg_get_expr(i.indpred, i.indrelid) as predicate,
  k.oid is not null as "isExclusion"
from pg_index i
join pg_class ic on ic.oid = i.indexrelid
left join pg_constraint k on k.conindid = i.indexrelid and k.contype = 'x' and k.conrelid = i.indrelid
cross join lateral (
  select
    array_agg(pg_get_indexdef(i.indexrelid, place, true) order by place) as texts,
    array_agg(
      case
        when k.oid is not null then (
          select format('operator(%I.%s)', on_.nspname, o.oprname)
          from pg_operator o join pg_namespace on_ on on_.oid = o.oprnamespace
          where o.oid = k.conexclop[place]
        )
        when i.indnullsnotdistinct then 'is not distinct from'
        else '='
      end
      order by place
    ) as operators,
    array_agg(a.attname::text order by place) as columns
  from generate_series(1, i.indnkeyatts) as place
  left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[place - 1]
) as parts
where i.indrelid = to_regclass($1)
  and i.indisvalid
  and (i.indisunique or k.oid is not null)
  and (parts.columns && $2::text[] or i.indexprs is not null or i.indpred is not null)
order by 1
`;

/**
 * Finds rows that would be there twice if those of one user became another's: what moves is set beside what is there, by
 * the keys of each unique index and exclusion constraint.
 * @param moving the columns of one table that move
 */
export async function findCollisions(
  client: Client,
  moving: readonly NamedColumn[],
  from: Names,
  to: Names,
): Promise<Collision[]> {
  const [first] = moving;
  if (!first) return [];
  const table = quoteQualified(first.table.schema, first.table.name);
  const { rows: indexes } = await client.query<UniqueIndex>(indexesOf, [
    table,
    moving.map(({ column }) => column),
  ]);
  if (indexes.length === 0) return [];
  const { rows: all } = await client.query<{ name: string }>(
    "select attname as name from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
    [table],
  );
  const values = moving.flatMap((column) => [from.of(column), to.of(column)]);
  const collisions: Collision[] = [];
  for (const index of indexes) {
    const statement = collidingStatement(
      moving,
      index,
      all.map((column) => column.name),
    );
    const { rows } = await client.query<{ keys: (string | null)[]; total: string }>(statement, values);
    if (rows.length === 0) continue;
    collisions.push({
      table: first.table,
      index: index.name,
      keys: rows.map(({ keys }) => keyInWords(index, keys, moving)),
      rows: Number(rows[0]?.total),
    });
  }
  return collisions;
}

function collidingStatement(
  moving: readonly NamedColumn[],
  { parts, operators, predicate, isExclusion }: UniqueIndex,
  columns: readonly string[],
): string {
  const moved = moving.map((column, place) => namesBy(column, 2 * place + 1)).join(" or ");
  const relation = moving[0]?.relation ?? "";
  const after = columns.map((name) => {
    const place = moving.findIndex(({ column }) => column === name);
    const column = moving[place];
    const quoted = quoteIdentifier(name);
    if (!column) return quoted;
    return `case when ${namesBy(column, 2 * place + 1)} then $${2 * place + 2}::${column.type} else ${quoted} end as ${quoted}`;
  });
  const keys = parts.map((part, place) => `${part} as k${place}`).join(", ");
  const where = predicate === null ? "" : `and (${predicate})`;
  const same = operators.map((operator, place) => `m.k${place} ${operator} o.k${place}`).join(" and ");
  const shown = parts.map((_, place) => `k${place}::text`).join(", ");
  const present = operators.map((operator, place) => (operator === "=" ? `k${place} is not null` : "true"));
  // Two rows that move may meet as well, where a table names users by more than one column.
  const among = isExclusion
    ? ""
    : `union select array[${shown}] from moved where ${present.join(" and ")}
      group by ${parts.map((_, place) => `k${place}`).join(", ")} having count(*) > 1`;
  return `
    with moved as (select ${keys} from (select ${after.join(", ")} from ${relation} where ${moved}) as rows_after where true ${where}),
    others as (select ${keys} from ${relation} where (${moved}) is not true ${where})
    select keys, count(*) over () as total
    from (
      select array[${parts.map((_, place) => `m.k${place}::text`).join(", ")}] as keys from moved m join others o on ${same}
      ${among}
    ) as twice
    order by keys
    limit ${namedAtMost}`;
}

/** What would be there twice, without whose it is. */
function keyInWords(
  { parts, columns }: UniqueIndex,
  keys: readonly (string | null)[],
  moving: readonly NamedColumn[],
): string {
  const others = parts.flatMap((part, place) =>
    moving.some(({ column }) => column === columns[place]) ? [] : [`${part} = ${keys[place] ?? "null"}`],
  );
  return others.length > 0 ? others.join(", ") : "one row for each user";
}
