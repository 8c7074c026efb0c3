import type { Client } from "../../postgres/index.js";
import type { ExplainedTable } from "./table.js";

export type TableCommand = "select" | "insert" | "update" | "delete";

/** A policy that holds for an identity and a command. */
export interface AppliedPolicy {
  readonly name: string;
  readonly permissive: boolean;
  /** The roles it is written for; `public` is everybody. */
  readonly roles: readonly string[];
  /** Which rows that are there it is about; undefined for inserts and where it says nothing. */
  readonly using: string | undefined;
  /** What a written row has to be like; the same as `using` where the policy says nothing else. */
  readonly check: string | undefined;
}

/** What an identity may do with one command, by rights and policies. */
export interface CommandRules {
  readonly command: TableCommand;
  readonly outcome: "no right" | "every row" | "no row" | "by policies";
  readonly permissive: readonly AppliedPolicy[];
  readonly restrictive: readonly AppliedPolicy[];
  /** The same in words. */
  readonly sentence: string;
}

/** How a role stands to a table and its row security. */
export interface RoleStanding {
  readonly role: string;
  /** Has `bypassrls` or is a superuser. */
  readonly bypasses: boolean;
  /** Has the rights of the table's owner. */
  readonly owns: boolean;
  readonly usesSchema: boolean;
  readonly granted: Readonly<Record<TableCommand, "table" | "columns" | "none">>;
  /** The columns it may read, in their order. */
  readonly readable: readonly string[];
  /** Whether row security holds for it at all. */
  readonly bound: boolean;
}

/** Who is bound follows `check_enable_rls` of https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/utils/misc/rls.c. */
const standingOf = `
select
  rolbypassrls or rolsuper as bypasses,
  pg_has_role(rolname, relowner, 'usage') as owns,
  has_schema_privilege(rolname, relnamespace, 'usage') as "usesSchema",
  (
    select json_object_agg(command, case
      when has_table_privilege(rolname, class.oid, command) then 'table'
      when command <> 'delete' and has_any_column_privilege(rolname, class.oid, command) then 'columns'
      else 'none'
    end)
    from unnest('{select,insert,update,delete}'::text[]) as commands (command)
  ) as granted,
  (
    select coalesce(array_agg(attname::text order by attnum), '{}')
    from pg_attribute
    where attrelid = class.oid and attnum > 0 and not attisdropped
      and has_column_privilege(rolname, class.oid, attnum, 'select')
  ) as readable
from pg_class as class, pg_roles
where class.oid = $1::oid and rolname = $2
`;

/** Reads what a role may do with a table before any policy is asked. */
export async function readStanding(
  client: Client,
  table: ExplainedTable,
  role: string,
): Promise<RoleStanding> {
  const { rows } = await client.query<Omit<RoleStanding, "role" | "bound">>(standingOf, [table.oid, role]);
  const [found] = rows;
  if (!found) throw new Error(`the role ${role} vanished`);
  const { enabled, forced } = table.rowSecurity;
  const isBound = enabled && !found.bypasses && (!found.owns || forced);
  return { role, ...found, bound: isBound };
}

interface PolicyRow {
  readonly name: string;
  readonly command: string;
  readonly permissive: boolean;
  readonly roles: string[];
  readonly using: string | null;
  readonly check: string | null;
}

/** Policies for a role, as `check_role_for_policy` of rowsecurity.c picks them; `*` stands for all commands. */
const policiesFor = `
select
  polname as name,
  polcmd as command,
  polpermissive as permissive,
  array(
    select case when role = 0 then 'public' else pg_get_userbyid(role)::text end from unnest(polroles) as roles (role)
  ) as roles,
  pg_get_expr(polqual, polrelid) as using,
  pg_get_expr(polwithcheck, polrelid) as check
from pg_policy
where polrelid = $1::oid
  and exists (
    select from unnest(polroles) as roles (role) where role = 0 or pg_has_role($2, nullif(role, 0), 'usage')
  )
order by polname
`;

const letters: Readonly<Record<TableCommand, string>> = {
  select: "r",
  insert: "a",
  update: "w",
  delete: "d",
};

/** Reads which policies hold for a role, command by command, and puts what they come to into words. */
export async function readRules(
  client: Client,
  table: ExplainedTable,
  standing: RoleStanding,
): Promise<CommandRules[]> {
  const { rows } = await client.query<PolicyRow>(policiesFor, [table.oid, standing.role]);
  return (Object.keys(letters) as TableCommand[]).map((command) => {
    const applied = rows
      .filter((policy) => policy.command === "*" || policy.command === letters[command])
      .map((policy) => appliedPolicy(policy, command));
    const permissive = applied.filter((policy) => policy.permissive);
    const restrictive = applied.filter((policy) => !policy.permissive);
    const outcome = outcomeOf(command, standing, permissive);
    const sentence = inWords(table, standing, { command, outcome, permissive, restrictive });
    return { command, outcome, permissive, restrictive, sentence };
  });
}

function appliedPolicy(policy: PolicyRow, command: TableCommand): AppliedPolicy {
  const { name, permissive, roles, using, check } = policy;
  const writes = command === "insert" || command === "update";
  return {
    name,
    permissive,
    roles,
    using: command === "insert" ? undefined : (using ?? undefined),
    check: writes ? (check ?? using ?? undefined) : undefined,
  };
}

function outcomeOf(
  command: TableCommand,
  { usesSchema, granted, bound }: RoleStanding,
  permissive: readonly AppliedPolicy[],
): CommandRules["outcome"] {
  if (!usesSchema || granted[command] === "none") return "no right";
  if (!bound) return "every row";
  return permissive.length === 0 ? "no row" : "by policies";
}

function inWords(
  table: ExplainedTable,
  standing: RoleStanding,
  { command, outcome, permissive, restrictive }: Omit<CommandRules, "sentence">,
): string {
  const { role, usesSchema } = standing;
  switch (outcome) {
    case "no right":
      return usesSchema
        ? `${role} has no right to ${command}.`
        : `${role} has no right to use the schema ${table.schema}.`;
    case "every row":
      return `every row: ${whyNotBound(table, standing)}.`;
    case "no row":
      return restrictive.length === 0
        ? `no row: row security is on and no policy lets ${role} ${command}.`
        : `no row: there are restrictive policies only, and none that lets ${role} ${command}.`;
    case "by policies": {
      const any = named(permissive, "or");
      const all =
        restrictive.length === 0 ? "" : `, and only where ${named(restrictive, "and")} ${holds(restrictive)}`;
      const columns = standing.granted[command] === "columns" ? " Some columns only." : "";
      return `rows for which ${any} ${holds(permissive)}${all}.${columns}`;
    }
  }
}

function holds(policies: readonly AppliedPolicy[]): string {
  return policies.length === 1 ? "holds" : "hold";
}

function named(policies: readonly AppliedPolicy[], word: "or" | "and"): string {
  return policies.map(({ name }) => JSON.stringify(name)).join(` ${word} `);
}

/** Why row security does not hold for a role, in words. */
export function whyNotBound(table: ExplainedTable, { role, bypasses, owns }: RoleStanding): string {
  if (!table.rowSecurity.enabled) return `row security of ${table.schema}.${table.name} is off`;
  if (bypasses) return `row security does not hold for ${role}, who has bypassrls or is a superuser`;
  if (owns) return `row security is not forced, and ${role} has the rights of the owner ${table.owner}`;
  return `row security holds for ${role}`;
}
