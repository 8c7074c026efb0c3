create function hypopg(
  out indexname text,
  out indexrelid oid,
  out indrelid oid,
  out innatts integer,
  out indisunique boolean,
  out indkey int2vector,
  out indcollation oidvector,
  out indclass oidvector,
  out indoption oidvector,
  out indexprs pg_node_tree,
  out indpred pg_node_tree,
  out amid oid
)
returns setof record
language sql
stable
as $$
  select
    null::text, null::oid, null::oid, null::integer, null::boolean, null::int2vector,
    null::oidvector, null::oidvector, null::oidvector, null::pg_node_tree, null::pg_node_tree, null::oid
  where false
$$;

create view hypopg_list_indexes as
select
  hypothetical.indexrelid,
  hypothetical.indexname as index_name,
  null::name as schema_name,
  null::name as table_name,
  null::name as am_name
from @extschema@.hypopg() as hypothetical;

create function hypopg_create_index(sql_order text, out indexrelid oid, out indexname text)
returns setof record
language plpgsql
as $$
begin
  raise exception
    'hypopg_create_index cannot plan: this server has a stub of hypopg; point engine: { url } at a server that has the real one'
    using errcode = 'feature_not_supported';
end
$$;

create function hypopg_drop_index(indexid oid)
returns boolean
language sql
as $$
  select false
$$;

create function hypopg_reset()
returns void
language sql
as $$
  select
$$;

comment on function hypopg_create_index(text) is 'Stub: raises feature_not_supported';
comment on function hypopg_drop_index(oid) is 'Stub: there are no hypothetical indexes, so none was dropped';
comment on function hypopg_reset() is 'Stub: there are no hypothetical indexes to forget';
comment on view hypopg_list_indexes is 'Empty for ever: this is a stub of hypopg';

grant select on hypopg_list_indexes to public;
