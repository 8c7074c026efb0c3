-- Foundations: case-insensitive text, the updated_at trigger function and the six lookups.
-- pantler:ignore missing-updated-at a lookup holds a few rows, and nothing asks when one was changed

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

grant all on
  public.stage_lu, public.status_lu, public.interaction_type_lu,
  public.source_lu, public.loss_reason_lu, public.state_lu
  to service_role;

-- Hosted servers hand every new table to anon and authenticated. Nobody signed in may hold anything
-- until row security guards it (050); once it does, a re-run must leave its grants alone.
do $pack$
begin
  if not exists (select from pg_policies where schemaname = 'public' and tablename = 'stage_lu') then
    revoke all on
      public.stage_lu, public.status_lu, public.interaction_type_lu,
      public.source_lu, public.loss_reason_lu, public.state_lu
      from anon, authenticated;
  end if;
end
$pack$;
