-- Soft deletion, row security and off-boarding. The order of the steps is binding: owners are sound
-- before they are foreign keys, deleted_at exists before a policy names it, and the indexes that
-- policies need exist before row security asks for them.
--
-- On a populated production database run optional/050_concurrent_indexes.sql first: it builds the four
-- owner indexes without blocking writers, and this pack then finds them.

-- 1. Owners

do $pack$
declare
  orphans text;
begin
  select string_agg(format('%s: %s', t.name, t.n), ', ') into orphans
  from (
    select 'organizations' as name, count(*) as n
    from public.organizations r
    where r.owner_user_id is not null
      and not exists (select from auth.users u where u.id = r.owner_user_id)
    union all
    select 'contacts', count(*)
    from public.contacts r
    where r.owner_user_id is not null
      and not exists (select from auth.users u where u.id = r.owner_user_id)
    union all
    select 'opportunities', count(*)
    from public.opportunities r
    where not exists (select from auth.users u where u.id = r.owner_user_id)
    union all
    select 'interactions', count(*)
    from public.interactions r
    where not exists (select from auth.users u where u.id = r.owner_user_id)
  ) t
  where t.n > 0;

  if orphans is not null then
    raise exception 'rows are owned by users that do not exist'
      using errcode = 'foreign_key_violation',
        detail = orphans,
        hint = 'Give these rows an owner that exists, then run this pack again.';
  end if;
end
$pack$;

-- 2. Soft deletion

alter table public.organizations add column if not exists deleted_at timestamptz;
alter table public.contacts add column if not exists deleted_at timestamptz;
alter table public.products add column if not exists deleted_at timestamptz;
alter table public.product_distributors add column if not exists deleted_at timestamptz;
alter table public.opportunities add column if not exists deleted_at timestamptz;
alter table public.interactions add column if not exists deleted_at timestamptz;

-- 3. Indexes for the policies

-- An interrupted CREATE INDEX CONCURRENTLY leaves an index that IF NOT EXISTS takes for a good one.
do $pack$
declare
  broken text;
begin
  select string_agg(x.indexrelid::regclass::text, ', ') into broken
  from pg_index x
  where not x.indisvalid
    and x.indexrelid in (
      to_regclass('public.idx_opportunities_owner_deleted'),
      to_regclass('public.idx_opportunities_owner_created'),
      to_regclass('public.idx_interactions_composite'),
      to_regclass('public.idx_organizations_owner_deleted')
    );
  if broken is not null then
    raise exception 'an index was left invalid by an interrupted concurrent build: %', broken
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Drop it and run optional/050_concurrent_indexes.sql again.';
  end if;
end
$pack$;

create index if not exists idx_opportunities_owner_deleted
  on public.opportunities (owner_user_id, deleted_at)
  where deleted_at is null;
-- A page of one's own pipeline in its order, and, without a look at the table, what one's opportunities refer
-- to. It is not partial, for a partial index is considered for every lookup of a live row.
create index if not exists idx_opportunities_owner_created
  on public.opportunities (owner_user_id, created_at desc)
  include (opportunity_id, organization_id, principal_org_id, distributor_org_id, deleted_at);
create index if not exists idx_interactions_composite
  on public.interactions (opportunity_id, interaction_date desc, deleted_at)
  where deleted_at is null;
create index if not exists idx_organizations_owner_deleted
  on public.organizations (owner_user_id, deleted_at)
  where deleted_at is null;

-- 4. Live-row versions of unique indexes, functions and views

do $pack$
declare
  total text;
begin
  for total in
    select x.indexrelid::regclass::text
    from pg_index x
    where x.indexrelid in (
        to_regclass('public.organizations_name_uq'),
        to_regclass('public.contacts_primary_per_org_uq'),
        to_regclass('public.contacts_org_email_uq'),
        to_regclass('public.products_principal_name_uq'),
        to_regclass('public.products_principal_sku_uq'),
        to_regclass('public.product_distributors_primary_uq')
      )
      and coalesce(pg_get_expr(x.indpred, x.indrelid), '') not like '%deleted_at%'
  loop
    execute 'drop index ' || total;
  end loop;
