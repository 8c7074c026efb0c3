import pg from "pg";
import { UnchangedError } from "../operation/index.js";
import { type Client, sqlstates } from "../postgres/index.js";
import { type QualifiedName, sqlName } from "./tables.js";

const locksAtOnce = 200;

/**
 * Tables whose file is not the one that the snapshot knows. The catalog is read as of the snapshot, and the function
 * as of now (https://www.postgresql.org/docs/17/functions-admin.html#FUNCTIONS-ADMIN-DBLOCATION).
 */
const replaced = `
select nspname as schema, relname as name
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
where (nspname, relname) in (select * from unnest($1::text[], $2::text[]))
  and relfilenode <> coalesce(pg_relation_filenode(class.oid), 0)
order by nspname, relname
`;

/**
 * Locks tables against being changed in shape, emptied or dropped while they are read. Writers are not held up.
 * @param client a session in the snapshot in which they are read
 * @throws UnchangedError `table-replaced` when that happened after the snapshot was taken: to the snapshot such a
 * table looks empty (https://www.postgresql.org/docs/17/mvcc-caveats.html)
 */
export async function lockForReading(client: Client, tables: readonly QualifiedName[]): Promise<void> {
  try {
    for (let from = 0; from < tables.length; from += locksAtOnce) {
      const names = tables.slice(from, from + locksAtOnce).map((table) => `only ${sqlName(table)}`);
      await client.query(`lock table ${names.join(", ")} in access share mode`);
    }
  } catch (error) {
    const gone = error instanceof pg.DatabaseError && error.code === sqlstates.undefinedTable;
    throw gone ? tableReplaced(error.message, error) : error;
  }
  const { rows } = await client.query<QualifiedName>(replaced, [
    tables.map(({ schema }) => schema),
    tables.map(({ name }) => name),
  ]);
  if (rows.length > 0) throw tableReplaced(rows.map(sqlName).join(", "));
}

function tableReplaced(which: string, cause?: unknown): UnchangedError {
  return new UnchangedError({
    code: "table-replaced",
    message: `Another session emptied, rewrote or dropped a table just before it was to be read: ${which}.`,
    state: "Nothing was copied.",
    remedy: "Run it again.",
    ...(cause === undefined ? {} : { cause }),
  });
}
