-- Derived roles and reporting views. Every view is security_invoker: it shows its reader's rows, not
-- its owner's. PostgREST serves the schema once it is listed among its exposed schemas.

create schema if not exists reporting;

-- 050 replaces these with versions that leave soft-deleted rows out; a re-run must not undo that.
do $pack$
begin
  if to_regclass('reporting.pipeline_full') is not null
    and exists (
      select
      from pg_attribute
      where attrelid = 'public.opportunities'::regclass and attname = 'deleted_at' and not attisdropped
    )
  then
    return;
  end if;

  create or replace view public.v_org_roles with (security_invoker = true) as
  select
    r.organization_id,
    r.name,
    r.has_products,
    r.in_distribution_network,
    r.has_opportunities,
    r.has_products as is_principal,
    r.in_distribution_network as is_distributor,
    r.has_won as is_customer,
    not (r.has_products or r.in_distribution_network or r.has_won) as is_prospect,
    case
      when r.has_products then 'principal'
      when r.in_distribution_network then 'distributor'
      when r.has_won then 'customer'
      else 'prospect'
    end as derived_role
  from (
    select
      o.organization_id,
      o.name,
      exists (
        select from public.products p where p.principal_org_id = o.organization_id
      ) as has_products,
      exists (
        select from public.product_distributors d where d.distributor_org_id = o.organization_id
      ) as in_distribution_network,
      exists (
        select from public.opportunities op where op.organization_id = o.organization_id
      ) as has_opportunities,
      exists (
        select
        from public.opportunities op
        join public.stage_lu s on s.code = op.stage
        where op.organization_id = o.organization_id and s.is_won
      ) as has_won
    from public.organizations o
  ) r;

  create or replace view reporting.latest_interaction with (security_invoker = true) as
  select distinct on (i.opportunity_id)
    i.opportunity_id,
    i.interaction_id,
    i.interaction_type,
    i.subject,
    i.interaction_date,
    i.contact_id,
    i.owner_user_id,
    i.stage,
    i.status,
    i.outcome,
    i.follow_up_required,
    i.follow_up_date
  from public.interactions i
  order by i.opportunity_id, i.interaction_date desc, i.created_at desc, i.interaction_id desc;

  -- The latest interaction is looked up row by row: joining latest_interaction would sort every
  -- interaction the reader can see before the first row comes out.
  create or replace view reporting.pipeline_full with (security_invoker = true) as
  select
    o.opportunity_id,
    o.organization_id,
    o.contact_id,
    o.product_id,
    o.principal_org_id,
    o.distributor_org_id,
    o.name as opportunity_name,
    o.stage,
    sl.display_name as stage_name,
    sl.sort_order as stage_order,
    o.status,
    st.display_name as status_name,
    o.stage_manual,
    o.status_manual,
    o.priority,
    o.estimated_value,
    coalesce(o.probability, sl.default_probability) as probability,
    round(o.estimated_value * coalesce(o.probability, sl.default_probability, 0) / 100, 2) as weighted_value,
    o.estimated_close_date,
    org.name as organization_name,
    org.city,
    org.state,
    c.full_name as contact_name,
    c.title as contact_title,
    c.email as contact_email,
    pr.name as principal_name,
    p.name as product_name,
    pdo.name as primary_distributor_name,
    d.name as distributor_name,
    o.source,
    o.loss_reason,
    o.owner_user_id,
    li.interaction_id as latest_interaction_id,
    li.interaction_type as latest_interaction_type,
    li.interaction_date as latest_interaction_date,
    li.outcome as latest_interaction_outcome,
    extract(day from now() - li.interaction_date)::integer as days_since_last_interaction,
    coalesce(
      not sl.is_closed
        and now() - coalesce(li.interaction_date, o.created_at) > make_interval(days => sl.stale_after_days),
      false
    ) as is_stale,
    o.created_at,
    o.updated_at
  from public.opportunities o
  join public.organizations org on org.organization_id = o.organization_id
  left join public.stage_lu sl on sl.code = o.stage
  left join public.status_lu st on st.code = o.status
  left join public.contacts c on c.contact_id = o.contact_id
  left join public.organizations pr on pr.organization_id = o.principal_org_id
  left join public.organizations d on d.organization_id = o.distributor_org_id
  left join public.products p on p.product_id = o.product_id
  left join public.product_distributors pd on pd.product_id = o.product_id and pd.is_primary
  left join public.organizations pdo on pdo.organization_id = pd.distributor_org_id
  left join lateral (
    select i.interaction_id, i.interaction_type, i.interaction_date, i.outcome
    from public.interactions i
    where i.opportunity_id = o.opportunity_id
    order by i.interaction_date desc, i.created_at desc, i.interaction_id desc
    limit 1
  ) li on true;

  create or replace view reporting.org_principal_summary with (security_invoker = true) as
  select
    o.organization_id as principal_org_id,
    o.name as principal_name,
    pc.product_count,
    coalesce(dc.distributor_count, 0) as distributor_count,
    coalesce(oc.open_opportunities, 0) as open_opportunities,
    coalesce(oc.won, 0) as won,
    coalesce(oc.lost, 0) as lost,
    coalesce(oc.open_value, 0) as open_value,
    coalesce(oc.weighted_value, 0) as weighted_value,
    oc.last_interaction_date
  from public.organizations o
  join (
    select p.principal_org_id, count(*) as product_count
    from public.products p
    group by p.principal_org_id
  ) pc on pc.principal_org_id = o.organization_id
  left join (
    select p.principal_org_id, count(distinct d.distributor_org_id) as distributor_count
    from public.product_distributors d
    join public.products p on p.product_id = d.product_id
    group by p.principal_org_id
  ) dc on dc.principal_org_id = o.organization_id
  left join (
    select
      op.principal_org_id,
      count(*) filter (where not s.is_closed) as open_opportunities,
      count(*) filter (where s.is_won) as won,
      count(*) filter (where s.is_closed and not s.is_won) as lost,
      sum(op.estimated_value) filter (where not s.is_closed) as open_value,
      round(sum(
        op.estimated_value * coalesce(op.probability, s.default_probability, 0) / 100
      ) filter (where not s.is_closed), 2) as weighted_value,
      max(li.interaction_date) as last_interaction_date
    from public.opportunities op
    join public.stage_lu s on s.code = op.stage
    left join (
      select i.opportunity_id, max(i.interaction_date) as interaction_date
      from public.interactions i
      group by i.opportunity_id
    ) li on li.opportunity_id = op.opportunity_id
    group by op.principal_org_id
  ) oc on oc.principal_org_id = o.organization_id;
end
$pack$;

grant usage on schema reporting to authenticated, service_role;

revoke all on public.v_org_roles from anon, authenticated;
grant select on
  public.v_org_roles, reporting.latest_interaction, reporting.pipeline_full, reporting.org_principal_summary
  to authenticated, service_role;
