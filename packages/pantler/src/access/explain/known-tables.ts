import { type QualifiedName, sqlName } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";
import type { IndexCandidate } from "./index-candidate.js";

/** The tables of a database as expressions name them. */
export interface KnownTables {
  readonly columns: (table: QualifiedName) => readonly string[];
  /** Finds a table; a name without a schema is looked for in `public` and then anywhere. */
  readonly find: (schema: string | undefined, name: string) => QualifiedName | undefined;
  /** The text of a function written in SQL, by its name. */
  readonly body: (name: string) => string | undefined;
  /** Whether an index that can be used begins with these columns. */
  readonly hasIndex: (candidate: IndexCandidate) => boolean;
}

interface KnownRow extends QualifiedName {
  readonly columns: string[];
  readonly indexes: { readonly columns: (string | null)[]; readonly where: string | null }[];
}

const tablesWithIndexes = `
select
  nspname as schema,
  relname as name,
  array(
    select attname::text from pg_attribute where attrelid = class.oid and attnum > 0 and not attisdropped order by attnum
  ) as columns,
  (
    select coalesce(json_agg(json_build_object(
      'columns', (
        select json_agg(attname order by place)
        from unnest(indkey::int2[]) with ordinality as keys (key, place)
        left join pg_attribute on attrelid = indrelid and attnum = nullif(key, 0)
        where place <= indnkeyatts
      ),
      'where', pg_get_expr(indpred, indrelid)
    )), '[]')
    from pg_index
    join pg_class as index on index.oid = indexrelid
    join pg_am on pg_am.oid = index.relam
    where indrelid = class.oid and indisvalid and amname = 'btree'
  ) as indexes
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p') and nspname !~ '^pg_' and nspname <> 'information_schema'
`;

/** A body in the newer form, `begin atomic`, is shown by pg_get_function_sqlbody and is no text of its own. */
const sqlFunctions = `
select nspname || '.' || proname as name, prosrc as body
from pg_proc
join pg_namespace on pg_namespace.oid = pronamespace
join pg_language on pg_language.oid = prolang
where lanname = 'sql' and prosqlbody is null and pg_proc.oid >= 16384 and nspname <> 'auth'
`;

/** Reads what tables, indexes and functions in SQL there are. */
export async function readKnownTables(client: Client): Promise<KnownTables> {
  const { rows } = await client.query<KnownRow>(tablesWithIndexes);
  const { rows: functions } = await client.query<{ name: string; body: string }>(sqlFunctions);
  const byName = new Map(rows.map((row) => [sqlName(row), row]));
  const bodies = new Map(functions.map(({ name, body }) => [name.toLowerCase(), body]));
  return {
    columns: (table) => byName.get(sqlName(table))?.columns ?? [],
    find: (schema, name) => {
      const named = rows.filter(
        (row) => row.name === name && (schema === undefined || row.schema === schema),
      );
      const found = named.find((row) => row.schema === "public") ?? named[0];
      return found && { schema: found.schema, name: found.name };
    },
    body: (name) => bodies.get(name) ?? bodies.get(`public.${name}`),
    hasIndex: ({ table, columns, where }) =>
      (byName.get(sqlName(table))?.indexes ?? []).some((index) => {
        const isPrefix = columns.every((column, place) => index.columns[place] === column);
        // A partial index serves the rows that the policy asks for where it is partial in the same way, or in any.
        return isPrefix && (where === undefined || index.where === null || index.where.includes("IS NULL"));
      }),
  };
}
