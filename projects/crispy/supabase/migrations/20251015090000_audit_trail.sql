-- Who changed what of organizations, contacts and opportunities, field by field. In a schema of its own,
-- which PostgREST does not expose unless it is told to.

create schema audit;

create table audit.change_log (
  id bigint generated always as identity primary key,
  table_name text not null,
  record_id bigint not null,
  field_name text not null,
  old_value text,
  new_value text,
  changed_by bigint references public.sales (id) on delete restrict,
  changed_at timestamptz not null default now()
);

create index change_log_record_idx on audit.change_log (table_name, record_id, changed_at desc);
create index change_log_changed_by_idx on audit.change_log (changed_by);

alter table audit.change_log enable row level security;

-- The arguments name the columns that are computed from others and would only repeat them.
create function audit.log_changes() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $function$
declare
  unlogged constant text[] := array['id', 'created_at', 'updated_at', 'created_by', 'updated_by'] || tg_argv;
  actor constant bigint := public.current_sales_id();
  before jsonb := '{}';
  after jsonb := '{}';
begin
  if tg_op <> 'INSERT' then
    before := to_jsonb(old) - unlogged;
  end if;
  if tg_op <> 'DELETE' then
    after := to_jsonb(new) - unlogged;
  end if;
  insert into audit.change_log (table_name, record_id, field_name, old_value, new_value, changed_by)
  select
    tg_table_name,
    case when tg_op = 'DELETE' then old.id else new.id end,
    field, was.value, becomes.value, actor
  from jsonb_each_text(before) was (field, value)
  full join jsonb_each_text(after) becomes (field, value) using (field)
  where was.value is distinct from becomes.value
  order by field;
  return null;
end
$function$;

revoke all on function audit.log_changes() from public;

create trigger organizations_70_audit
  after insert or update or delete on public.organizations
  for each row execute function audit.log_changes('search_tsv');
create trigger contacts_70_audit
  after insert or update or delete on public.contacts
  for each row execute function audit.log_changes('name', 'search_tsv');
create trigger opportunities_70_audit
  after insert or update or delete on public.opportunities
  for each row execute function audit.log_changes('search_tsv');

grant usage on schema audit to authenticated, service_role;
grant select on audit.change_log to authenticated, service_role;

create policy change_log_select on audit.change_log
  for select to authenticated
  using ((select public.current_sales_role()) in ('admin', 'sales_director'));
