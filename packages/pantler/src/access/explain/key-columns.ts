import type { QualifiedName } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";

/** A column of a foreign key, and the column that it refers to. */
export interface KeyColumn {
  readonly table: QualifiedName;
  readonly column: string;
  readonly toTable: QualifiedName;
  readonly toColumn: string;
}

const keysOf = `
select
  json_build_object('schema', schema_of.nspname, 'name', class.relname) as "table",
  of_column.attname::text as column,
  json_build_object('schema', to_schema.nspname, 'name', to_class.relname) as "toTable",
  to_column.attname::text as "toColumn"
from pg_constraint
cross join unnest(conkey, confkey) as pair (key, to_key)
join pg_class as class on class.oid = conrelid
join pg_namespace as schema_of on schema_of.oid = class.relnamespace
join pg_class as to_class on to_class.oid = confrelid
join pg_namespace as to_schema on to_schema.oid = to_class.relnamespace
join pg_attribute as of_column on of_column.attrelid = conrelid and of_column.attnum = key
join pg_attribute as to_column on to_column.attrelid = confrelid and to_column.attnum = to_key
where contype = 'f' and conparentid = 0
`;

/** Reads every foreign key of a database, column by column. */
export async function readKeyColumns(client: Client): Promise<KeyColumn[]> {
  return (await client.query<KeyColumn>(keysOf)).rows;
}
