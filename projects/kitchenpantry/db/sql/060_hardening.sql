-- More stakeholders than one, full-text search, and the dashboard. The three parts are independent of
-- each other and can be rolled back one by one.

-- Stakeholders. Rows are deleted for good: a link carries no history worth keeping.

create table if not exists public.opportunity_contacts (
  opportunity_id uuid not null references public.opportunities on delete cascade,
  contact_id uuid not null references public.contacts on delete cascade,
  role text check (role in ('decision_maker', 'influencer', 'buyer', 'end_user', 'gatekeeper', 'champion')),
  is_primary boolean not null default false,
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (opportunity_id, contact_id)
);

create index if not exists opportunity_contacts_contact_idx on public.opportunity_contacts (contact_id);
create unique index if not exists opportunity_contacts_primary_uq
  on public.opportunity_contacts (opportunity_id)
  where is_primary;

create or replace trigger trg_oc_90_updated_at
  before update on public.opportunity_contacts
  for each row execute function public.set_updated_at();

drop policy if exists opportunity_contacts_select_opportunity on public.opportunity_contacts;
create policy opportunity_contacts_select_opportunity on public.opportunity_contacts for select to authenticated
  using (opportunity_id in (select op.opportunity_id from public.opportunities op));
drop policy if exists opportunity_contacts_insert_opportunity on public.opportunity_contacts;
create policy opportunity_contacts_insert_opportunity on public.opportunity_contacts for insert to authenticated
  with check (
    opportunity_id in (
      select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
    )
  );
drop policy if exists opportunity_contacts_update_opportunity on public.opportunity_contacts;
create policy opportunity_contacts_update_opportunity on public.opportunity_contacts for update to authenticated
  using (
    opportunity_id in (
      select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
    )
  )
  with check (
    opportunity_id in (
      select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
    )
  );
drop policy if exists opportunity_contacts_delete_opportunity on public.opportunity_contacts;
create policy opportunity_contacts_delete_opportunity on public.opportunity_contacts for delete to authenticated
  using (
    opportunity_id in (
      select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
    )
  );

revoke all on public.opportunity_contacts from anon, authenticated;
grant select, insert, update, delete on public.opportunity_contacts to authenticated;
grant all on public.opportunity_contacts to service_role;
alter table public.opportunity_contacts enable row level security;

-- Full-text search. Triggers rather than generated columns: they name the columns that are worth a new
-- vector, and every other update leaves the stored one alone.

alter table public.organizations add column if not exists search_tsv tsvector;
alter table public.contacts add column if not exists search_tsv tsvector;
alter table public.products add column if not exists search_tsv tsvector;
alter table public.opportunities add column if not exists search_tsv tsvector;

create or replace function public.organizations_search() returns trigger
  language plpgsql
  set search_path = ''
as $function$
begin
  new.search_tsv :=
    setweight(to_tsvector('pg_catalog.english', new.name::text), 'A')
    || setweight(to_tsvector('pg_catalog.english', coalesce(new.description, '') || ' ' || coalesce(new.notes, '')), 'B')
    || setweight(to_tsvector('pg_catalog.english', coalesce(new.city, '') || ' ' || coalesce(new.state, '')), 'C')
    || setweight(to_tsvector('pg_catalog.english', coalesce(new.website, '')), 'D');
  return new;
end
$function$;

-- From the two names: the generated full_name is still empty before the row is stored.
create or replace function public.contacts_search() returns trigger
  language plpgsql
  set search_path = ''
as $function$
begin
  new.search_tsv :=
    setweight(to_tsvector('pg_catalog.english', new.first_name || ' ' || new.last_name), 'A')
    || setweight(to_tsvector('pg_catalog.english', coalesce(new.title, '') || ' ' || coalesce(new.department, '')), 'B')
    || setweight(to_tsvector('pg_catalog.english', coalesce(new.email::text, '')), 'C');
  return new;
end
$function$;

create or replace function public.products_search() returns trigger
  language plpgsql
  set search_path = ''
as $function$
begin
  new.search_tsv :=
    setweight(to_tsvector('pg_catalog.english', new.name), 'A')
    || setweight(to_tsvector('pg_catalog.english', coalesce(new.sku, '') || ' ' || coalesce(new.description, '')), 'B')
    || setweight(to_tsvector('pg_catalog.english', replace(new.category, '_', ' ')), 'C');
  return new;
end
$function$;

