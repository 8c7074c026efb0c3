-- Trusted extensions, publications and new schemas ask for create on the database.
alter database postgres owner to postgres;

create schema auth;
create schema storage;
create schema extensions;
create schema vault;
create schema graphql;
create schema graphql_public;
create schema realtime;
create schema supabase_functions;

-- The grant options let a migration grant usage again, which real ones do as a matter of habit.
grant usage on schema public to postgres, anon, authenticated, service_role;

grant usage, create on schema auth to supabase_auth_admin, dashboard_user;
grant usage on schema auth to postgres with grant option;
grant usage on schema auth to anon, authenticated, service_role;

grant usage, create on schema storage to supabase_storage_admin, dashboard_user;
grant usage on schema storage to postgres with grant option;
grant usage on schema storage to anon, authenticated, service_role;

grant usage, create on schema extensions to postgres with grant option;
grant usage, create on schema extensions to dashboard_user;
grant usage on schema extensions to anon, authenticated, service_role;

grant usage on schema vault to postgres with grant option;
grant usage on schema vault to service_role;

grant usage on schema graphql, graphql_public to postgres with grant option;
grant usage on schema graphql, graphql_public to anon, authenticated, service_role;

grant usage, create on schema realtime to supabase_realtime_admin;
grant usage on schema realtime to postgres with grant option;
grant usage on schema realtime to anon, authenticated, service_role;

grant usage, create on schema supabase_functions to supabase_functions_admin;
grant usage on schema supabase_functions to postgres with grant option;
grant usage on schema supabase_functions to anon, authenticated, service_role;

alter default privileges for role postgres in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on functions to postgres, anon, authenticated, service_role;

alter default privileges for role supabase_admin in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
  grant all on functions to postgres, anon, authenticated, service_role;

alter default privileges for role postgres in schema storage
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema storage
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema storage
  grant all on functions to postgres, anon, authenticated, service_role;

alter default privileges for role supabase_auth_admin in schema auth
  grant all on tables to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on sequences to postgres, dashboard_user;
alter default privileges for role supabase_auth_admin in schema auth
  grant all on functions to postgres, dashboard_user;

alter default privileges for role supabase_admin in schema graphql, graphql_public
  grant all on functions to postgres, anon, authenticated, service_role;

alter default privileges for role supabase_admin in schema realtime
  grant all on tables to postgres, dashboard_user;
alter default privileges for role supabase_admin in schema realtime
  grant all on functions to postgres, dashboard_user;

alter default privileges for role supabase_admin in schema extensions
  grant all on functions to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions
  grant all on tables to postgres with grant option;

set local role postgres;

create publication supabase_realtime;

reset role;
