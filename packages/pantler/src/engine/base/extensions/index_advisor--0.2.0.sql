create function index_advisor(query text)
returns table (
  startup_cost_before jsonb,
  startup_cost_after jsonb,
  total_cost_before jsonb,
  total_cost_after jsonb,
  index_statements text[],
  errors text[]
)
language plpgsql
as $$
begin
  raise exception
    'index_advisor cannot advise: this server has a stub of index_advisor; point engine: { url } at a server that has the real one'
    using errcode = 'feature_not_supported';
end
$$;

comment on function index_advisor(text) is 'Stub: raises feature_not_supported';
