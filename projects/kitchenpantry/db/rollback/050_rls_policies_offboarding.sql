-- Staging only. Takes row security, off-boarding and soft deletion away and puts the functions of 030,
-- the views of 040 and the unique indexes of 010 and 020 back as those packs made them. Refused while
-- soft-deleted rows exist, which would come back to life; set kp.force_rollback to 'on' to accept that.

do $rollback$
declare
  deleted text;
begin
  if to_regclass('public.opportunity_contacts') is not null
    or to_regclass('reporting.dashboard_summary') is not null
    or to_regprocedure('public.organizations_search()') is not null
  then
    raise exception 'phase 7 is still there'
      using errcode = 'dependent_objects_still_exist', hint = 'Roll back 060_hardening first.';
  end if;

  select string_agg(format('%s: %s', t.name, t.n), ', ') into deleted
  from (
    select 'organizations' as name, count(*) as n from public.organizations where deleted_at is not null
    union all
    select 'contacts', count(*) from public.contacts where deleted_at is not null
    union all
    select 'products', count(*) from public.products where deleted_at is not null
    union all
    select 'product_distributors', count(*) from public.product_distributors where deleted_at is not null
    union all
    select 'opportunities', count(*) from public.opportunities where deleted_at is not null
    union all
    select 'interactions', count(*) from public.interactions where deleted_at is not null
  ) t
  where t.n > 0;
  if deleted is not null and coalesce(current_setting('kp.force_rollback', true), '') <> 'on' then
    raise exception 'soft-deleted rows would become live again'
      using errcode = 'object_not_in_prerequisite_state',
        detail = deleted,
        hint = 'Restore or purge them first, or set kp.force_rollback to on.';
  end if;
end
$rollback$;

-- Grants go before row security: at no moment does somebody signed in see another's rows.
revoke all on
  public.stage_lu, public.status_lu, public.interaction_type_lu,
  public.source_lu, public.loss_reason_lu, public.state_lu,
  public.organizations, public.contacts, public.products, public.product_distributors,
  public.opportunities, public.interactions
  from anon, authenticated;

alter table public.stage_lu disable row level security;
alter table public.status_lu disable row level security;
alter table public.interaction_type_lu disable row level security;
alter table public.source_lu disable row level security;
alter table public.loss_reason_lu disable row level security;
alter table public.state_lu disable row level security;
alter table public.organizations disable row level security;
alter table public.contacts disable row level security;
alter table public.products disable row level security;
alter table public.product_distributors disable row level security;
alter table public.opportunities disable row level security;
alter table public.interactions disable row level security;

drop policy if exists interactions_delete_involved on public.interactions;
drop policy if exists interactions_update_involved on public.interactions;
drop policy if exists interactions_insert_opportunity on public.interactions;
drop policy if exists interactions_select_involved on public.interactions;
drop policy if exists opportunities_update_own on public.opportunities;
drop policy if exists opportunities_insert_own on public.opportunities;
drop policy if exists opportunities_select_own on public.opportunities;
drop policy if exists product_distributors_delete_principal on public.product_distributors;
drop policy if exists product_distributors_update_principal on public.product_distributors;
drop policy if exists product_distributors_insert_principal on public.product_distributors;
drop policy if exists product_distributors_select_scoped on public.product_distributors;
drop policy if exists products_update_principal on public.products;
drop policy if exists products_insert_principal on public.products;
drop policy if exists products_select_scoped on public.products;
drop policy if exists contacts_update_own on public.contacts;
drop policy if exists contacts_insert_own on public.contacts;
drop policy if exists contacts_select_scoped on public.contacts;
drop policy if exists organizations_update_own on public.organizations;
drop policy if exists organizations_insert_own on public.organizations;
drop policy if exists org_select_scoped on public.organizations;
drop policy if exists state_lu_select_all on public.state_lu;
drop policy if exists loss_reason_lu_select_all on public.loss_reason_lu;
drop policy if exists source_lu_select_all on public.source_lu;
drop policy if exists interaction_type_lu_select_all on public.interaction_type_lu;
drop policy if exists status_lu_select_all on public.status_lu;
drop policy if exists stage_lu_select_all on public.stage_lu;

drop function if exists public.admin_reassign_user_data(uuid, uuid);
drop function if exists public.reassign_user_data(uuid, uuid);
drop function if exists public.restore_deleted(text, uuid, uuid);
drop function if exists public.soft_delete(text, uuid, boolean, uuid);
drop function if exists public.may_delete(text, uuid);
drop function if exists public.my_accessible_organizations();
drop function if exists public.my_referenced_organizations();

alter table public.organizations drop constraint if exists organizations_owner_user_id_fkey;
alter table public.contacts drop constraint if exists contacts_owner_user_id_fkey;
alter table public.opportunities drop constraint if exists opportunities_owner_user_id_fkey;
alter table public.interactions drop constraint if exists interactions_owner_user_id_fkey;

