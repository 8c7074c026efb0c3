-- Opportunities, interactions and the rules between them.
--
-- Triggers of one table and event run in the order of their names, so the number in a name is its turn:
--   interactions   10 gate     a gated stage needs a product; no interaction lies in the future
--                  20 guard    who may change what drives the opportunity, and for how long
--                  50 sync     the opportunity takes stage and status from its latest interaction
--                  90 updated_at
--   opportunities  10 gate     a gated stage needs a product; the principal is the product's
--                  20 contact  the contact works for the customer
--                  30 close    the close date and the loss reason follow the stage
--                  90 updated_at
--
-- The columns that drive an opportunity are stage, status, interaction_date and opportunity_id (and,
-- from 050, deleted_at).

create table if not exists public.opportunities (
  opportunity_id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations,
  contact_id uuid references public.contacts on delete set null,
  product_id uuid references public.products,
  principal_org_id uuid references public.organizations,
  distributor_org_id uuid references public.organizations,
  name text not null check (length(btrim(name)) between 1 and 200),
  stage text not null default 'new_lead' references public.stage_lu,
  status text not null default 'active' references public.status_lu,
  stage_manual boolean not null default false,
  status_manual boolean not null default false,
  -- pantler:ignore foreign-key-without-index a code is retired by is_active, never deleted or renamed
  source text references public.source_lu,
  -- pantler:ignore foreign-key-without-index a code is retired by is_active, never deleted or renamed
  loss_reason text references public.loss_reason_lu,
  priority text not null default 'medium' check (priority in ('low', 'medium', 'high', 'critical')),
  estimated_value numeric(12, 2) check (estimated_value >= 0),
  probability smallint check (probability between 0 and 100),
  estimated_close_date date,
  actual_close_date date,
  opportunity_context text check (opportunity_context in (
    'Site Visit', 'Food Show', 'New Product Interest', 'Follow-up', 'Demo Request', 'Sampling', 'Custom'
  )),
  description text,
  next_action text,
  next_action_date date,
  competition text,
  decision_criteria text,
  notes text,
  last_sync_at timestamptz,
  owner_user_id uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint opportunities_product_or_principal_ck
    check (product_id is not null or principal_org_id is not null)
);

create index if not exists opportunities_owner_idx on public.opportunities (owner_user_id);
create index if not exists opportunities_organization_idx on public.opportunities (organization_id);
create index if not exists opportunities_stage_idx on public.opportunities (stage, created_at desc);
create index if not exists opportunities_status_idx on public.opportunities (status);
create index if not exists opportunities_principal_idx on public.opportunities (principal_org_id);
create index if not exists opportunities_distributor_idx on public.opportunities (distributor_org_id);
create index if not exists opportunities_product_idx on public.opportunities (product_id);
create index if not exists opportunities_contact_idx on public.opportunities (contact_id);