end
$pack$;

create unique index if not exists organizations_name_uq on public.organizations (name)
  where deleted_at is null;
create unique index if not exists contacts_primary_per_org_uq on public.contacts (organization_id)
  where is_primary_contact and deleted_at is null;
create unique index if not exists contacts_org_email_uq on public.contacts (organization_id, email)
  where email is not null and deleted_at is null;
create unique index if not exists products_principal_name_uq on public.products (principal_org_id, lower(name))
  where deleted_at is null;
create unique index if not exists products_principal_sku_uq on public.products (principal_org_id, sku)
  where sku is not null and deleted_at is null;
create unique index if not exists product_distributors_primary_uq on public.product_distributors (product_id)
  where is_primary and deleted_at is null;

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
    if row(new.stage, new.status, new.interaction_date, new.opportunity_id, new.deleted_at)
      is not distinct from row(old.stage, old.status, old.interaction_date, old.opportunity_id, old.deleted_at)
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
  where o.opportunity_id = target and o.deleted_at is null
  for no key update;

  if not found then
    return false;
  end if;

  if not current_row.stage_manual then
    select i.stage into next_stage
    from public.interactions i
    where i.opportunity_id = target and i.stage is not null and i.deleted_at is null
    order by i.interaction_date desc, i.created_at desc, i.interaction_id desc
    limit 1;
  end if;

  if not current_row.status_manual then
    select i.status into next_status
    from public.interactions i
    where i.opportunity_id = target and i.status is not null and i.deleted_at is null
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
  elsif row(new.stage, new.status, new.interaction_date, new.opportunity_id, new.deleted_at)
    is not distinct from row(old.stage, old.status, old.interaction_date, old.opportunity_id, old.deleted_at)
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
      select from public.products p where p.principal_org_id = o.organization_id and p.deleted_at is null
    ) as has_products,
    exists (
      select
      from public.product_distributors d
      join public.products p on p.product_id = d.product_id and p.deleted_at is null
      where d.distributor_org_id = o.organization_id and d.deleted_at is null
    ) as in_distribution_network,
    exists (
      select
      from public.opportunities op
      where op.organization_id = o.organization_id and op.deleted_at is null
    ) as has_opportunities,
    exists (
      select
      from public.opportunities op
      join public.stage_lu s on s.code = op.stage
      where op.organization_id = o.organization_id and op.deleted_at is null and s.is_won
    ) as has_won
  from public.organizations o
  where o.deleted_at is null
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
where i.deleted_at is null
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
join public.organizations org on org.organization_id = o.organization_id and org.deleted_at is null
left join public.stage_lu sl on sl.code = o.stage
left join public.status_lu st on st.code = o.status
left join public.contacts c on c.contact_id = o.contact_id and c.deleted_at is null
left join public.organizations pr on pr.organization_id = o.principal_org_id and pr.deleted_at is null
left join public.organizations d on d.organization_id = o.distributor_org_id and d.deleted_at is null
left join public.products p on p.product_id = o.product_id and p.deleted_at is null
left join public.product_distributors pd
  on pd.product_id = p.product_id and pd.is_primary and pd.deleted_at is null
left join public.organizations pdo on pdo.organization_id = pd.distributor_org_id and pdo.deleted_at is null
left join lateral (
  select i.interaction_id, i.interaction_type, i.interaction_date, i.outcome
  from public.interactions i
  where i.opportunity_id = o.opportunity_id and i.deleted_at is null
  order by i.interaction_date desc, i.created_at desc, i.interaction_id desc
  limit 1
) li on true
where o.deleted_at is null;

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
  where p.deleted_at is null
  group by p.principal_org_id
) pc on pc.principal_org_id = o.organization_id
left join (
  select p.principal_org_id, count(distinct d.distributor_org_id) as distributor_count
  from public.product_distributors d
  join public.products p on p.product_id = d.product_id and p.deleted_at is null
  where d.deleted_at is null
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
    where i.deleted_at is null
    group by i.opportunity_id
  ) li on li.opportunity_id = op.opportunity_id
  where op.deleted_at is null
  group by op.principal_org_id
) oc on oc.principal_org_id = o.organization_id
where o.deleted_at is null;

