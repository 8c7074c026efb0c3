-- Optional, after 030: stage and status worked out when they are read, instead of by the sync trigger.
-- The two are exclusive: this file drops the trigger, and clients read opportunities_enriched where they
-- read opportunities. The manual flags mean the same in both. To go back to the trigger, drop the view
-- and run 030 again.
--
-- Columns are listed one by one: with o.* the view could not be replaced once the table has grown.
-- Signed-in users see live interactions only, by their policies; the view itself does not filter, so
-- that it also works before 050.

drop trigger if exists trg_int_50_sync on public.interactions;

create or replace view public.opportunities_enriched with (security_invoker = true) as
select
  o.opportunity_id,
  o.organization_id,
  o.contact_id,
  o.product_id,
  o.principal_org_id,
  o.distributor_org_id,
  o.name,
  o.stage,
  o.status,
  o.stage_manual,
  o.status_manual,
  case when o.stage_manual then o.stage else coalesce(ls.stage, o.stage) end as effective_stage,
  case when o.status_manual then o.status else coalesce(lt.status, o.status) end as effective_status,
  o.source,
  o.loss_reason,
  o.priority,
  o.estimated_value,
  o.probability,
  o.estimated_close_date,
  o.actual_close_date,
  o.opportunity_context,
  o.description,
  o.next_action,
  o.next_action_date,
  o.notes,
  o.owner_user_id,
  o.created_at,
  o.updated_at
from public.opportunities o
left join lateral (
  select i.stage
  from public.interactions i
  where i.opportunity_id = o.opportunity_id and i.stage is not null
  order by i.interaction_date desc, i.created_at desc, i.interaction_id desc
  limit 1
) ls on true
left join lateral (
  select i.status
  from public.interactions i
  where i.opportunity_id = o.opportunity_id and i.status is not null
  order by i.interaction_date desc, i.created_at desc, i.interaction_id desc
  limit 1
) lt on true;

revoke all on public.opportunities_enriched from anon, authenticated;
grant select on public.opportunities_enriched to authenticated, service_role;
