-- Staging only: the organizations and contacts themselves go.

do $rollback$
begin
  if to_regclass('public.products') is not null then
    raise exception 'phase 3 is still there'
      using errcode = 'dependent_objects_still_exist', hint = 'Roll back 020_products_distribution first.';
  end if;
end
$rollback$;

drop table if exists public.contacts;
drop table if exists public.organizations;
