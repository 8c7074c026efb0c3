-- Thirty days after a row was archived it leaves its table for archive.records, where it is kept as it was.
-- One table of jsonb for all: a table of its own for each would have to follow every change of the original.

create schema archive;

create table archive.records (
  table_name text not null,
  record_id bigint not null,
  payload jsonb not null,
  deleted_at timestamptz not null,
  archived_at timestamptz not null default now(),
  primary key (table_name, record_id)
);

alter table archive.records enable row level security;

grant usage on schema archive to service_role;
grant select on archive.records to service_role;

-- Moves what expired, children first, and says how many rows of each table went and how many stay because
-- something still refers to them: a foreign key, or the list of contacts of a live opportunity or deal.
create function public.archive_expired(
  retention interval default '30 days',
  out table_name text,
  out archived bigint,
  out skipped bigint
) returns setof record
  language plpgsql
  security definer
  set search_path = ''
as $function$
declare
  expired_at constant timestamptz := now() - retention;
  references_to text;
  n bigint;
begin
  if retention is null or retention < interval '0' then
    raise exception 'the retention is a time that has passed since a row was archived, such as 30 days'
      using errcode = 'invalid_parameter_value';
  end if;

  foreach table_name in array array[
    'activities', 'tasks', 'contactNotes', 'dealNotes', 'deals', 'opportunities', 'contacts', 'products',
    'organizations', 'sales'
  ] loop
    -- From the catalog, so that a foreign key of a later migration counts as well.
    select string_agg(
      format('and not exists (select from %s child where child.%I = r.id)', k.conrelid::regclass, a.attname),
      ' ' order by k.conrelid, a.attnum
    ) into references_to
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    where k.contype = 'f' and k.confrelid = format('public.%I', table_name)::regclass;

    if table_name = 'contacts' then
      references_to := references_to || $sql$
        and not exists (select from public.opportunities o where o.deleted_at is null and r.id = any (o.contact_ids))
        and not exists (select from public.deals d where d.deleted_at is null and r.id = any (d.contact_ids))
      $sql$;
    end if;

    archived := 0;
    -- A row may refer to another of its table: the one goes in this round, the other in the next.
    loop
      execute format(
        'with moved as (
          delete from public.%1$I r where r.deleted_at <= $1 %2$s returning r.id, r.deleted_at, to_jsonb(r) as payload
        )
        insert into archive.records (table_name, record_id, payload, deleted_at)
        select %1$L, moved.id, moved.payload, moved.deleted_at from moved',
        table_name, references_to
      ) using expired_at;
      get diagnostics n = row_count;
      archived := archived + n;
      exit when n = 0;
    end loop;

    execute format('select count(*) from public.%I r where r.deleted_at <= $1', table_name)
      into skipped using expired_at;
    return next;
  end loop;
end
$function$;

revoke all on function public.archive_expired(interval) from public, anon, authenticated, service_role;
grant execute on function public.archive_expired(interval) to service_role;
