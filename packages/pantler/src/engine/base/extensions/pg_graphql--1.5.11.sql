create function graphql.resolve(
  query text,
  variables jsonb default '{}',
  "operationName" text default null,
  extensions jsonb default null
)
returns jsonb
language plpgsql
as $$
begin
  raise exception
    'graphql.resolve cannot answer: this server has a stub of pg_graphql; point engine: { url } at a server that has the real one'
    using errcode = 'feature_not_supported';
end
$$;

create function graphql.exception(message text)
returns text
language plpgsql
as $$
begin
  raise exception using errcode = '22000', message = message;
end
$$;

-- Directives are written in comments as @graphql({...}).
create function graphql.comment_directive(comment_ text)
returns jsonb
language sql
immutable
as $$
  select coalesce(substring(comment_ from '@graphql\((\{.*\})\)')::jsonb, '{}')
$$;

comment on function graphql.resolve(text, jsonb, text, jsonb) is 'Stub: raises feature_not_supported';

grant usage on schema graphql to postgres with grant option;
grant usage on schema graphql to anon, authenticated, service_role;
grant execute on all functions in schema graphql to postgres, anon, authenticated, service_role;