-- 5. Owners are users

-- Added without a scan and validated afterwards: the validation lets writers through.
do $pack$
declare
  owned text;
begin
  foreach owned in array array['organizations', 'contacts', 'opportunities', 'interactions'] loop
    if not exists (
      select
      from pg_constraint
      where conrelid = format('public.%I', owned)::regclass
        and conname = owned || '_owner_user_id_fkey'
    ) then
      execute format(
        'alter table public.%I add constraint %I foreign key (owner_user_id) '
        'references auth.users (id) on delete restrict not valid',
        owned, owned || '_owner_user_id_fkey'
      );
    end if;
    execute format('alter table public.%I validate constraint %I', owned, owned || '_owner_user_id_fkey');
  end loop;
end
$pack$;

-- 6. Functions, policies, grants

-- Other people's organizations that an own live opportunity refers to. Security definer breaks the cycle
-- that two policies reading each other's tables would make (42P17). Own and shared organizations are left
-- out, as policies recognise those by their owner: what remains is a short list.
create or replace function public.my_referenced_organizations() returns setof uuid
  language sql
  stable
  security definer
  set search_path = ''
as $function$
  select o.organization_id
  from (
    select distinct r.organization_id
    from public.opportunities op
    cross join lateral (
      values (op.organization_id), (op.principal_org_id), (op.distributor_org_id)
    ) r (organization_id)
    where op.owner_user_id = (select auth.uid())
      and op.deleted_at is null
  ) r
  join public.organizations o on o.organization_id = r.organization_id
  where o.deleted_at is null and o.owner_user_id <> (select auth.uid())
$function$;

-- Every organization that the caller reads. Policies call it where a row is written; where rows are read
-- it would list what an index finds as well.
create or replace function public.my_accessible_organizations() returns setof uuid
  language sql
  stable
  security definer
  set search_path = ''
as $function$
  select o.organization_id
  from public.organizations o
  where o.deleted_at is null
    and (o.owner_user_id is null or o.owner_user_id = (select auth.uid()))
  union all
  select r.organization_id from public.my_referenced_organizations() r (organization_id)
$function$;

-- Null when there is no such row. Interactions are left to their guard, which runs as the caller.
create or replace function public.may_delete(entity text, id uuid) returns boolean
  language plpgsql
  stable
  security definer
  set search_path = ''
as $function$
declare
  actor constant uuid := auth.uid();
  answer boolean;
begin
  case entity
    when 'organizations' then
      select o.owner_user_id = actor into answer
      from public.organizations o
      where o.organization_id = may_delete.id;
    when 'contacts' then
      select actor in (c.owner_user_id, o.owner_user_id) into answer
      from public.contacts c
      join public.organizations o on o.organization_id = c.organization_id
      where c.contact_id = may_delete.id;
    when 'products', 'product_distributors' then
      select o.owner_user_id = actor into answer
      from public.products p
      join public.organizations o on o.organization_id = p.principal_org_id
      where p.product_id = may_delete.id;
    when 'opportunities' then
      select op.owner_user_id = actor into answer
      from public.opportunities op
      where op.opportunity_id = may_delete.id;
    when 'interactions' then
      select true into answer
      from public.interactions i
      where i.interaction_id = may_delete.id;
    else
      raise exception 'unknown entity %', entity
        using errcode = 'invalid_parameter_value',
          hint = 'One of organizations, contacts, products, product_distributors, opportunities, interactions.';
  end case;
  if not found then
    return null;
  end if;
  return coalesce(answer, false) or public.is_service_caller() or public.is_app_admin();
end
$function$;

