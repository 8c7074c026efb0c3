-- Staging only. Where the optional legacy step ran, products was there before us: its old column comes
-- back, filled from the primary links, and the table stays.

do $rollback$
begin
  if to_regclass('public.opportunities') is not null then
    raise exception 'phase 4 is still there'
      using errcode = 'dependent_objects_still_exist', hint = 'Roll back 030_opps_interactions_rules first.';
  end if;

  if obj_description(to_regclass('public.product_distributors'), 'pg_class')
    = 'primary distributors carried over from products.primary_distributor_org_id'
  then
    alter table public.products
      add column primary_distributor_org_id uuid references public.organizations;
    update public.products p
    set primary_distributor_org_id = d.distributor_org_id
    from public.product_distributors d
    where d.product_id = p.product_id and d.is_primary;
    drop table public.product_distributors;
  else
    drop table if exists public.product_distributors;
    drop table if exists public.products;
  end if;
end
$rollback$;

drop function if exists public.pd_refuse_own_principal();
