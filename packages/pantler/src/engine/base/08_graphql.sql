create function graphql_public.graphql(
  "operationName" text default null,
  query text default null,
  variables jsonb default null,
  extensions jsonb default null
)
returns jsonb
language plpgsql
as $$
begin
  if to_regprocedure('graphql.resolve(text, jsonb, text, jsonb)') is null then
    return jsonb_build_object(
      'errors',
      jsonb_build_array(jsonb_build_object('message', 'the extension pg_graphql is not enabled'))
    );
  end if;
  return graphql.resolve(
    query => graphql.query,
    variables => coalesce(graphql.variables, '{}'),
    "operationName" => graphql."operationName",
    extensions => graphql.extensions
  );
end
$$;

grant execute on function graphql_public.graphql(text, text, jsonb, jsonb)
  to postgres, anon, authenticated, service_role;
