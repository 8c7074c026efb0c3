import type { Client } from "../postgres/index.js";
import { type QualifiedName, rightMissing, sqlName } from "./tables.js";

/** Where a sequence stands. */
export interface SequenceState extends QualifiedName {
  readonly lastValue: string;
  /** Whether that value was given out already. */
  readonly isCalled: boolean;
}

const sequencesOf = `
select nspname as schema, relname as name, has_sequence_privilege(class.oid, 'select') as readable
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'S'
  and relpersistence <> 't'
  and nspname = any ($1)
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = class.oid and deptype = 'e'
  )
order by nspname, relname
`;

/** So many sequences are read with one statement. */
const readAtOnce = 200;

/**
 * Reads where the sequences of some schemas stand. A sequence is not part of a snapshot: what is read is never behind
 * the rows of the snapshot, and may be ahead of them.
 * @throws EnvironmentError `right-missing` naming the sequences
 */
export async function readSequences(client: Client, schemas: readonly string[]): Promise<SequenceState[]> {
  const { rows } = await client.query<QualifiedName & { readable: boolean }>(sequencesOf, [schemas]);
  const unreadable = rows.filter(({ readable }) => !readable).map(sqlName);
  if (unreadable.length > 0) throw rightMissing(`select from ${unreadable.join(", ")}`);
  const states: SequenceState[] = [];
  for (let from = 0; from < rows.length; from += readAtOnce) {
    const names = rows.slice(from, from + readAtOnce);
    const selects = names.map(
      (sequence, index) =>
        `select ${index} as place, last_value::text as value, is_called as called from ${sqlName(sequence)}`,
    );
    const read = await client.query<{ place: number; value: string; called: boolean }>(
      `${selects.join(" union all ")} order by place`,
    );
    names.forEach(({ schema, name }, index) => {
      const found = read.rows[index];
      if (!found) throw new Error(`the sequence ${schema}.${name} was not read`);
      states.push({ schema, name, lastValue: found.value, isCalled: found.called });
    });
  }
  return states;
}

/**
 * Puts sequences where they stood. Both statements undo themselves when the transaction ends badly, which `setval`
 * alone does not: the first one gives the sequence new storage.
 */
export async function restoreSequences(client: Client, states: readonly SequenceState[]): Promise<void> {
  for (const state of states) {
    await client.query(`alter sequence ${sqlName(state)} restart`);
    await client.query("select setval($1::regclass, $2::bigint, $3)", [
      sqlName(state),
      state.lastValue,
      state.isCalled,
    ]);
  }
}