-- The only way to soft-delete: a plain UPDATE of deleted_at would have to pass a SELECT policy that
-- asks for live rows. A product's link is named by the product's id and distributor_id. Returns false
-- when there is no such live row. With cascade a customer takes along its contacts, opportunities with
-- their interactions, products and links. An admin may delete an opportunity but holds no rights over
-- its interactions, so a cascade over live ones is for its owner and the service role.
create or replace function public.soft_delete(
  entity text,
  id uuid,
  cascade boolean default false,
  distributor_id uuid default null
) returns boolean
  language plpgsql
  security definer
  set search_path = ''
as $function$
declare
  allowed boolean;
  changed integer;
begin
  if auth.uid() is null and not public.is_service_caller() then
    raise exception 'sign in to delete' using errcode = 'insufficient_privilege';
  end if;
  allowed := public.may_delete(entity, id);
  if allowed is null then
    return false;
  elsif not allowed then
    raise exception 'only the owner, an admin or the service role deletes this'
      using errcode = 'insufficient_privilege';
  end if;

  if entity = 'product_distributors' then
    if distributor_id is null then
      raise exception 'a product link is named by its product and its distributor_id'
        using errcode = 'invalid_parameter_value';
    end if;
    update public.product_distributors d
    set deleted_at = now()
    where d.product_id = id and d.distributor_org_id = distributor_id and d.deleted_at is null;
    return found;
  elsif entity = 'interactions' then
    update public.interactions i set deleted_at = now() where i.interaction_id = id and i.deleted_at is null;
    return found;
  elsif entity = 'contacts' then
    update public.contacts c set deleted_at = now() where c.contact_id = id and c.deleted_at is null;
    return found;
  elsif entity = 'products' then
    update public.products p set deleted_at = now() where p.product_id = id and p.deleted_at is null;
    get diagnostics changed = row_count;
    if cascade then
      update public.product_distributors d set deleted_at = now() where d.product_id = id and d.deleted_at is null;
    end if;
    return changed > 0;
  elsif entity = 'opportunities' then
    -- FOR UPDATE also waits for whoever is adding an interaction, whose foreign key holds a share lock.
    perform from public.opportunities op where op.opportunity_id = id and op.deleted_at is null for update;
    if not found then
      return false;
    end if;
    if cascade then
      update public.opportunities op set deleted_at = now() where op.opportunity_id = id;
      update public.interactions i set deleted_at = now() where i.opportunity_id = id and i.deleted_at is null;
      return true;
    end if;
    if exists (select from public.interactions i where i.opportunity_id = id and i.deleted_at is null) then
      raise exception 'the opportunity has live interactions'
        using errcode = 'foreign_key_violation', hint = 'Delete them first, or pass cascade.';
    end if;
    update public.opportunities op set deleted_at = now() where op.opportunity_id = id;
    return true;
  end if;

  perform from public.organizations o where o.organization_id = id and o.deleted_at is null for update;
  if not found then
    return false;
  end if;
  if exists (select from public.opportunities op where op.organization_id = id and op.deleted_at is null) then
    if not cascade then
      raise exception 'the organization has live opportunities'
        using errcode = 'foreign_key_violation', hint = 'Delete them first, or pass cascade.';
    end if;
    if not (public.is_service_caller() or public.is_app_admin())
      and exists (
        select
        from public.opportunities op
        where op.organization_id = id and op.deleted_at is null and op.owner_user_id <> auth.uid()
      )
    then
      raise exception 'the organization has opportunities of other users'
        using errcode = 'insufficient_privilege';
    end if;
  end if;
  if cascade then
    perform public.soft_delete('opportunities', op.opportunity_id, true)
    from public.opportunities op
    where op.organization_id = id and op.deleted_at is null;
    update public.contacts c set deleted_at = now() where c.organization_id = id and c.deleted_at is null;
    update public.product_distributors d
    set deleted_at = now()
    where d.deleted_at is null
      and (
        d.distributor_org_id = id
        or d.product_id in (select p.product_id from public.products p where p.principal_org_id = id)
      );
    update public.products p set deleted_at = now() where p.principal_org_id = id and p.deleted_at is null;
  end if;
  update public.organizations o set deleted_at = now() where o.organization_id = id;
  return true;
