-- Staging only. Drops the lookups and set_updated_at(). The citext extension stays: other schemas may
-- use it, and it holds no data.

do $rollback$
begin
  if to_regclass('public.organizations') is not null then
    raise exception 'phase 2 is still there'
      using errcode = 'dependent_objects_still_exist', hint = 'Roll back 010_orgs_contacts first.';
  end if;
end
$rollback$;

drop table if exists
  public.stage_lu, public.status_lu, public.interaction_type_lu,
  public.source_lu, public.loss_reason_lu, public.state_lu;
drop function if exists public.set_updated_at();
