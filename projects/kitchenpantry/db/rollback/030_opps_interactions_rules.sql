-- Staging only: the opportunities and interactions themselves go. In production see
-- emergency/030_opps_interactions_rules.sql, which drops the rules and keeps the data.

do $rollback$
begin
  if to_regclass('reporting.pipeline_full') is not null then
    raise exception 'phase 5 is still there'
      using errcode = 'dependent_objects_still_exist', hint = 'Roll back 040_views_reporting first.';
  end if;
end
$rollback$;

drop view if exists public.opportunities_enriched;
drop table if exists public.interactions;
drop table if exists public.opportunities;
drop function if exists public.resync_opportunity(uuid);
drop function if exists public.int_gate();
drop function if exists public.int_guard();
drop function if exists public.int_sync();
drop function if exists public.sync_opportunity(uuid);
drop function if exists public.opp_gate();
drop function if exists public.opp_contact_in_organization();
drop function if exists public.opp_close();
drop function if exists public.is_service_caller();
drop function if exists public.is_app_admin();