end
$function$;

-- Restores one row, never its children; a row whose parent is deleted stays deleted (23503), and so
-- does one whose unique name is taken by now (23505).
create or replace function public.restore_deleted(
  entity text,
  id uuid,
  distributor_id uuid default null
) returns boolean
  language plpgsql
  security definer
  set search_path = ''
as $function$
declare
  allowed boolean;
  parent_is_live boolean;
begin
  if auth.uid() is null and not public.is_service_caller() then
    raise exception 'sign in to restore' using errcode = 'insufficient_privilege';
  end if;
  allowed := public.may_delete(entity, id);
  if allowed is null then
    return false;
  elsif not allowed then
    raise exception 'only the owner, an admin or the service role restores this'
      using errcode = 'insufficient_privilege';
  end if;
  if entity = 'product_distributors' and distributor_id is null then
    raise exception 'a product link is named by its product and its distributor_id'
      using errcode = 'invalid_parameter_value';
  end if;

  select bool_and(parent.deleted_at is null) into parent_is_live
  from (
    select o.deleted_at
    from public.contacts c
    join public.organizations o on o.organization_id = c.organization_id
    where entity = 'contacts' and c.contact_id = id
    union all
    select o.deleted_at
    from public.products p
    join public.organizations o on o.organization_id = p.principal_org_id
    where entity = 'products' and p.product_id = id
    union all
    select p.deleted_at from public.products p where entity = 'product_distributors' and p.product_id = id
    union all
    select o.deleted_at
    from public.organizations o
    where entity = 'product_distributors' and o.organization_id = distributor_id
    union all
    select o.deleted_at
    from public.opportunities op
    join public.organizations o on o.organization_id = op.organization_id
    where entity = 'opportunities' and op.opportunity_id = id
    union all
    select op.deleted_at
    from public.interactions i
    join public.opportunities op on op.opportunity_id = i.opportunity_id
    where entity = 'interactions' and i.interaction_id = id
  ) parent;
  if not parent_is_live then
    raise exception 'what this belongs to is deleted'
      using errcode = 'foreign_key_violation', hint = 'Restore that first.';
  end if;

  case entity
    when 'organizations' then
      update public.organizations o
      set deleted_at = null
      where o.organization_id = id and o.deleted_at is not null;
    when 'contacts' then
      update public.contacts c set deleted_at = null where c.contact_id = id and c.deleted_at is not null;
    when 'products' then
      update public.products p set deleted_at = null where p.product_id = id and p.deleted_at is not null;
    when 'product_distributors' then
      update public.product_distributors d
      set deleted_at = null
      where d.product_id = id and d.distributor_org_id = distributor_id and d.deleted_at is not null;
    when 'opportunities' then
      update public.opportunities op
      set deleted_at = null
      where op.opportunity_id = id and op.deleted_at is not null;
    when 'interactions' then
      update public.interactions i
      set deleted_at = null
      where i.interaction_id = id and i.deleted_at is not null;
  end case;
  return found;
end
$function$;

-- Soft-deleted rows move too: the foreign key holds on to their owner just the same.
create or replace function public.reassign_user_data(p_from uuid, p_to uuid)
  returns table (table_name text, rows_moved bigint)
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  if p_from is null or p_to is null or p_from = p_to then
    raise exception 'name two different users' using errcode = 'invalid_parameter_value';
  end if;
  if (select count(*) from auth.users u where u.id in (p_from, p_to)) <> 2 then
    raise exception 'no such user' using errcode = 'foreign_key_violation';
  end if;

  table_name := 'organizations';
  update public.organizations r set owner_user_id = p_to where r.owner_user_id = p_from;
  get diagnostics rows_moved = row_count;
  return next;

  table_name := 'contacts';
  update public.contacts r set owner_user_id = p_to where r.owner_user_id = p_from;
  get diagnostics rows_moved = row_count;
  return next;

  table_name := 'opportunities';
  update public.opportunities r set owner_user_id = p_to where r.owner_user_id = p_from;
  get diagnostics rows_moved = row_count;
  return next;

  table_name := 'interactions';
  update public.interactions r set owner_user_id = p_to where r.owner_user_id = p_from;
  get diagnostics rows_moved = row_count;
  return next;
