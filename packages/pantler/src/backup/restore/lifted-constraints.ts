import type { QualifiedName } from "../../copy/index.js";
import { type Client, quoteIdentifier, quoteLiteral } from "../../postgres/index.js";

interface Constraint {
  /** `table` or `domain`. */
  readonly kind: string;
  /** What it is on, for SQL. */
  readonly on: string;
  readonly name: string;
  readonly definition: string;
  readonly comment: string | null;
}

/**
 * Foreign keys from or to some tables, and checks that are not valid for all rows of them, of the types of their columns
 * too. A foreign key of a partitioned table has copies for its partitions, a check of a table has them for those that
 * inherit from it, and these go and come with it (https://www.postgresql.org/docs/17/catalog-pg-constraint.html).
 */
const constraintsOf = `
with recursive
  wanted as (
    select pg_class.oid
    from unnest($1::text[], $2::text[]) as table_name (schema, name)
    join pg_namespace on nspname = table_name.schema
    join pg_class on relnamespace = pg_namespace.oid and relname = table_name.name
  ),
  key as (
    select oid, conparentid
    from pg_constraint
    where contype = 'f'
      and (conrelid in (select oid from wanted) or confrelid in (select oid from wanted))
    union
    select parent.oid, parent.conparentid from pg_constraint as parent join key on parent.oid = key.conparentid
  ),
  unproved as (
    select oid, conrelid, conname, coninhcount
    from pg_constraint
    where contype in ('c', 'n') and not convalidated and conrelid in (select oid from wanted)
    union
    select parent.oid, parent.conrelid, parent.conname, parent.coninhcount
    from unproved
    join pg_inherits on inhrelid = unproved.conrelid and unproved.coninhcount > 0
    join pg_constraint as parent
      on parent.conrelid = inhparent and parent.conname = unproved.conname and parent.contype in ('c', 'n')
  ),
  of_types as (
    select oid
    from pg_constraint
    where contype = 'c'
      and not convalidated
      and contypid in (select atttypid from pg_attribute where attrelid in (select oid from wanted))
  ),
  lifted as (
    select oid from key where conparentid = 0
    union
    select oid from unproved where coninhcount = 0
    union
    select oid from of_types
  )
select
  case when contypid = 0 then 'table' else 'domain' end as kind,
  coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text) as "on",
  conname as name,
  pg_get_constraintdef(pg_constraint.oid) as definition,
  obj_description(pg_constraint.oid, 'pg_constraint') as comment
from lifted
join pg_constraint using (oid)
left join pg_class on pg_class.oid = conrelid
left join pg_type on pg_type.oid = contypid
-- Those between tables of Supabase's are not ours to drop.
where pg_has_role(coalesce(relowner, typowner), 'usage')
order by 1, 2, 3
`;

/**
 * Runs work while no constraint of some tables is in the way that looks at other tables, or that not every row of
 * theirs has to meet, inside the transaction that is open. They are made again afterwards, which checks foreign keys
 * against every row, save for those that were never checked.
 * @throws the server's 23503 when the rows break one
 */
export async function withoutConstraints<Result>(
  client: Client,
  tables: readonly QualifiedName[],
  work: () => Promise<Result>,
): Promise<Result> {
  const { rows: lifted } = await client.query<Constraint>(constraintsOf, [
    tables.map(({ schema }) => schema),
    tables.map(({ name }) => name),
  ]);
  for (const { kind, on, name } of lifted) {
    await client.query(`alter ${kind} ${on} drop constraint ${quoteIdentifier(name)}`);
  }
  const result = await work();
  for (const { kind, on, name, definition, comment } of lifted) {
    await client.query(`alter ${kind} ${on} add constraint ${quoteIdentifier(name)} ${definition}`);
    if (comment === null) continue;
    const target = kind === "domain" ? `domain ${on}` : on;
    await client.query(
      `comment on constraint ${quoteIdentifier(name)} on ${target} is ${quoteLiteral(comment)}`,
    );
  }
  return result;
}
