-- Deleting is archiving: the row stays, out of sight, until it is restored or has expired. The only way to set
-- deleted_at, because the new row of a plain update would have to pass a policy that asks for live rows.

-- By table: who owns a row, and what goes along with it. No row for a table that holds nothing to archive.
create function public.archive_rules(table_name text) returns table (owned_by text, children jsonb)
  language sql
  immutable
  set search_path = ''
as $function$
  select rule.owned_by, rule.children::jsonb
  from (
    values
      ('sales', null, '{}'),
      ('products', null, '{}'),
      ('organizations', 'array[sales_id]', '{"contacts": "organization_id", "opportunities": "customer_organization_id"}'),
      ('contacts', 'array[sales_id]', '{"contactNotes": "contact_id", "tasks": "contact_id"}'),
      ('contactNotes', 'array[sales_id]', '{}'),
      (
        'opportunities', 'array[opportunity_owner_id, account_manager_id]',
        '{"activities": "opportunity_id", "tasks": "opportunity_id"}'
      ),
      ('activities', 'array[created_by]', '{}'),
      ('tasks', 'array[sales_id]', '{}'),
      ('deals', 'array[sales_id]', '{"dealNotes": "deal_id"}'),
      ('dealNotes', 'array[sales_id]', '{}')
  ) rule (table_name, owned_by, children)
  where rule.table_name = archive_rules.table_name
$function$;

-- Finds a record for whoever calls, and locks it. An admin may have every record, the service key and the
-- deployer too, others their own; a table whose rows nobody owns is an admin's.
create function public.archivable_record(
  table_name text,
  id bigint,
  live boolean,
  out deleted_at timestamptz,
  out children jsonb
)
  language plpgsql
  security definer
  set search_path = ''
as $function$
declare
  signed_in constant boolean := coalesce(auth.role(), '') in ('anon', 'authenticated');
  all_records constant boolean := not signed_in or coalesce(public.current_sales_role() = 'admin', false);
  owned_by text;
  owners bigint[];
  there boolean;
begin
  select rules.owned_by, rules.children into owned_by, children
  from public.archive_rules(table_name) rules;
  if not found then
    raise exception 'the rows of % are not archived', coalesce(quote_ident(table_name), 'null')
      using errcode = 'invalid_parameter_value';
  end if;
  execute format(
    'select true, r.deleted_at, %s from public.%I r where r.id = $1 and (r.deleted_at is null) = $2 for update',
    coalesce(owned_by, 'array[]::bigint[]'), table_name
  ) into there, deleted_at, owners using id, live;
  if not all_records and (there is null or coalesce(public.current_sales_id() = any (owners), false) is false) then
    raise exception 'there is no such record of yours' using errcode = 'insufficient_privilege';
  end if;
  if there is null then
    raise exception '% has no % record %', table_name, case when live then 'live' else 'archived' end, id
      using errcode = 'no_data_found';
  end if;
end
$function$;

-- Archives a record and, one level down, what belongs to it. Returns how many rows that were.
create function public.archive_record(table_name text, id bigint) returns integer
  language plpgsql
  security definer
  set search_path = ''
as $function$
declare
  found_record constant record := public.archivable_record(table_name, id, true);
  -- Of its own for each call, also within a transaction: restoring finds by it what went along.
  moment constant timestamptz := clock_timestamp();
  child record;
  archived integer := 1;
  n integer;
begin
  execute format('update public.%I set deleted_at = $1 where id = $2', table_name) using moment, id;
  for child in select c.key as name, c.value as parent from jsonb_each_text(found_record.children) c loop
    execute format('update public.%I set deleted_at = $1 where %I = $2 and deleted_at is null', child.name, child.parent)
      using moment, id;
    get diagnostics n = row_count;
    archived := archived + n;
  end loop;
  return archived;
end
$function$;

-- Restores a record and what was archived along with it, not what had been archived before.
create function public.restore_record(table_name text, id bigint) returns integer
  language plpgsql
  security definer
  set search_path = ''
as $function$
declare
  found_record constant record := public.archivable_record(table_name, id, false);
  child record;
  restored integer := 1;
  n integer;
begin
  execute format('update public.%I set deleted_at = null where id = $1', table_name) using id;
  for child in select c.key as name, c.value as parent from jsonb_each_text(found_record.children) c loop
    execute format('update public.%I set deleted_at = null where %I = $1 and deleted_at = $2', child.name, child.parent)
      using id, found_record.deleted_at;
    get diagnostics n = row_count;
    restored := restored + n;
  end loop;
  return restored;
end
$function$;

revoke all on function
  public.archive_rules(text),
  public.archivable_record(text, bigint, boolean),
  public.archive_record(text, bigint),
  public.restore_record(text, bigint)
  from public, anon, authenticated, service_role;
grant execute on function
  public.archive_record(text, bigint), public.restore_record(text, bigint)
  to authenticated, service_role;
