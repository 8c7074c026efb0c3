import { type QualifiedName, sqlName } from "../copy/index.js";
import { type Client, quoteIdentifier, quoteLiteral } from "../postgres/index.js";

interface ForeignKey {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly definition: string;
  readonly comment: string | null;
}

/**
 * Foreign keys from or to some tables. One of a partitioned table has copies for its partitions, which go and come with
 * it: only the one at the root counts (https://www.postgresql.org/docs/17/catalog-pg-constraint.html).
 */
const foreignKeysOf = `
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
  )
select
  nspname as schema,
  relname as table,
  conname as name,
  pg_get_constraintdef(pg_constraint.oid) as definition,
  obj_description(pg_constraint.oid, 'pg_constraint') as comment
from key
join pg_constraint using (oid)
join pg_class on pg_class.oid = conrelid
join pg_namespace on pg_namespace.oid = relnamespace
where key.conparentid = 0
  -- Those between tables of Supabase's are not ours to drop.
  and pg_has_role(relowner, 'usage')
order by 1, 2, 3
`;

/**
 * Runs work while no foreign key from or to some tables is in the way, inside the transaction that is open. They are made
 * again afterwards, which checks them against every row.
 * @throws the server's 23503 when the rows break one
 */
export async function withoutForeignKeys<Result>(
  client: Client,
  tables: readonly QualifiedName[],
  work: () => Promise<Result>,
): Promise<Result> {
  const { rows: keys } = await client.query<ForeignKey>(foreignKeysOf, [
    tables.map(({ schema }) => schema),
    tables.map(({ name }) => name),
  ]);
  const alter = (key: ForeignKey) => `alter table ${sqlName({ schema: key.schema, name: key.table })}`;
  for (const key of keys) await client.query(`${alter(key)} drop constraint ${quoteIdentifier(key.name)}`);
  const result = await work();
  for (const key of keys) {
    await client.query(`${alter(key)} add constraint ${quoteIdentifier(key.name)} ${key.definition}`);
    if (key.comment !== null) await commentOn(client, key, key.comment);
  }
  return result;
}

async function commentOn(client: Client, key: ForeignKey, comment: string): Promise<void> {
  const table = sqlName({ schema: key.schema, name: key.table });
  await client.query(
    `comment on constraint ${quoteIdentifier(key.name)} on ${table} is ${quoteLiteral(comment)}`,
  );
}