end
$function$;

create or replace function public.admin_reassign_user_data(p_from uuid, p_to uuid)
  returns table (table_name text, rows_moved bigint)
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  if not (public.is_service_caller() or public.is_app_admin()) then
    raise exception 'only an admin reassigns the data of a user' using errcode = 'insufficient_privilege';
  end if;
  return query select r.table_name, r.rows_moved from public.reassign_user_data(p_from, p_to) r;
end
$function$;

revoke all on function
  public.int_guard(), public.int_sync(), public.sync_opportunity(uuid),
  public.my_referenced_organizations(), public.my_accessible_organizations(), public.may_delete(text, uuid),
  public.soft_delete(text, uuid, boolean, uuid), public.restore_deleted(text, uuid, uuid),
  public.reassign_user_data(uuid, uuid), public.admin_reassign_user_data(uuid, uuid)
  from public, anon, authenticated, service_role;
grant execute on function
  public.my_referenced_organizations(), public.my_accessible_organizations(),
  public.soft_delete(text, uuid, boolean, uuid), public.restore_deleted(text, uuid, uuid),
  public.admin_reassign_user_data(uuid, uuid)
  to authenticated, service_role;
grant execute on function public.reassign_user_data(uuid, uuid) to service_role;

-- auth.uid() stands in a sub-select everywhere: it is then read once per query. Where alternatives are joined
-- by OR a list is written "= any (array(select ...))", since an index can be searched with an array and not with
-- "in (select ...)". Where a row is visible by its parent it is looked up with exists, which the planner answers
-- by the parent's key for a few rows and by one pass over the parents for many.

drop policy if exists stage_lu_select_all on public.stage_lu;
create policy stage_lu_select_all on public.stage_lu for select to authenticated using (true);
drop policy if exists status_lu_select_all on public.status_lu;
create policy status_lu_select_all on public.status_lu for select to authenticated using (true);
drop policy if exists interaction_type_lu_select_all on public.interaction_type_lu;
create policy interaction_type_lu_select_all on public.interaction_type_lu for select to authenticated using (true);
drop policy if exists source_lu_select_all on public.source_lu;
create policy source_lu_select_all on public.source_lu for select to authenticated using (true);
drop policy if exists loss_reason_lu_select_all on public.loss_reason_lu;
create policy loss_reason_lu_select_all on public.loss_reason_lu for select to authenticated using (true);
drop policy if exists state_lu_select_all on public.state_lu;
create policy state_lu_select_all on public.state_lu for select to authenticated using (true);

-- Own and shared organizations are recognised by the row itself: a function would not see a row which the
-- same statement inserts, and INSERT ... RETURNING would be refused (42501).
drop policy if exists org_select_scoped on public.organizations;
create policy org_select_scoped on public.organizations for select to authenticated
  using (
    deleted_at is null
    and (
      owner_user_id is null
      or owner_user_id = (select auth.uid())
      or organization_id = any (array(select public.my_referenced_organizations()))
    )
  );
drop policy if exists organizations_insert_own on public.organizations;
create policy organizations_insert_own on public.organizations for insert to authenticated
  with check (deleted_at is null and owner_user_id = (select auth.uid()));
drop policy if exists organizations_update_own on public.organizations;
create policy organizations_update_own on public.organizations for update to authenticated
  using (deleted_at is null and owner_user_id = (select auth.uid()))
  with check (deleted_at is null and owner_user_id = (select auth.uid()));

