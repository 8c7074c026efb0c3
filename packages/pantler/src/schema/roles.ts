import type { Client } from "../postgres/index.js";
import { dumpedSchemas, supabaseRoles } from "./managed-schemas.js";

/** A role that a project needs, without its password. */
export interface Role {
  readonly name: string;
  readonly login: boolean;
  readonly inherit: boolean;
  readonly superuser: boolean;
  /** Whether something of the project's belongs to it. */
  readonly owns: boolean;
  readonly createDatabase: boolean;
  readonly createRole: boolean;
  readonly replication: boolean;
  readonly bypassRowSecurity: boolean;
  /** -1 for no limit. */
  readonly connectionLimit: number;
  /** The needed roles it is a member of. */
  readonly memberships: readonly Membership[];
  readonly settings: readonly RoleSetting[];
}

/** That one role is a member of another. */
export interface Membership {
  readonly role: string;
  readonly admin: boolean;
  /** Since PostgreSQL 16, else undefined: whether it has that role's rights, and whether it may become it. */
  readonly inherit: boolean | undefined;
  readonly set: boolean | undefined;
}

/** A setting that a role's sessions begin with. */
export interface RoleSetting {
  readonly name: string;
  /** As the catalog keeps it. */
  readonly value: string;
  /** Whether it is for the sessions in this database alone. */
  readonly hereOnly: boolean;
}

/**
 * Roles that something of the project belongs to, is granted to or is a policy for, the roles that those of
 * the project's own among them are members of, and their members. pg_shdepend knows the first three, save for the bootstrap superuser
 * (https://www.postgresql.org/docs/17/catalog-pg-shdepend.html).
 */
const neededRoles = `
with recursive
  own as (
    select oid from pg_namespace where nspname = any ($1)
  ),
  named as (
    select refobjid as role, deptype = 'o' as owns
    from pg_shdepend
    left join pg_class as class on classid = 'pg_class'::regclass and class.oid = objid
    left join pg_proc on classid = 'pg_proc'::regclass and pg_proc.oid = objid
    left join pg_type on classid = 'pg_type'::regclass and pg_type.oid = objid
    left join pg_namespace on classid = 'pg_namespace'::regclass and pg_namespace.oid = objid
    left join pg_default_acl on classid = 'pg_default_acl'::regclass and pg_default_acl.oid = objid
    where refclassid = 'pg_authid'::regclass
      and deptype in ('o', 'a', 'r')
      and dbid = (select oid from pg_database where datname = current_database())
      and (
        coalesce(relnamespace, pronamespace, typnamespace, pg_namespace.oid, nullif(defaclnamespace, 0)) is null
        or coalesce(relnamespace, pronamespace, typnamespace, pg_namespace.oid, defaclnamespace) in (select oid from own)
      )
    union
    select relowner, true
    from pg_class
    where relnamespace in (select oid from own)
      and not exists (
        select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('e', 'i')
      )
    union
    select proowner, true
    from pg_proc
    where pronamespace in (select oid from own)
      and not exists (
        select from pg_depend where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype in ('e', 'i')
      )
    union
    select nspowner, true from pg_namespace where oid in (select oid from own)
  ),
  needed as (
    select role from named
    union
    select case when membership.member = needed.role then membership.roleid else membership.member end
    from needed
    join pg_auth_members as membership on needed.role in (membership.member, membership.roleid)
    where pg_get_userbyid(needed.role) <> all ($2)
      -- Since 16 whoever creates a role may administer it, and is a member in no other sense.
      and (to_jsonb(membership) -> 'inherit_option' is distinct from 'false'
        or to_jsonb(membership) -> 'set_option' is distinct from 'false')
  )
select
  rolname as name,
  rolcanlogin as login,
  rolinherit as inherit,
  rolsuper as superuser,
  exists (select from named where owns and role = pg_roles.oid) as owns,
  rolcreatedb as "createDatabase",
  rolcreaterole as "createRole",
  rolreplication as replication,
  rolbypassrls as "bypassRowSecurity",
  rolconnlimit as "connectionLimit",
  coalesce(memberships, '[]') as memberships,
  coalesce(settings, '[]') as settings
from pg_roles
left join lateral (
  select json_agg(membership order by membership.role) as memberships
  from (
    select
      pg_get_userbyid(roleid) as role,
      bool_or(admin_option) as admin,
      -- Not columns before PostgreSQL 16.
      bool_or((to_jsonb(granted) ->> 'inherit_option')::boolean) as inherit,
      bool_or((to_jsonb(granted) ->> 'set_option')::boolean) as set
    from pg_auth_members as granted
    where member = pg_roles.oid
      and roleid in (select role from needed)
      and pg_get_userbyid(roleid) !~ '^pg_'
    group by roleid
  ) as membership
) as memberships on true
left join lateral (
  select
    json_agg(
      json_build_object(
        'name', split_part(setting, '=', 1),
        'value', substr(setting, strpos(setting, '=') + 1),
        'hereOnly', setdatabase <> 0
      )
      order by setdatabase, setting
    ) as settings
  from pg_db_role_setting
  cross join unnest(setconfig) as setting
  where setrole = pg_roles.oid
    and setdatabase in (0, (select oid from pg_database where datname = current_database()))
) as settings on true
where oid in (select role from needed) and rolname !~ '^pg_'
order by rolname
`;

/**
 * Reads the roles that a project needs, in the transaction that is open, if one is. What each must be able to do is
 * there; passwords are not, since only a superuser sees them.
 */
export async function readRoles(client: Client): Promise<Role[]> {
  const { rows } = await client.query<
    Omit<Role, "memberships"> & {
      memberships: (Omit<Membership, "inherit" | "set"> & { inherit: boolean | null; set: boolean | null })[];
    }
  >(neededRoles, [await dumpedSchemas(client), supabaseRoles]);
  return rows.map((role) => ({
    ...role,
    memberships: role.memberships.map(({ inherit, set, ...membership }) => ({
      ...membership,
      inherit: inherit ?? undefined,
      set: set ?? undefined,
    })),
  }));
}
