import { type Client, quoteIdentifier, quoteLiteral, quoteQualified } from "../postgres/index.js";
import type { DumpEntry } from "./dump-entry.js";
import { block, whereAllowed } from "./guards.js";
import { managedRoles } from "./managed-schemas.js";
import { roleOrPublic } from "./role-or-public.js";
import { supabasesFunction } from "./supabase-functions.js";

const triggersOf = `
select
  nspname as schema,
  relname as table,
  tgname as name,
  pg_get_userbyid(relowner) as owner,
  pg_get_triggerdef(pg_trigger.oid) as definition,
  case tgenabled when 'D' then 'disable' when 'R' then 'enable replica' when 'A' then 'enable always' end as state,
  obj_description(pg_trigger.oid, 'pg_trigger') as comment
from pg_trigger
join pg_class as class on class.oid = tgrelid
join pg_namespace on pg_namespace.oid = relnamespace
join pg_proc as function on function.oid = tgfoid
where not tgisinternal
  and tgparentid = 0
  and nspname = any ($1)
  and not ${supabasesFunction("$1", "$2")}
order by schema, relname, tgname
`;

const policiesOf = `
select
  nspname as schema,
  relname as table,
  polname as name,
  pg_get_userbyid(relowner) as owner,
  polpermissive as permissive,
  case polcmd
    when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
  end as command,
  (
    select json_agg(case role when 0 then null else pg_get_userbyid(role) end)
    from unnest(polroles) as role
  ) as roles,
  pg_get_expr(polqual, polrelid) as using,
  pg_get_expr(polwithcheck, polrelid) as check,
  obj_description(pg_policy.oid, 'pg_policy') as comment
from pg_policy
join pg_class as class on class.oid = polrelid
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = any ($1)
  and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = polrelid and deptype = 'e')
order by schema, relname, polname
`;

interface OnTable {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly owner: string;
  readonly comment: string | null;
}

interface TriggerRow extends OnTable {
  readonly definition: string;
  readonly state: string | null;
}

interface PolicyRow extends OnTable {
  readonly permissive: boolean;
  readonly command: string;
  readonly roles: readonly (string | null)[];
  readonly using: string | null;
  readonly check: string | null;
}

/** Reads the project's triggers and policies on tables of these schemas. */
export async function readAddedOnTables(client: Client, schemas: readonly string[]): Promise<DumpEntry[]> {
  const { rows: triggers } = await client.query<TriggerRow>(triggersOf, [schemas, managedRoles]);
  const { rows: policies } = await client.query<PolicyRow>(policiesOf, [schemas]);
  return [...triggers.map(triggerEntry), ...policies.map(policyEntry)];
}

/** A trigger may be made without owning the table, but not dropped: the same one is left as it is. */
function triggerEntry(row: TriggerRow): DumpEntry {
  const table = quoteQualified(row.schema, row.table);
  const trigger = `trigger ${quoteIdentifier(row.name)} on ${table}`;
  const same = `tgrelid = ${quoteLiteral(table)}::regclass and tgname = ${quoteLiteral(row.name)}`;
  const lines =
    `  if not exists (\n    select from pg_catalog.pg_trigger\n    where ${same}\n` +
    `      and pg_get_triggerdef(oid) = ${quoteLiteral(row.definition)}\n  ) then\n` +
    `    if exists (select from pg_catalog.pg_trigger where ${same}) then\n      drop ${trigger};\n    end if;\n` +
    `    execute ${quoteLiteral(row.definition)};\n  end if;\n`;
  const state =
    row.state === null ? [] : [`alter table ${table} ${row.state} trigger ${quoteIdentifier(row.name)}`];
  return entryOnTable(row, "TRIGGER", [block(lines), ...state, ...commentOn(trigger, row)]);
}

function policyEntry(row: PolicyRow): DumpEntry {
  const target = `${quoteIdentifier(row.name)} on ${quoteQualified(row.schema, row.table)}`;
  const create = [
    `create policy ${target}`,
    `as ${row.permissive ? "permissive" : "restrictive"} for ${row.command}`,
    `to ${row.roles.map(roleOrPublic).join(", ")}`,
    ...(row.using === null ? [] : [`using (${row.using})`]),
    ...(row.check === null ? [] : [`with check (${row.check})`]),
  ].join("\n  ");
  return entryOnTable(row, "POLICY", [
    `drop policy if exists ${target}`,
    create,
    ...commentOn(`policy ${target}`, row),
  ]);
}

function entryOnTable(row: OnTable, type: string, statements: readonly string[]): DumpEntry {
  return {
    section: "post",
    type,
    schema: row.schema,
    name: `${row.table} ${row.name}`,
    owner: row.owner,
    relation: { schema: row.schema, name: row.table },
    sql: statements.map((statement) => `${statement};`).join("\n\n"),
  };
}

function commentOn(what: string, { comment }: OnTable): string[] {
  return comment === null ? [] : [whereAllowed([`comment on ${what} is ${quoteLiteral(comment)}`])];
}
