-- The passwords are the Supabase CLI's and guard a server that listens on this machine only.
create role postgres login nosuperuser createdb createrole replication bypassrls password 'postgres';

create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit password 'postgres';

create role supabase_auth_admin login noinherit createrole password 'postgres';
create role supabase_storage_admin login noinherit createrole password 'postgres';
create role supabase_functions_admin login noinherit createrole password 'postgres';
create role supabase_realtime_admin nologin noinherit;
create role supabase_replication_admin login replication password 'postgres';
create role supabase_read_only_user login bypassrls password 'postgres';
create role dashboard_user nologin createdb createrole replication;
create role pgbouncer login password 'postgres';

alter role supabase_admin password 'postgres';

grant anon, authenticated, service_role to authenticator;

-- Storage answers each request as the role of its caller. It is given the three roles themselves and not authenticator,
-- so that what postgres reaches through supabase_storage_admin stays a short list.
grant anon, authenticated, service_role to supabase_storage_admin;
grant supabase_functions_admin, supabase_realtime_admin to supabase_admin;

-- Since 16, only the admin option lets a role that is not a superuser change another's settings
-- (alter role authenticator set pgrst.db_pre_request = ...) or pass its membership on.
grant
  anon,
  authenticated,
  service_role,
  authenticator,
  pg_monitor,
  pg_read_all_data,
  pg_signal_backend,
  pg_create_subscription
to postgres with admin option;

-- Policies, and dropping one's own triggers again, ask for ownership of the table. Hosted Supabase grants exactly that
-- much from a loaded library; membership of the owners is the nearest thing in SQL, and allows a little more.
grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin, supabase_functions_admin to postgres;

grant pg_read_all_data, pg_monitor to supabase_read_only_user;

alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_storage_admin set search_path = storage;
alter role supabase_functions_admin set search_path = supabase_functions;
alter role supabase_read_only_user set default_transaction_read_only = on;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';

-- What the hosted postgres role may set although a plain role may not: data dumps open with session_replication_role,
-- and settings of PostgREST are kept on authenticator.
grant set on parameter
  session_replication_role,
  deadlock_timeout,
  log_lock_waits,
  log_min_duration_statement,
  log_min_messages,
  log_parameter_max_length,
  log_replication_commands,
  log_statement,
  log_temp_files,
  track_functions,
  track_io_timing,
  wal_compression,
  auto_explain.log_min_duration,
  auto_explain.log_analyze,
  auto_explain.log_nested_statements,
  pg_stat_statements.track,
  pg_stat_statements.track_utility,
  pg_stat_statements.track_planning,
  pgaudit.log,
  pgaudit.log_catalog,
  pgaudit.role,
  safeupdate.enabled,
  pgrst.db_schemas,
  pgrst.db_extra_search_path,
  pgrst.db_anon_role,
  pgrst.db_pre_request,
  pgrst.db_pre_config,
  pgrst.db_max_rows,
  pgrst.db_tx_end,
  pgrst.db_root_spec,
  pgrst.db_plan_enabled,
  pgrst.db_aggregates_enabled,
  pgrst.db_hoisted_tx_settings,
  pgrst.db_prepared_statements,
  pgrst.openapi_mode,
  pgrst.openapi_security_active,
  pgrst.openapi_server_proxy_uri,
  pgrst.server_timing_enabled,
  pgrst.jwt_aud,
  pgrst.jwt_secret,
  pgrst.jwt_role_claim_key,
  pgrst.jwt_cache_max_lifetime,
  pgrst.log_level
to postgres;
