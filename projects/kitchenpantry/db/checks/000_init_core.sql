-- Phase 1. These hold before the seeds as well as after them.

-- check: A1.1 the six lookups are empty before the seeds, and none is after them
-- expect: true
select count(*) filter (where n = 0) in (0, 6)
from (
  select count(*) as n from stage_lu
  union all
  select count(*) as n from status_lu
  union all
  select count(*) as n from interaction_type_lu
  union all
  select count(*) as n from source_lu
  union all
  select count(*) as n from loss_reason_lu
  union all
  select count(*) as n from state_lu
) lookups;

-- check: A1.1 a lookup code is lower snake case, a state two capitals
-- expect: true
do $$
declare
  lookup text;
begin
  foreach lookup in array array['stage_lu', 'status_lu', 'interaction_type_lu', 'source_lu', 'loss_reason_lu', 'state_lu'] loop
    begin
      execute format('insert into %I (code, display_name, sort_order) values ($1, $1, 1)', lookup) using 'Not a Code';
    exception
      when check_violation then continue;
    end;
    raise exception '% takes any code', lookup;
  end loop;
end
$$;
select true;

-- check: A1.2 the pack arrived whole
-- expect: true
select
  exists (
    select
    from pg_extension e
    join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'citext' and n.nspname = 'extensions'
  )
  and to_regprocedure('public.set_updated_at()') is not null
  and not exists (
    select
    from unnest(array['stage_lu', 'status_lu', 'interaction_type_lu', 'source_lu', 'loss_reason_lu', 'state_lu']) lookup
    where to_regclass('public.' || lookup) is null
  );

-- check: A1.2 no table is open to the API while its row security is off
-- expect: no rows
select c.relname
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and not c.relrowsecurity
  and (
    has_table_privilege('anon', c.oid, 'select, insert, update, delete')
    or has_table_privilege('authenticated', c.oid, 'select, insert, update, delete')
  );

-- check: A1.3 a second run of the pack changes no catalog object
-- The definitions of the pack once more: what is missing or altered comes back and shows.
-- expect: true
select set_config(
  'kp.before',
  (
  select md5(string_agg(fact, ' ' order by fact))
  from (
    select pg_get_functiondef('public.set_updated_at()'::regprocedure) as fact
    union all
    select format('%s %s %s %s', a.attrelid::regclass, a.attname, a.atttypid, a.attnotnull)
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relname like '%\_lu' and a.attnum > 0
    union all
    select format('%s %s', c.conrelid::regclass, pg_get_constraintdef(c.oid))
    from pg_constraint c
    join pg_class t on t.oid = c.conrelid
    where t.relnamespace = 'public'::regnamespace and t.relname like '%\_lu'
  ) facts
  ),
  true
);
create extension if not exists citext with schema extensions;
create or replace function public.set_updated_at() returns trigger
  language plpgsql
  set search_path = ''
as $function$
begin
  new.updated_at := now();
  return new;
end
$function$;
revoke all on function public.set_updated_at() from public, anon, authenticated, service_role;
create table if not exists public.stage_lu (
  code text primary key check (code ~ '^[a-z][a-z0-9_]*$'),
  display_name text not null,
  description text,
  sort_order integer not null,
  is_active boolean not null default true,
  requires_product boolean not null default false,
  is_closed boolean not null default false,
  is_won boolean not null default false,
  default_probability smallint check (default_probability between 0 and 100),
  stale_after_days smallint check (stale_after_days > 0)
);
create table if not exists public.status_lu (
  code text primary key check (code ~ '^[a-z][a-z0-9_]*$'),
  display_name text not null,
  description text,
  sort_order integer not null,
  is_active boolean not null default true,
  is_closed boolean not null default false
);
create table if not exists public.interaction_type_lu (
  code text primary key check (code ~ '^[a-z][a-z0-9_]*$'),
  display_name text not null,
  description text,
  sort_order integer not null,
  is_active boolean not null default true
);
create table if not exists public.source_lu (
  code text primary key check (code ~ '^[a-z][a-z0-9_]*$'),
  display_name text not null,
  description text,
  sort_order integer not null,
  is_active boolean not null default true
);
create table if not exists public.loss_reason_lu (
  code text primary key check (code ~ '^[a-z][a-z0-9_]*$'),
  display_name text not null,
  description text,
  sort_order integer not null,
  is_active boolean not null default true
);
create table if not exists public.state_lu (
  code text primary key check (code ~ '^[A-Z]{2}$'),
  display_name text not null,
  description text,
  sort_order integer not null,
  is_active boolean not null default true
);
select current_setting('kp.before') = (
  select md5(string_agg(fact, ' ' order by fact))
  from (
    select pg_get_functiondef('public.set_updated_at()'::regprocedure) as fact
    union all
    select format('%s %s %s %s', a.attrelid::regclass, a.attname, a.atttypid, a.attnotnull)
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relname like '%\_lu' and a.attnum > 0
    union all
    select format('%s %s', c.conrelid::regclass, pg_get_constraintdef(c.oid))
    from pg_constraint c
    join pg_class t on t.oid = c.conrelid
    where t.relnamespace = 'public'::regnamespace and t.relname like '%\_lu'
  ) facts
);

-- check: A1.4 phase 1 is on record, with both timestamps once it is complete
-- Inside its own deployment the phase is still running.
-- expect: true
select exists (
  select
  from pantler.migration_control
  where phase_number = 1
    and started_at is not null
    and (
      (status = 'complete' and completed_at >= started_at)
      or (status = 'running' and completed_at is null)
    )
);
