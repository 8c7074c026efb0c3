set local role supabase_functions_admin;

create table supabase_functions.migrations (
  version text not null,
  inserted_at timestamp with time zone not null default now(),
  constraint migrations_pkey primary key (version)
);

create table supabase_functions.hooks (
  id bigserial not null,
  hook_table_id integer not null,
  hook_name text not null,
  created_at timestamp with time zone not null default now(),
  request_id bigint,
  constraint hooks_pkey primary key (id)
);

create index supabase_functions_hooks_request_id_idx on supabase_functions.hooks (request_id);
create index supabase_functions_hooks_h_table_id_h_name_idx on supabase_functions.hooks (hook_table_id, hook_name);

comment on table supabase_functions.hooks is 'Each call of a database webhook; request_id is null when pg_net was absent';

-- The trigger behind a database webhook. Its arguments are, in order: url, method, headers, parameters, timeout in
-- milliseconds. A webhook happens after the fact, so without pg_net the change itself still goes through.
create function supabase_functions.http_request()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  url constant text := tg_argv[0];
  method constant text := tg_argv[1];
  headers constant jsonb := coalesce(nullif(tg_argv[2], 'null'), '{"Content-Type": "application/json"}')::jsonb;
  params constant jsonb := coalesce(nullif(tg_argv[3], 'null'), '{}')::jsonb;
  timeout_milliseconds constant integer := coalesce(nullif(tg_argv[4], 'null'), '1000')::integer;
  request_id bigint;
begin
  if coalesce(url, 'null') = 'null' then
    raise exception 'the webhook % names no url', tg_name using errcode = 'invalid_parameter_value';
  end if;
  if coalesce(method, 'null') not in ('GET', 'POST') then
    raise exception 'the webhook % names the method %; it can be GET or POST', tg_name, coalesce(method, 'null')
      using errcode = 'invalid_parameter_value';
  end if;

  if pg_catalog.to_regnamespace('net') is not null then
    if method = 'GET' then
      request_id := net.http_get(url, params, headers, timeout_milliseconds);
    else
      request_id := net.http_post(
        url,
        pg_catalog.jsonb_build_object(
          'type', tg_op,
          'table', tg_table_name,
          'schema', tg_table_schema,
          'record', case when tg_op <> 'DELETE' then pg_catalog.to_jsonb(new) end,
          'old_record', case when tg_op <> 'INSERT' then pg_catalog.to_jsonb(old) end
        ),
        params,
        headers,
        timeout_milliseconds
      );
    end if;
  end if;

  insert into supabase_functions.hooks (hook_table_id, hook_name, request_id)
  values (tg_relid::integer, tg_name, request_id);

  return coalesce(new, old);
end
$$;

grant all on all tables in schema supabase_functions to postgres, service_role;
grant all on all sequences in schema supabase_functions to postgres, service_role;
grant execute on function supabase_functions.http_request() to postgres, anon, authenticated, service_role;

reset role;