drop policy if exists contacts_select_scoped on public.contacts;
create policy contacts_select_scoped on public.contacts for select to authenticated
  using (
    deleted_at is null
    and (
      owner_user_id = (select auth.uid())
      or exists (
        select
        from public.organizations o
        where o.organization_id = contacts.organization_id and o.owner_user_id = (select auth.uid())
      )
      or (
        owner_user_id is null
        and exists (
          select from public.organizations o where o.organization_id = contacts.organization_id
        )
      )
    )
  );
drop policy if exists contacts_insert_own on public.contacts;
create policy contacts_insert_own on public.contacts for insert to authenticated
  with check (
    deleted_at is null
    and owner_user_id = (select auth.uid())
    and organization_id in (select public.my_accessible_organizations())
  );
drop policy if exists contacts_update_own on public.contacts;
create policy contacts_update_own on public.contacts for update to authenticated
  using (
    deleted_at is null
    and (
      owner_user_id = (select auth.uid())
      or organization_id in (
        select o.organization_id from public.organizations o where o.owner_user_id = (select auth.uid())
      )
    )
  )
  with check (
    deleted_at is null
    and (
      owner_user_id = (select auth.uid())
      or organization_id in (
        select o.organization_id from public.organizations o where o.owner_user_id = (select auth.uid())
      )
    )
  );

drop policy if exists products_select_scoped on public.products;
create policy products_select_scoped on public.products for select to authenticated
  using (
    deleted_at is null
    and exists (select from public.organizations o where o.organization_id = products.principal_org_id)
  );
drop policy if exists products_insert_principal on public.products;
create policy products_insert_principal on public.products for insert to authenticated
  with check (
    deleted_at is null
    and principal_org_id in (
      select o.organization_id from public.organizations o where o.owner_user_id = (select auth.uid())
    )
  );
drop policy if exists products_update_principal on public.products;
create policy products_update_principal on public.products for update to authenticated
  using (
    deleted_at is null
    and principal_org_id in (
      select o.organization_id from public.organizations o where o.owner_user_id = (select auth.uid())
    )
  )
  with check (
    deleted_at is null
    and principal_org_id in (
      select o.organization_id from public.organizations o where o.owner_user_id = (select auth.uid())
    )
  );

drop policy if exists product_distributors_select_scoped on public.product_distributors;
create policy product_distributors_select_scoped on public.product_distributors for select to authenticated
  using (
    deleted_at is null
    and exists (select from public.products p where p.product_id = product_distributors.product_id)
  );
drop policy if exists product_distributors_insert_principal on public.product_distributors;
create policy product_distributors_insert_principal on public.product_distributors for insert to authenticated
  with check (
    deleted_at is null
    and product_id in (
      select p.product_id
      from public.products p
      join public.organizations o on o.organization_id = p.principal_org_id
      where o.owner_user_id = (select auth.uid())
    )
  );
drop policy if exists product_distributors_update_principal on public.product_distributors;
create policy product_distributors_update_principal on public.product_distributors for update to authenticated
  using (
    deleted_at is null
    and product_id in (
      select p.product_id
      from public.products p
      join public.organizations o on o.organization_id = p.principal_org_id
      where o.owner_user_id = (select auth.uid())
    )
  )
  with check (
    deleted_at is null
    and product_id in (
      select p.product_id
      from public.products p
      join public.organizations o on o.organization_id = p.principal_org_id
      where o.owner_user_id = (select auth.uid())
    )
  );
drop policy if exists product_distributors_delete_principal on public.product_distributors;
create policy product_distributors_delete_principal on public.product_distributors for delete to authenticated
  using (
    deleted_at is null
    and product_id in (
      select p.product_id
      from public.products p
      join public.organizations o on o.organization_id = p.principal_org_id
      where o.owner_user_id = (select auth.uid())
    )
  );

