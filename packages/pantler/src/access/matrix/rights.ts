import type { Client } from "../../postgres/index.js";
import type { PolicyFacts, RelationFacts } from "./facts.js";
import type { Command } from "./matrix.js";

/** What a role was granted on a relation, and whether row security holds for it there. */
export interface Rights {
  readonly granted: Readonly<Record<Command, readonly string[]>>;
  /** Whether the role may select from the whole relation, its system columns included. */
  readonly selectsAll: boolean;
  readonly deletes: boolean;
  readonly rowSecurity: boolean;
  /** The ids of the roles whose policies hold for it. */
  readonly policies: readonly PolicyFacts[];
}

/** Row security holds as `check_enable_rls` of PostgreSQL's rls.c decides it. */
const rightsOf = `
select
  c.oid::text as oid,
  s.usable and has_table_privilege(r.oid, c.oid, 'select') as "selectsAll",
  s.usable and has_table_privilege(r.oid, c.oid, 'delete') as deletes,
  columns."select",
  columns."insert",
  columns."update",
  c.relrowsecurity and not r.rolbypassrls and not r.rolsuper
    and (c.relforcerowsecurity or not pg_has_role(r.oid, c.relowner, 'usage')) as "rowSecurity"
from pg_roles r
cross join pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select has_schema_privilege(r.oid, n.oid, 'usage') as usable) s
cross join lateral (
  select
    coalesce(array_agg(attname::text order by attnum) filter (where has_column_privilege(r.oid, c.oid, attnum, 'select')), '{}') as "select",
    coalesce(array_agg(attname::text order by attnum) filter (where has_column_privilege(r.oid, c.oid, attnum, 'insert')), '{}') as "insert",
    coalesce(array_agg(attname::text order by attnum) filter (where has_column_privilege(r.oid, c.oid, attnum, 'update')), '{}') as "update"
  from pg_attribute
  where attrelid = c.oid and attnum > 0 and not attisdropped and s.usable
) columns
where r.rolname = $1 and c.oid = any ($2::oid[])
`;

/** The roles whose rights a role has, as ids. */
const rolesOf = "select oid::text as oid from pg_roles where pg_has_role($1::name, oid, 'usage')";

/** Reads what a role may do with relations, by their ids. */
export async function readRights(
  client: Client,
  role: string,
  relations: readonly RelationFacts[],
): Promise<Map<string, Rights>> {
  const { rows: roles } = await client.query<{ oid: string }>(rolesOf, [role]);
  const held = new Set(["0", ...roles.map(({ oid }) => oid)]);
  const { rows } = await client.query<{
    oid: string;
    selectsAll: boolean;
    deletes: boolean;
    select: string[];
    insert: string[];
    update: string[];
    rowSecurity: boolean;
  }>(rightsOf, [role, relations.map(({ oid }) => oid)]);
  const policies = new Map(relations.map((relation) => [relation.oid, relation.policies]));
  return new Map(
    rows.map(({ oid, select, insert, update, ...row }) => [
      oid,
      {
        ...row,
        granted: { select, insert, update, delete: [] },
        policies: (policies.get(oid) ?? []).filter(({ roles: named }) => named.some((one) => held.has(one))),
      },
    ]),
  );
}

/** What grants and policies say without any row being tried. */
export interface Ruling {
  readonly level: "all" | "none";
  readonly why: string;
}

/**
 * Tells what is certain from grants and policies alone, whatever rows there are.
 * @returns undefined where it depends on the rows
 */
export function rulingOf(relation: RelationFacts, rights: Rights, command: Command): Ruling | undefined {
  const isGranted = command === "delete" ? rights.deletes : rights.granted[command].length > 0;
  if (!isGranted) return { level: "none", why: "not granted" };
  if (!relation.takes.includes(command)) {
    return { level: "none", why: `a ${relation.kind} of this kind takes no ${command}` };
  }
  if (relation.kind === "view" || relation.kind === "foreign table") return undefined;
  if (!rights.rowSecurity) return { level: "all", why: "row security does not hold" };
  const holding = rights.policies.filter((policy) => policy.command === "all" || policy.command === command);
  const permissive = holding.filter((policy) => policy.permissive);
  if (permissive.length === 0) return { level: "none", why: "no policy allows it" };
  const isOpen = permissive.some((policy) => isAlwaysTrue(policy, command));
  const isClosed = holding.some((policy) => !policy.permissive);
  return isOpen && !isClosed ? { level: "all", why: "a policy allows everything" } : undefined;
}

function isAlwaysTrue({ using, check }: PolicyFacts, command: Command): boolean {
  const asked =
    command === "insert" ? [check ?? using] : command === "update" ? [using, check ?? using] : [using];
  return asked.every((expression) => expression === "true");
}
