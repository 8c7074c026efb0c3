-- The three parts are independent: each may be run alone.

-- (c) Dashboard, and the schedule of its refresh where there is one
do $rollback$
begin
  if to_regclass('cron.job') is not null then
    perform cron.unschedule(j.jobname) from cron.job j where j.jobname like 'kitchenpantry\_dashboard%';
  end if;
end
$rollback$;
drop function if exists public.refresh_dashboard_view();
drop view if exists reporting.my_dashboard;
drop materialized view if exists reporting.dashboard_summary;

-- (b) Full-text search
drop trigger if exists trg_org_40_search on public.organizations;
drop trigger if exists trg_con_40_search on public.contacts;
drop trigger if exists trg_prod_40_search on public.products;
drop trigger if exists trg_opp_40_search on public.opportunities;
drop function if exists public.organizations_search();
drop function if exists public.contacts_search();
drop function if exists public.products_search();
drop function if exists public.opportunities_search();
drop index if exists public.organizations_search_idx;
drop index if exists public.contacts_search_idx;
drop index if exists public.products_search_idx;
drop index if exists public.opportunities_search_idx;
alter table public.organizations drop column if exists search_tsv;
alter table public.contacts drop column if exists search_tsv;
alter table public.products drop column if exists search_tsv;
alter table public.opportunities drop column if exists search_tsv;

-- (a) Stakeholders
drop table if exists public.opportunity_contacts;
