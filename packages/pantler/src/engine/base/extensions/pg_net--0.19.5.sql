-- A project may have made the schema before it asks for the extension.
do $$
begin
  if to_regnamespace('net') is null then
    create schema net;
  end if;
end
$$;

create domain net.http_method as text
  check (upper(value) in ('GET', 'POST', 'DELETE'));

create type net.request_status as enum ('PENDING', 'SUCCESS', 'ERROR');

create type net.http_response as (
  status_code integer,
  headers jsonb,
  body text
);

create type net.http_response_result as (
  status net.request_status,
  message text,
  response net.http_response
);

create unlogged table net.http_request_queue (
  id bigserial,
  method net.http_method not null,
  url text not null,
  headers jsonb,
  body bytea,
  timeout_milliseconds integer not null
);

create unlogged table net._http_response (
  id bigint,
  status_code integer,
  content_type text,
  headers jsonb,
  content text,
  timed_out boolean,
  error_msg text,
  created timestamp with time zone not null default now()
);

create index _http_response_created_idx on net._http_response (created);

comment on schema net is 'Made by a stub of pg_net: requests are queued here and never sent';
comment on table net.http_request_queue is 'The requests that were asked for; this stub of pg_net sends none of them';
comment on table net._http_response is 'Empty for ever: this stub of pg_net sends nothing, so nothing answers';

create function net._urlencode_string(string character varying)
returns text
language sql
immutable
strict
set search_path = ''
as $$
  select coalesce(
    pg_catalog.string_agg(
      case
        when letter ~ '^[A-Za-z0-9_.~-]$' then letter
        else pg_catalog.regexp_replace(
          pg_catalog.upper(pg_catalog.encode(pg_catalog.convert_to(letter, 'UTF8'), 'hex')),
          '(..)',
          '%\1',
          'g'
        )
      end,
      ''
      order by position
    ),
    ''
  )
  from pg_catalog.unnest(pg_catalog.string_to_array(string, null)) with ordinality as letters (letter, position)
$$;

create function net._encode_url_with_params_array(url text, params_array text[])
returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when pg_catalog.cardinality(params_array) > 0
      then url
        || case when pg_catalog.strpos(url, '?') > 0 then '&' else '?' end
        || pg_catalog.array_to_string(params_array, '&')
    else url
  end
$$;

create function net._queue(
  method text,
  url text,
  params jsonb,
  headers jsonb,
  body jsonb,
  timeout_milliseconds integer
)
returns bigint
language sql
security definer
set search_path = ''
as $$
  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  select
    _queue.method,
    net._encode_url_with_params_array(
      _queue.url,
      (
        select pg_catalog.array_agg(net._urlencode_string(param.key) || '=' || net._urlencode_string(param.value))
        from pg_catalog.jsonb_each_text(_queue.params) as param
      )
    ),
    _queue.headers,
    pg_catalog.convert_to(_queue.body::text, 'UTF8'),
    _queue.timeout_milliseconds
  returning id
$$;

create function net.http_get(
  url text,
  params jsonb default '{}',
  headers jsonb default '{}',
  timeout_milliseconds integer default 5000
)
returns bigint
language sql
security definer
set search_path = ''
as $$
  select net._queue('GET', url, params, headers, null, timeout_milliseconds)
$$;

create function net.http_post(
  url text,
  body jsonb default '{}',
  params jsonb default '{}',
  headers jsonb default '{"Content-Type": "application/json"}',
  timeout_milliseconds integer default 5000
)
returns bigint
language plpgsql
security definer
set search_path = ''
as $$
declare
  content_type constant text := (
    select header.value
    from pg_catalog.jsonb_each_text(coalesce(headers, '{}')) as header
    where pg_catalog.lower(header.key) = 'content-type'
    limit 1
  );
begin
  if content_type not like 'application/json%' then
    raise exception 'Content-Type header must be "application/json"' using errcode = 'invalid_parameter_value';
  end if;
  return net._queue(
    'POST',
    url,
    params,
    case
      when content_type is null
        then coalesce(headers, '{}') || '{"Content-Type": "application/json"}'
      else headers
    end,
    body,
    timeout_milliseconds
  );
end
$$;

create function net.http_delete(
  url text,
  params jsonb default '{}',
  headers jsonb default '{}',
  timeout_milliseconds integer default 5000,
  body jsonb default null
)
returns bigint
language sql
security definer
set search_path = ''
as $$
  select net._queue('DELETE', url, params, headers, body, timeout_milliseconds)
$$;

create function net._http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result
language sql
stable
set search_path = ''
as $$
  select (
    'PENDING',
    'queued for good: this is a stub of pg_net, which sends nothing',
    null
  )::net.http_response_result
$$;

create function net.http_collect_response(request_id bigint, async boolean default true)
returns net.http_response_result
language sql
stable
set search_path = ''
as $$
  select net._http_collect_response(request_id, async)
$$;

create function net.check_worker_is_up()
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception
    'net.check_worker_is_up finds no worker: this server has a stub of pg_net; point engine: { url } at a server that has the real one'
    using errcode = 'feature_not_supported';
end
$$;

create function net.worker_restart()
returns boolean
language sql
set search_path = ''
as $$
  select false
$$;

comment on function net.http_get(text, jsonb, jsonb, integer) is 'Stub: queues the request and does not send it';
comment on function net.http_post(text, jsonb, jsonb, jsonb, integer) is 'Stub: queues the request and does not send it';
comment on function net.http_delete(text, jsonb, jsonb, integer, jsonb) is 'Stub: queues the request and does not send it';
comment on function net.worker_restart() is 'Stub: there is no worker, so none was restarted';

revoke execute on function net._queue(text, text, jsonb, jsonb, jsonb, integer) from public;

grant usage on schema net to postgres with grant option;
grant usage on schema net to anon, authenticated, service_role, supabase_functions_admin;
grant all on all tables in schema net to postgres with grant option;
grant all on all sequences in schema net to postgres with grant option;
grant select on net.http_request_queue, net._http_response to service_role, supabase_functions_admin;
grant execute on all functions in schema net to postgres with grant option;
