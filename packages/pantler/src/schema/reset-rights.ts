import { quoteLiteral } from "../postgres/index.js";
import type { DumpEntry } from "./dump-entry.js";
import { block } from "./guards.js";
import { managedRoles, managedSchemas } from "./managed-schemas.js";

/**
 * The entry that comes before all others. pg_dump writes the rights on an object as what has to be added to those a
 * server without default privileges gives. A Supabase database has such, and gives everybody rights on what is made
 * in `public`; where they stayed, what is restored would be open to more people than it was. The default privileges
 * of the source are among the last entries.
 */
export function resettingRights(): DumpEntry {
  return {
    section: "pre",
    type: "RESET ACL",
    schema: undefined,
    name: "SCHEMA public, DEFAULT PRIVILEGES",
    owner: "",
    sql: `${block(lines, declarations)};`,
  };
}

const list = (names: readonly string[]) => `array[${names.map(quoteLiteral).join(", ")}]`;

const declarations = `  given record;
  change text;
  grantee text;
`;

/** Only for those in whose name the restore may act: nobody else's default privileges touch what it makes. */
const lines = `  for given in
    select
      oid,
      nspname as schema,
      quote_ident(pg_get_userbyid(defaclrole)) as role,
      case defaclobjtype
        when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
        when 'n' then 'schemas' else 'large objects'
      end as objects,
      defaclacl as acl
    from pg_catalog.pg_default_acl
    left join (select oid as schema_oid, nspname from pg_catalog.pg_namespace) as place on schema_oid = defaclnamespace
    where pg_has_role(defaclrole, 'usage')
      and (pg_get_userbyid(defaclrole) = current_user or pg_get_userbyid(defaclrole) <> all (${list(managedRoles)}))
      and (nspname is null or nspname <> all (${list(managedSchemas)}))
  loop
    change := 'alter default privileges for role ' || given.role || coalesce(' in schema ' || quote_ident(given.schema), '');
    for grantee in
      select distinct case entry.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(entry.grantee)) end
      from aclexplode(given.acl) as entry
    loop
      execute change || ' revoke all on ' || given.objects || ' from ' || grantee;
    end loop;
    if given.schema is null then
      execute change || ' grant all on ' || given.objects || ' to ' || given.role;
      if given.objects in ('functions', 'types') then
        execute change || ' grant all on ' || given.objects || ' to public';
      end if;
    end if;
  end loop;
  for grantee in
    select distinct case entry.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(entry.grantee)) end
    from pg_catalog.pg_namespace
    cross join aclexplode(nspacl) as entry
    where nspname = 'public' and entry.grantee <> nspowner and pg_has_role(nspowner, 'usage')
  loop
    execute 'revoke all on schema public from ' || grantee;
    -- What a server gives by itself.
    grant usage on schema public to public;
  end loop;
`;