create or replace function public.opportunities_search() returns trigger
  language plpgsql
  set search_path = ''
as $function$
begin
  new.search_tsv :=
    setweight(to_tsvector('pg_catalog.english', new.name), 'A')
    || setweight(
      to_tsvector(
        'pg_catalog.english',
        coalesce(new.description, '') || ' ' || coalesce(new.next_action, '') || ' ' || coalesce(new.notes, '')
      ),
      'B'
    );
  return new;
end
$function$;

revoke all on function
  public.organizations_search(), public.contacts_search(),
  public.products_search(), public.opportunities_search()
  from public, anon, authenticated, service_role;

create or replace trigger trg_org_40_search
  before insert or update of name, description, notes, city, state, website on public.organizations
  for each row execute function public.organizations_search();
create or replace trigger trg_con_40_search
  before insert or update of first_name, last_name, title, department, email on public.contacts
  for each row execute function public.contacts_search();
create or replace trigger trg_prod_40_search
  before insert or update of name, sku, description, category on public.products
  for each row execute function public.products_search();
create or replace trigger trg_opp_40_search
  before insert or update of name, description, next_action, notes on public.opportunities
  for each row execute function public.opportunities_search();

-- Setting a column to itself lets the trigger fill in the vector, and only that: updated_at is a
-- user's news, not ours.
do $pack$
begin
  alter table public.organizations disable trigger trg_org_90_updated_at;
  update public.organizations set name = name where search_tsv is null;
  alter table public.organizations enable trigger trg_org_90_updated_at;

  alter table public.contacts disable trigger trg_con_90_updated_at;
  update public.contacts set first_name = first_name where search_tsv is null;
  alter table public.contacts enable trigger trg_con_90_updated_at;

  alter table public.products disable trigger trg_prod_90_updated_at;
  update public.products set name = name where search_tsv is null;
  alter table public.products enable trigger trg_prod_90_updated_at;

  alter table public.opportunities disable trigger trg_opp_90_updated_at;
  update public.opportunities set name = name where search_tsv is null;
  alter table public.opportunities enable trigger trg_opp_90_updated_at;
end
$pack$;

create index if not exists organizations_search_idx on public.organizations using gin (search_tsv);
create index if not exists contacts_search_idx on public.contacts using gin (search_tsv);
create index if not exists products_search_idx on public.products using gin (search_tsv);
create index if not exists opportunities_search_idx on public.opportunities using gin (search_tsv);

-- Dashboard. A materialized view cannot have row security, so nobody signed in reads it; my_dashboard
-- shows each user their own part of it.

create materialized view if not exists reporting.dashboard_summary as
select
  p.owner_user_id,
  p.stage,
  count(*) as opportunity_count,
  coalesce(sum(p.estimated_value), 0) as total_value,
  coalesce(sum(p.weighted_value), 0) as weighted_value,
  count(*) filter (where p.is_stale) as stale_count,
  max(p.latest_interaction_date) as last_interaction_date,
  now() as refreshed_at
from reporting.pipeline_full p
group by p.owner_user_id, p.stage;

-- REFRESH ... CONCURRENTLY is refused without it.
create unique index if not exists rds_owner_stage_uq on reporting.dashboard_summary (owner_user_id, stage);

-- The one view that is not security_invoker: it reads, as its owner, what its reader may not.
create or replace view reporting.my_dashboard with (security_barrier = true) as
select
  s.owner_user_id,
  s.stage,
  s.opportunity_count,
  s.total_value,
  s.weighted_value,
  s.stale_count,
  s.last_interaction_date,
  s.refreshed_at
from reporting.dashboard_summary s
where s.owner_user_id = (select auth.uid());

revoke all on reporting.dashboard_summary, reporting.my_dashboard from anon, authenticated;
grant select on reporting.dashboard_summary to service_role;
grant select on reporting.my_dashboard to authenticated, service_role;

-- False when a refresh is running already: its result is as fresh, and waiting would only queue up.
create or replace function public.refresh_dashboard_view() returns boolean
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  if not pg_try_advisory_xact_lock(hashtext('reporting.dashboard_summary')) then
    return false;
  end if;
  refresh materialized view concurrently reporting.dashboard_summary;
  return true;
end
$function$;

revoke all on function public.refresh_dashboard_view() from public, anon, authenticated, service_role;
grant execute on function public.refresh_dashboard_view() to authenticated, service_role;
