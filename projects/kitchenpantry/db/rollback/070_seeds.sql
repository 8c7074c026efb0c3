-- Staging and development only. Deletes the demo data with whatever was hung on it since, then every
-- lookup row that nothing uses; a row that other data still names stays, with a notice. Never TRUNCATE:
-- it is refused on referenced tables (0A000), and with CASCADE it would empty the referencing ones.

do $rollback$
declare
  demo_users constant uuid[] := array[
    '0a000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000002'
  ]::uuid[];
  demo_organizations uuid[];
  demo_products uuid[];
  demo_opportunities uuid[];
begin
  select array_agg(o.organization_id) into demo_organizations
  from public.organizations o
  where o.owner_user_id = any (demo_users)
    or o.organization_id::text ~ '^0b000000-0000-4000-8000-00000000000[1-8]$';

  select array_agg(p.product_id) into demo_products
  from public.products p
  where p.principal_org_id = any (demo_organizations);

  select array_agg(o.opportunity_id) into demo_opportunities
  from public.opportunities o
  where o.owner_user_id = any (demo_users)
    or o.organization_id = any (demo_organizations)
    or o.principal_org_id = any (demo_organizations)
    or o.distributor_org_id = any (demo_organizations)
    or o.product_id = any (demo_products);

  -- Phase 7 may be rolled back on its own and its table be gone.
  if to_regclass('public.opportunity_contacts') is not null then
    delete from public.opportunity_contacts where opportunity_id = any (demo_opportunities);
  end if;
  delete from public.interactions
  where opportunity_id = any (demo_opportunities) or owner_user_id = any (demo_users);
  delete from public.opportunities where opportunity_id = any (demo_opportunities);
  delete from public.product_distributors
  where product_id = any (demo_products) or distributor_org_id = any (demo_organizations);
  delete from public.products where product_id = any (demo_products);
  delete from public.contacts
  where organization_id = any (demo_organizations) or owner_user_id = any (demo_users);
  update public.organizations set parent_organization_id = null
  where parent_organization_id = any (demo_organizations);
  delete from public.organizations where organization_id = any (demo_organizations);
  delete from auth.users where id = any (demo_users);
end
$rollback$;

delete from public.stage_lu l
where not exists (select from public.opportunities r where r.stage = l.code)
  and not exists (select from public.interactions r where r.stage = l.code);
delete from public.status_lu l
where not exists (select from public.opportunities r where r.status = l.code)
  and not exists (select from public.interactions r where r.status = l.code);
delete from public.interaction_type_lu l
where not exists (select from public.interactions r where r.interaction_type = l.code);
delete from public.source_lu l
where not exists (select from public.opportunities r where r.source = l.code);
delete from public.loss_reason_lu l
where not exists (select from public.opportunities r where r.loss_reason = l.code);
delete from public.state_lu l
where not exists (select from public.organizations r where r.state = l.code);

do $rollback$
declare
  kept bigint;
begin
  select sum(t.n) into kept
  from (
    select count(*) as n from public.stage_lu
    union all
    select count(*) from public.status_lu
    union all
    select count(*) from public.interaction_type_lu
    union all
    select count(*) from public.source_lu
    union all
    select count(*) from public.loss_reason_lu
    union all
    select count(*) from public.state_lu
  ) t;
  if kept > 0 then
    raise notice '% lookup rows are in use and stay', kept;
  end if;
end
$rollback$;

-- The dashboard still shows the demo rows until it is refreshed.
do $rollback$
begin
  if to_regclass('reporting.dashboard_summary') is not null then
    refresh materialized view reporting.dashboard_summary;
  end if;
end
$rollback$;
