import type { QualifiedName } from "../../copy/index.js";
import { InputError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { readSchemas } from "../../schema/index.js";

/** A table whose row security is explained. */
export interface ExplainedTable extends QualifiedName {
  readonly oid: string;
  readonly owner: string;
  /** Whether row security is switched on, and whether it holds for the table's owner too. */
  readonly rowSecurity: { readonly enabled: boolean; readonly forced: boolean };
}

/** From https://www.postgresql.org/docs/17/catalog-pg-class.html. */
const relationsNamed = `
select
  class.oid::text as oid,
  nspname as schema,
  relname as name,
  relkind as kind,
  pg_get_userbyid(relowner)::text as owner,
  relrowsecurity as enabled,
  relforcerowsecurity as forced
from pg_class as class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind in ('r', 'p', 'v', 'm', 'f')
  and (nspname || '.' || relname = $1 or relname = $1 and nspname = any ($2))
order by (nspname || '.' || relname = $1) desc, nspname = 'public' desc, nspname
limit 1
`;

/** What is no table, in words. */
const others: Readonly<Record<string, string>> = {
  v: "a view",
  m: "a materialised view",
  f: "a foreign table",
};

/**
 * Finds a table by the name a person gives: with its schema, or without in one of the project's own.
 * @throws InputError `table-unknown`, `not-a-table`
 */
export async function findTable(client: Client, words: string): Promise<ExplainedTable> {
  const { own } = await readSchemas(client);
  const { rows } = await client.query<
    QualifiedName & { oid: string; kind: string; owner: string; enabled: boolean; forced: boolean }
  >(relationsNamed, [words, own]);
  const [found] = rows;
  if (!found) {
    throw new InputError({
      code: "table-unknown",
      message: `There is no table named ${words}.`,
      state: "Nothing was done.",
      remedy: "Name it with its schema, as it is written in the database: public.invoices",
    });
  }
  const { oid, schema, name, kind, owner, enabled, forced } = found;
  const other = others[kind];
  if (other !== undefined) {
    throw new InputError({
      code: "not-a-table",
      message: `${schema}.${name} is ${other}, which has no policies of its own.`,
      state: "Nothing was done.",
      remedy: "Explain the tables that it reads.",
    });
  }
  return { oid, schema, name, owner, rowSecurity: { enabled, forced } };
}