-- An own opportunity makes its organizations readable, so it may only name those that are readable
-- already: whoever guesses an id must not gain the row by writing it down.
drop policy if exists opportunities_select_own on public.opportunities;
create policy opportunities_select_own on public.opportunities for select to authenticated
  using (deleted_at is null and owner_user_id = (select auth.uid()));
drop policy if exists opportunities_insert_own on public.opportunities;
create policy opportunities_insert_own on public.opportunities for insert to authenticated
  with check (
    deleted_at is null
    and owner_user_id = (select auth.uid())
    and organization_id in (select public.my_accessible_organizations())
    and (principal_org_id is null or principal_org_id in (select public.my_accessible_organizations()))
    and (distributor_org_id is null or distributor_org_id in (select public.my_accessible_organizations()))
  );
drop policy if exists opportunities_update_own on public.opportunities;
create policy opportunities_update_own on public.opportunities for update to authenticated
  using (deleted_at is null and owner_user_id = (select auth.uid()))
  with check (
    deleted_at is null
    and owner_user_id = (select auth.uid())
    and organization_id in (select public.my_accessible_organizations())
    and (principal_org_id is null or principal_org_id in (select public.my_accessible_organizations()))
    and (distributor_org_id is null or distributor_org_id in (select public.my_accessible_organizations()))
  );

-- Whoever may add an interaction can move the opportunity's stage, so only its owner may; the
-- interaction may be given to a colleague. Which columns an editor may touch is the guard's to say.
drop policy if exists interactions_select_involved on public.interactions;
create policy interactions_select_involved on public.interactions for select to authenticated
  using (
    deleted_at is null
    and (
      owner_user_id = (select auth.uid())
      or opportunity_id = any (array(
        select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
      ))
    )
  );
drop policy if exists interactions_insert_opportunity on public.interactions;
create policy interactions_insert_opportunity on public.interactions for insert to authenticated
  with check (
    deleted_at is null
    and opportunity_id in (
      select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
    )
  );
drop policy if exists interactions_update_involved on public.interactions;
create policy interactions_update_involved on public.interactions for update to authenticated
  using (
    deleted_at is null
    and (
      owner_user_id = (select auth.uid())
      or opportunity_id = any (array(
        select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
      ))
    )
  )
  with check (
    deleted_at is null
    and (
      owner_user_id = (select auth.uid())
      or opportunity_id = any (array(
        select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
      ))
    )
  );
drop policy if exists interactions_delete_involved on public.interactions;
create policy interactions_delete_involved on public.interactions for delete to authenticated
  using (
    deleted_at is null
    and (
      owner_user_id = (select auth.uid())
      or opportunity_id = any (array(
        select op.opportunity_id from public.opportunities op where op.owner_user_id = (select auth.uid())
      ))
    )
  );

revoke all on
  public.stage_lu, public.status_lu, public.interaction_type_lu,
  public.source_lu, public.loss_reason_lu, public.state_lu,
  public.organizations, public.contacts, public.products, public.product_distributors,
  public.opportunities, public.interactions
  from anon, authenticated;
grant select on
  public.stage_lu, public.status_lu, public.interaction_type_lu,
  public.source_lu, public.loss_reason_lu, public.state_lu,
  public.organizations, public.contacts, public.products, public.product_distributors,
  public.opportunities, public.interactions
  to authenticated;
grant insert, update on
  public.organizations, public.contacts, public.products, public.product_distributors,
  public.opportunities, public.interactions
  to authenticated;
grant delete on public.product_distributors, public.interactions to authenticated;

-- 7. Row security. Not forced on the owner: the security definer functions above need to see past it.

alter table public.stage_lu enable row level security;
alter table public.status_lu enable row level security;
alter table public.interaction_type_lu enable row level security;
alter table public.source_lu enable row level security;
alter table public.loss_reason_lu enable row level security;
alter table public.state_lu enable row level security;
alter table public.organizations enable row level security;
alter table public.contacts enable row level security;
alter table public.products enable row level security;
alter table public.product_distributors enable row level security;
alter table public.opportunities enable row level security;
alter table public.interactions enable row level security;
