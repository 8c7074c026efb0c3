import { type QualifiedName, sqlName } from "../../copy/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";

/** Sequences that give a table's column its values, and the largest value it has. */
const ownedSequences = `
select
  quote_ident(sequence_schema.nspname) || '.' || quote_ident(sequence.relname) as sequence,
  attname as column,
  seqincrement::text as increment
from pg_depend
join pg_class as sequence on sequence.oid = objid and sequence.relkind = 'S'
join pg_namespace as sequence_schema on sequence_schema.oid = sequence.relnamespace
join pg_sequence on seqrelid = sequence.oid
join pg_attribute on attrelid = refobjid and attnum = refobjsubid
where pg_depend.classid = 'pg_class'::regclass
  and refclassid = 'pg_class'::regclass
  and deptype in ('a', 'i')
  and refobjid = $1::regclass
`;

/** Moves sequences past the values that rows have now, so that the next row does not collide; they never go back. */
export async function advanceSequences(client: Client, tables: readonly QualifiedName[]): Promise<void> {
  for (const table of tables) {
    const { rows } = await client.query<{ sequence: string; column: string; increment: string }>(
      ownedSequences,
      [sqlName(table)],
    );
    for (const { sequence, column, increment } of rows) {
      const farthest = increment.startsWith("-") ? "min" : "max";
      const beyond = increment.startsWith("-") ? "<" : ">";
      const { rows: found } = await client.query<{ next: string }>(
        `select (farthest + ${BigInt(increment)})::text as next
         from (select ${farthest}(${quoteIdentifier(column)})::bigint as farthest from ${sqlName(table)}) as present
         cross join ${sequence} as sequence
         where farthest ${beyond} last_value or farthest = last_value and not is_called`,
      );
      if (found[0]) await client.query(`alter sequence ${sequence} restart with ${BigInt(found[0].next)}`);
    }
  }
}