create table if not exists public.interactions (
  interaction_id uuid primary key default gen_random_uuid(),
  opportunity_id uuid not null references public.opportunities,
  contact_id uuid references public.contacts on delete set null,
  -- pantler:ignore foreign-key-without-index a code is retired by is_active, never deleted or renamed
  interaction_type text not null references public.interaction_type_lu,
  subject text not null check (length(btrim(subject)) between 1 and 255),
  notes text,
  interaction_date timestamptz not null default now(),
  duration_minutes integer check (duration_minutes between 1 and 1440),
  outcome text check (outcome in (
    'successful', 'follow_up_needed', 'not_interested', 'postponed', 'no_response'
  )),
  follow_up_required boolean not null default false,
  follow_up_date date,
  follow_up_notes text,
  -- pantler:ignore foreign-key-without-index a code is retired by is_active, never deleted or renamed
  stage text references public.stage_lu,
  -- pantler:ignore foreign-key-without-index a code is retired by is_active, never deleted or renamed
  status text references public.status_lu,
  owner_user_id uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index if not exists interactions_opportunity_date_idx
  on public.interactions (opportunity_id, interaction_date desc);
create index if not exists interactions_owner_idx on public.interactions (owner_user_id);
create index if not exists interactions_contact_idx on public.interactions (contact_id);
create index if not exists interactions_follow_up_idx on public.interactions (follow_up_date)
  where follow_up_required;

-- app_metadata is written by the server alone; user_metadata can be edited by its user and must never
-- decide a right.
create or replace function public.is_app_admin() returns boolean
  language sql
  stable
  set search_path = ''
as $function$
  select coalesce(auth.jwt() -> 'app_metadata' ->> 'role' = 'admin', false)
$function$;

-- True for the service role and for a direct connection without a signed-in user. Inside a security
-- definer function current_user is the owner, so the role is read from the setting, which SET ROLE
-- writes and security definer leaves alone.
create or replace function public.is_service_caller() returns boolean
  language sql
  stable
  set search_path = ''
as $function$
  select case auth.role()
    when 'service_role' then true
    else auth.role() is null
      and auth.uid() is null
      and current_setting('role') not in ('anon', 'authenticated')
  end
$function$;

-- The trigger functions below are security definer: an interaction's owner may edit it without being
-- allowed to see, let alone update, the opportunity it belongs to.

create or replace function public.int_gate() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  -- A date in the future would stay the latest one and hold the opportunity's stage until then.
  if new.interaction_date > now() + interval '5 minutes' then
    raise exception 'interaction_date lies in the future'
      using errcode = 'check_violation', detail = format('interaction_date is %s.', new.interaction_date);
  end if;
  -- The correction window runs from created_at, so a created_at to come would hold it open.
  if new.created_at > now() + interval '5 minutes' then
    raise exception 'created_at lies in the future'
      using errcode = 'check_violation', detail = format('created_at is %s.', new.created_at);
  end if;
  if exists (select from public.stage_lu s where s.code = new.stage and s.requires_product)
    and exists (
      select
      from public.opportunities o
      where o.opportunity_id = new.opportunity_id
        and o.product_id is null
    )
  then
    raise exception 'stage % needs an opportunity with a product', new.stage
      using errcode = 'check_violation', hint = 'Set product_id on the opportunity first.';
  end if;
  return new;
end
$function$;

create or replace function public.opp_gate() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $function$
declare
  maker uuid;
begin
  if new.product_id is null then
    if exists (select from public.stage_lu s where s.code = new.stage and s.requires_product) then
      raise exception 'stage % needs a product', new.stage
        using errcode = 'check_violation', hint = 'Set product_id, or choose a stage that needs none.';
    end if;
    return new;
  end if;

  select p.principal_org_id into maker
  from public.products p
  where p.product_id = new.product_id;

  -- An unknown product is the foreign key's to report.
  if not found then
    return new;
  end if;

  if new.principal_org_id is null
    or (
      tg_op = 'UPDATE'
      and new.product_id is distinct from old.product_id
      and new.principal_org_id is not distinct from old.principal_org_id
    )
  then
    new.principal_org_id := maker;
  elsif new.principal_org_id <> maker then
    raise exception 'the principal of an opportunity is the principal of its product'
      using errcode = 'check_violation',
        detail = format('Product %s belongs to %s, not to %s.', new.product_id, maker, new.principal_org_id);
  end if;
  return new;
end
$function$;

create or replace function public.opp_contact_in_organization() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  if exists (
    select
    from public.contacts c
    where c.contact_id = new.contact_id
      and c.organization_id <> new.organization_id
  ) then
    raise exception 'the contact of an opportunity works for its organization'
      using errcode = 'check_violation', hint = 'Link people of other organizations as stakeholders.';
  end if;
  return new;
end
$function$;

create or replace function public.opp_close() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  if tg_op = 'UPDATE' then
    if new.stage is not distinct from old.stage then
      return new;
    end if;
    -- A value written by the same statement is news about the new stage and stays.
    if exists (select from public.stage_lu s where s.code = old.stage and s.is_closed) then
      if new.actual_close_date is not distinct from old.actual_close_date then
        new.actual_close_date := null;
      end if;
      if new.loss_reason is not distinct from old.loss_reason then
        new.loss_reason := null;
      end if;
    end if;
  end if;
  if new.actual_close_date is null
    and exists (select from public.stage_lu s where s.code = new.stage and s.is_closed)
  then
    new.actual_close_date := current_date;
  end if;
  return new;
end
$function$;

-- 050 replaces these three with versions that know soft deletion. A re-run must not bring the older
-- ones back, except where the emergency rollback dropped them: run 050 again after this pack then.
do $pack$
begin
  if to_regprocedure('public.int_sync()') is not null
    and exists (
      select
      from pg_attribute
      where attrelid = 'public.interactions'::regclass and attname = 'deleted_at' and not attisdropped
    )
  then
    return;
  end if;

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
end
$pack$;

-- Switching a manual flag off does not look back; this does.
create or replace function public.resync_opportunity(opportunity uuid) returns boolean
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  if not public.is_service_caller()
    and not exists (
      select
      from public.opportunities o
      where o.opportunity_id = opportunity
        and o.owner_user_id = auth.uid()
    )
  then
    raise exception 'only its owner resyncs an opportunity' using errcode = 'insufficient_privilege';
  end if;
  return public.sync_opportunity(opportunity);
end
$function$;

revoke all on function
  public.is_app_admin(), public.is_service_caller(),
  public.int_gate(), public.int_guard(), public.int_sync(), public.sync_opportunity(uuid),
  public.opp_gate(), public.opp_contact_in_organization(), public.opp_close(),
  public.resync_opportunity(uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.resync_opportunity(uuid) to authenticated, service_role;

create or replace trigger trg_opp_10_gate
  before insert or update of stage, product_id, principal_org_id on public.opportunities
  for each row execute function public.opp_gate();

create or replace trigger trg_opp_20_contact
  before insert or update of contact_id, organization_id on public.opportunities
  for each row execute function public.opp_contact_in_organization();

create or replace trigger trg_opp_30_close
  before insert or update of stage on public.opportunities
  for each row execute function public.opp_close();

create or replace trigger trg_opp_90_updated_at
  before update on public.opportunities
  for each row execute function public.set_updated_at();

create or replace trigger trg_int_10_gate
  before insert or update of stage, interaction_date, opportunity_id, created_at on public.interactions
  for each row execute function public.int_gate();

create or replace trigger trg_int_20_guard
  before update or delete on public.interactions
  for each row execute function public.int_guard();

create or replace trigger trg_int_50_sync
  after insert or update or delete on public.interactions
  for each row execute function public.int_sync();

create or replace trigger trg_int_90_updated_at
  before update on public.interactions
  for each row execute function public.set_updated_at();

grant all on public.opportunities, public.interactions to service_role;

-- Closed to signed-in users until row security guards it (050), whose grants a re-run must keep.
do $pack$
begin
  if not exists (select from pg_policies where schemaname = 'public' and tablename = 'opportunities') then
    revoke all on public.opportunities, public.interactions from anon, authenticated;
  end if;
end
$pack$;
