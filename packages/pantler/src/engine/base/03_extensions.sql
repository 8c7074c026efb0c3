-- The script of a trusted extension runs as the bootstrap superuser, who then owns every member, so that the role that
-- created the extension could not move it to another schema. Only relocatable extensions are handed over: what a fixed
-- one does with the rights of its owner has to stay with that owner.
create function extensions.hand_over_extension_members()
returns event_trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  member record;
begin
  for member in
    select
      extension.extowner::regrole as new_owner,
      identified.type,
      identified.identity
    from pg_catalog.pg_extension as extension
    inner join pg_catalog.pg_roles as owner on owner.oid = extension.extowner
    inner join pg_catalog.pg_depend as dependency
      on dependency.refclassid = 'pg_catalog.pg_extension'::regclass
      and dependency.refobjid = extension.oid
      and dependency.deptype = 'e'
    left join pg_catalog.pg_proc as routine
      on dependency.classid = 'pg_catalog.pg_proc'::regclass
      and routine.oid = dependency.objid
    left join pg_catalog.pg_type as data_type
      on dependency.classid = 'pg_catalog.pg_type'::regclass
      and data_type.oid = dependency.objid
    left join pg_catalog.pg_operator as operator
      on dependency.classid = 'pg_catalog.pg_operator'::regclass
      and operator.oid = dependency.objid
    left join pg_catalog.pg_opclass as operator_class
      on dependency.classid = 'pg_catalog.pg_opclass'::regclass
      and operator_class.oid = dependency.objid
    left join pg_catalog.pg_opfamily as operator_family
      on dependency.classid = 'pg_catalog.pg_opfamily'::regclass
      and operator_family.oid = dependency.objid
    left join pg_catalog.pg_class as relation
      on dependency.classid = 'pg_catalog.pg_class'::regclass
      and relation.oid = dependency.objid
    left join pg_catalog.pg_ts_dict as dictionary
      on dependency.classid = 'pg_catalog.pg_ts_dict'::regclass
      and dictionary.oid = dependency.objid
    left join pg_catalog.pg_ts_config as configuration
      on dependency.classid = 'pg_catalog.pg_ts_config'::regclass
      and configuration.oid = dependency.objid
    cross join lateral pg_catalog.pg_identify_object(
      dependency.classid,
      dependency.objid,
      dependency.objsubid
    ) as identified
    where extension.extrelocatable
      and not owner.rolsuper
      -- An array type follows its element type, and a row type its relation.
      and (data_type.oid is null or (data_type.typrelid = 0 and data_type.typelem = 0))
      and coalesce(
        routine.proowner,
        data_type.typowner,
        operator.oprowner,
        operator_class.opcowner,
        operator_family.opfowner,
        relation.relowner,
        dictionary.dictowner,
        configuration.cfgowner
      ) = 10
  loop
    execute pg_catalog.format('alter %s %s owner to %s', member.type, member.identity, member.new_owner);
  end loop;
end
$$;

create event trigger hand_over_extension_members
  on ddl_command_end
  when tag in ('CREATE EXTENSION', 'ALTER EXTENSION')
  execute function extensions.hand_over_extension_members();

-- A foreign-data wrapper must belong to a superuser, so its use is granted instead.
create function extensions.grant_foreign_data_wrappers()
returns event_trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  wrapper name;
begin
  for wrapper in
    select fdwname
    from pg_catalog.pg_foreign_data_wrapper
    where not pg_catalog.has_foreign_data_wrapper_privilege('postgres', oid, 'usage with grant option')
  loop
    execute pg_catalog.format('grant usage on foreign data wrapper %I to postgres with grant option', wrapper);
  end loop;
end
$$;

create event trigger grant_foreign_data_wrappers
  on ddl_command_end
  when tag in ('CREATE EXTENSION')
  execute function extensions.grant_foreign_data_wrappers();

-- A text search template has no owner and moves for a superuser only, so unaccent and the dictionaries could not follow
-- the advice to leave public. Whoever alters an extension is one for that single command while such an extension is
-- installed; an error rolls the change of the role back with the command. The lock queues a second database that does
-- the same, which would otherwise fail on the row both of them change.
create function extensions.begin_altering_extension()
returns event_trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  caller constant name := coalesce(nullif(pg_catalog.current_setting('role'), 'none'), session_user);
begin
  if exists (
    select
    from pg_catalog.pg_extension as extension
    inner join pg_catalog.pg_depend as dependency
      on dependency.refclassid = 'pg_catalog.pg_extension'::regclass
      and dependency.refobjid = extension.oid
      and dependency.deptype = 'e'
    where extension.extrelocatable
      and dependency.classid = 'pg_catalog.pg_ts_template'::regclass
      and pg_catalog.pg_get_userbyid(extension.extowner) = caller
  ) and not (select role.rolsuper from pg_catalog.pg_roles as role where role.rolname = caller) then
    lock table pg_catalog.pg_authid in share row exclusive mode;
    execute pg_catalog.format('alter role %I superuser', caller);
    perform pg_catalog.set_config('pantler.raised_role', caller, true);
  end if;
end
$$;

create function extensions.end_altering_extension()
returns event_trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  raised constant text := coalesce(pg_catalog.current_setting('pantler.raised_role', true), '');
begin
  if raised <> '' then
    execute pg_catalog.format('alter role %I nosuperuser', raised);
    perform pg_catalog.set_config('pantler.raised_role', '', true);
  end if;
end
$$;

create event trigger begin_altering_extension
  on ddl_command_start
  when tag in ('ALTER EXTENSION')
  execute function extensions.begin_altering_extension();

create event trigger end_altering_extension
  on ddl_command_end
  when tag in ('ALTER EXTENSION')
  execute function extensions.end_altering_extension();

-- Created as postgres, because a role may move or drop only the extensions it owns.
set local role postgres;

create extension "uuid-ossp" with schema extensions;
create extension pgcrypto with schema extensions;
create extension pg_stat_statements with schema extensions;
create extension pgjwt with schema extensions;
create extension supabase_vault with schema vault;
create extension pg_graphql with schema graphql;

reset role;

grant execute on all functions in schema extensions to anon, authenticated, service_role, dashboard_user;
revoke execute on function
  extensions.hand_over_extension_members(),
  extensions.grant_foreign_data_wrappers(),
  extensions.begin_altering_extension(),
  extensions.end_altering_extension()
from public, anon, authenticated, service_role, dashboard_user;