-- As 030 and 040 have them, to the letter: a rollback that is applied again must give the same schema.
do $rollback$
begin
  create or replace function public.int_guard() returns trigger
    language plpgsql
    security definer
    set search_path = ''
  as $function$
  declare
    actor constant uuid := auth.uid();
    owns_opportunity boolean;
  begin
    if actor is null then
      if tg_op = 'DELETE' then
        return old;
      end if;
      return new;
    end if;

    owns_opportunity := exists (
      select
      from public.opportunities o
      where o.opportunity_id = old.opportunity_id
        and o.owner_user_id = actor
    );

    if tg_op = 'UPDATE' then
      if new.created_at is distinct from old.created_at then
        raise exception 'created_at of an interaction never changes'
          using errcode = 'insufficient_privilege';
      end if;
      if new.owner_user_id is distinct from old.owner_user_id
        and not owns_opportunity
        and not public.is_app_admin()
      then
        raise exception 'only the owner of the opportunity or an admin hands an interaction over'
          using errcode = 'insufficient_privilege';
      end if;
      if new.opportunity_id is distinct from old.opportunity_id
        and not (
          owns_opportunity
          and exists (
            select
            from public.opportunities o
            where o.opportunity_id = new.opportunity_id
              and o.owner_user_id = actor
          )
        )
      then
        raise exception 'only the owner of both opportunities moves an interaction between them'
          using errcode = 'insufficient_privilege';
      end if;
      if row(new.stage, new.status, new.interaction_date, new.opportunity_id)
        is not distinct from row(old.stage, old.status, old.interaction_date, old.opportunity_id)
      then
        return new;
      end if;
    end if;

    if owns_opportunity
      or (old.owner_user_id = actor and now() - old.created_at <= interval '24 hours')
    then
      if tg_op = 'DELETE' then
        return old;
      end if;
      return new;
    end if;

    raise exception 'this interaction can no longer be corrected by you'
      using errcode = 'insufficient_privilege',
        detail = 'The owner of the opportunity may at any time, the owner of the interaction for 24 hours.';
  end
  $function$;

  create or replace function public.sync_opportunity(target uuid) returns boolean
    language plpgsql
    security definer
    set search_path = ''
  as $function$
  declare
    current_row record;
    next_stage text;
    next_status text;
  begin
    -- Locked before its interactions are read: of two sessions that add one each, the second then
    -- sees the first one's.
    select o.stage, o.status, o.stage_manual, o.status_manual into current_row
    from public.opportunities o
    where o.opportunity_id = target
    for no key update;

    if not found then
      return false;
    end if;

    if not current_row.stage_manual then
      select i.stage into next_stage
      from public.interactions i
      where i.opportunity_id = target and i.stage is not null
      order by i.interaction_date desc, i.created_at desc, i.interaction_id desc
      limit 1;
    end if;

    if not current_row.status_manual then
      select i.status into next_status
      from public.interactions i
      where i.opportunity_id = target and i.status is not null
      order by i.interaction_date desc, i.created_at desc, i.interaction_id desc
      limit 1;
    end if;

    next_stage := coalesce(next_stage, current_row.stage);
    next_status := coalesce(next_status, current_row.status);
    if next_stage = current_row.stage and next_status = current_row.status then
      return false;
    end if;

    update public.opportunities
    set stage = next_stage, status = next_status, last_sync_at = now()
    where opportunity_id = target;
    return true;
  end
  $function$;

  create or replace function public.int_sync() returns trigger
    language plpgsql
    security definer
    set search_path = ''
  as $function$
  declare
    started constant timestamptz := clock_timestamp();
    elapsed_ms numeric;
  begin
    if tg_op = 'INSERT' then
      perform public.sync_opportunity(new.opportunity_id);
    elsif tg_op = 'DELETE' then
      perform public.sync_opportunity(old.opportunity_id);
    elsif row(new.stage, new.status, new.interaction_date, new.opportunity_id)
      is not distinct from row(old.stage, old.status, old.interaction_date, old.opportunity_id)
    then
      return null;
    elsif new.opportunity_id = old.opportunity_id then
      perform public.sync_opportunity(new.opportunity_id);
    else
      -- Always in the same order, so that two moves in opposite directions cannot lock each other out.
      perform public.sync_opportunity(least(old.opportunity_id, new.opportunity_id));
      perform public.sync_opportunity(greatest(old.opportunity_id, new.opportunity_id));
    end if;

    elapsed_ms := extract(epoch from clock_timestamp() - started) * 1000;
    perform set_config('kp.trigger_ms', round(elapsed_ms, 3)::text, true);
    if elapsed_ms > 50 then
      raise log 'kitchenpantry: interaction sync took % ms', round(elapsed_ms, 3);
    end if;
    return null;
  end
  $function$;

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
$rollback$;

drop index if exists public.idx_opportunities_owner_created;
drop index if exists public.idx_opportunities_owner_deleted;
drop index if exists public.idx_interactions_composite;
drop index if exists public.idx_organizations_owner_deleted;
drop index if exists public.organizations_name_uq;
drop index if exists public.contacts_primary_per_org_uq;
drop index if exists public.contacts_org_email_uq;
drop index if exists public.products_principal_name_uq;
drop index if exists public.products_principal_sku_uq;
drop index if exists public.product_distributors_primary_uq;

alter table public.organizations drop column if exists deleted_at;
alter table public.contacts drop column if exists deleted_at;
alter table public.products drop column if exists deleted_at;
alter table public.product_distributors drop column if exists deleted_at;
alter table public.opportunities drop column if exists deleted_at;
alter table public.interactions drop column if exists deleted_at;

create unique index organizations_name_uq on public.organizations (name);
create unique index contacts_primary_per_org_uq on public.contacts (organization_id)
  where is_primary_contact;
create unique index contacts_org_email_uq on public.contacts (organization_id, email)
  where email is not null;
create unique index products_principal_name_uq on public.products (principal_org_id, lower(name));
create unique index products_principal_sku_uq on public.products (principal_org_id, sku)
  where sku is not null;
create unique index product_distributors_primary_uq on public.product_distributors (product_id)
  where is_primary;
