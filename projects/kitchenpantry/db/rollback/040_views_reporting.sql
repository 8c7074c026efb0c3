-- Safe: views hold no data.

do $rollback$
begin
  if to_regprocedure('public.my_accessible_organizations()') is not null then
    raise exception 'phase 6 is still there'
      using errcode = 'dependent_objects_still_exist', hint = 'Roll back 050_rls_policies_offboarding first.';
  end if;
end
$rollback$;

drop view if exists reporting.org_principal_summary;
drop view if exists reporting.pipeline_full;
drop view if exists reporting.latest_interaction;
drop view if exists public.v_org_roles;

-- Somebody else's reports keep the schema alive.
do $rollback$
begin
  drop schema if exists reporting restrict;
exception
  when dependent_objects_still_exist then
    raise notice 'schema reporting holds other objects and stays';
end
$rollback$;
