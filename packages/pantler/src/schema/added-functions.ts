import { type Client, quoteIdentifier, quoteLiteral } from "../postgres/index.js";
import type { DumpEntry } from "./dump-entry.js";
import { when, whereAllowed } from "./guards.js";
import { managedRoles } from "./managed-schemas.js";
import { roleOrPublic } from "./role-or-public.js";

const functionsOf = `
select
  nspname as schema,
  proname as name,
  function.oid::regprocedure::text as signature,
  pg_get_userbyid(proowner) as owner,
  pg_get_functiondef(function.oid) as definition,
  prokind = 'p' as procedure,
  proacl is not null as "hasRights",
  coalesce(rights.grants, '[]') as grants,
  obj_description(function.oid, 'pg_proc') as comment,
  exists (
    select from pg_depend
    left join pg_type as type on refclassid = 'pg_type'::regclass and type.oid = refobjid
    left join pg_type as element on element.oid = type.typelem
    where classid = 'pg_proc'::regclass
      and objid = function.oid
      and (refclassid = 'pg_class'::regclass or type.typrelid <> 0 or element.typrelid <> 0)
  ) as "needsTables"
from pg_proc as function
join pg_namespace on pg_namespace.oid = pronamespace
left join lateral (
  select
    json_agg(
      json_build_object('role', case grantee when 0 then null else pg_get_userbyid(grantee) end, 'grantable', is_grantable)
    ) as grants
  from aclexplode(proacl)
) as rights on true
where nspname = any ($1)
  and prokind <> 'a'
  and pg_get_userbyid(proowner) <> all ($2)
  and not exists (
    select from pg_depend where classid = 'pg_proc'::regclass and objid = function.oid and deptype = 'e'
  )
order by schema, signature
`;

interface FunctionRow {
  readonly schema: string;
  readonly name: string;
  readonly signature: string;
  readonly owner: string;
  readonly definition: string;
  readonly procedure: boolean;
  readonly hasRights: boolean;
  readonly grants: readonly { readonly role: string | null; readonly grantable: boolean }[];
  readonly comment: string | null;
  readonly needsTables: boolean;
}

/** A function that the project put into a schema of Supabase's. */
export interface AddedFunction {
  readonly entry: DumpEntry;
  /** Whether it can only be made once the project's tables are there. */
  readonly needsTables: boolean;
}

/** Reads the project's functions in these schemas. */
export async function readAddedFunctions(
  client: Client,
  schemas: readonly string[],
): Promise<AddedFunction[]> {
  const { rows } = await client.query<FunctionRow>(functionsOf, [schemas, managedRoles]);
  return rows.map((row) => ({ entry: functionEntry(row), needsTables: row.needsTables }));
}

/** A server whose Supabase has no such schema, or guards it, does without. */
function functionEntry(row: FunctionRow): DumpEntry {
  const what = `${row.procedure ? "procedure" : "function"} ${row.signature}`;
  const grants = row.grants.map(
    ({ role, grantable }) =>
      `grant execute on ${what} to ${roleOrPublic(role)}${grantable ? " with grant option" : ""}`,
  );
  const statements = [
    row.definition,
    `alter ${what} owner to ${quoteIdentifier(row.owner)}`,
    ...(row.hasRights ? [`revoke all on ${what} from public`, ...grants] : []),
    ...(row.comment === null ? [] : [`comment on ${what} is ${quoteLiteral(row.comment)}`]),
  ];
  const there = `exists (select from pg_catalog.pg_namespace where nspname = ${quoteLiteral(row.schema)})`;
  return {
    section: "pre",
    type: row.procedure ? "PROCEDURE" : "FUNCTION",
    schema: row.schema,
    name: row.name,
    owner: row.owner,
    sql: `${when(there, whereAllowed(statements))};`,
  };
}
