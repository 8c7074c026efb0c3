import { EnvironmentError, type PantlerError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";

/** A right that a handover needs. */
export interface NeededRight {
  readonly schema: string;
  readonly name: string;
  /** Undefined for a right on the whole table. */
  readonly column?: string | undefined;
  readonly right: "select" | "update" | "delete";
}

/** https://www.postgresql.org/docs/17/functions-info.html#FUNCTIONS-INFO-ACCESS */
const lacking = `
select format('%s on %s.%s%s', right_name, schema, name, coalesce(' (' || column_name || ')', '')) as what
from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as needed (schema, name, column_name, right_name)
join pg_namespace n on n.nspname = schema
join pg_class c on c.relnamespace = n.oid and c.relname = name
where not has_schema_privilege(n.oid, 'usage')
  or not case
    when column_name is null then has_table_privilege(c.oid, right_name)
    else has_column_privilege(c.oid, column_name, right_name)
  end
union
select format('bypassrls, or ownership of %s.%s: row security hides rows of it', schema, name)
from unnest($1::text[], $2::text[]) as needed (schema, name)
join pg_namespace n on n.nspname = schema
join pg_class c on c.relnamespace = n.oid and c.relname = name
where row_security_active(c.oid)
order by 1
`;

/**
 * Sees to it that the connection's role has rights, and sees all rows of what they are on.
 * @throws EnvironmentError `right-missing`
 */
export async function requireRights(
  client: Client,
  url: DatabaseUrl,
  needed: readonly NeededRight[],
): Promise<void> {
  const { rows } = await client.query<{ what: string }>(lacking, [
    needed.map(({ schema }) => schema),
    needed.map(({ name }) => name),
    needed.map(({ column }) => column ?? null),
    needed.map(({ right }) => right),
  ]);
  if (rows.length > 0)
    throw rightsMissing(
      url,
      rows.map(({ what }) => what),
    );
}

function rightsMissing({ user }: DatabaseUrl, lacks: readonly string[]): PantlerError {
  return new EnvironmentError({
    code: "right-missing",
    message: `The role ${user} lacks rights that this takes: ${lacks.slice(0, 3).join("; ")}${lacks.length > 3 ? "; …" : ""}.`,
    ...(lacks.length > 3 ? { detail: lacks.join("\n") } : {}),
    state: "Nothing was done.",
    remedy: "Connect as the owner of the tables, or as a role with bypassrls (on Supabase: postgres).",
  });
}
