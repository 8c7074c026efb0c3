-- Optional, right after 020: for a database whose products still name their primary distributor in
-- products.primary_distributor_org_id. Carries every value over to product_distributors.is_primary and
-- drops the column. Without the column it does nothing. Run it in one transaction, and only when no
-- client reads the column any more. The rollback of 020 knows, by the table comment, that it ran.

do $legacy$
declare
  expected bigint;
  carried bigint;
begin
  if not exists (
    select
    from pg_attribute
    where attrelid = 'public.products'::regclass
      and attname = 'primary_distributor_org_id'
      and not attisdropped
  ) then
    raise notice 'products has no primary_distributor_org_id: nothing to carry over';
    return;
  end if;

  -- Writers wait, readers go on: a value written in between would be lost with the column.
  lock table public.products, public.product_distributors in share row exclusive mode;

  -- The old column is the truth for the products that have a value in it.
  update public.product_distributors d
  set is_primary = false
  from public.products p
  where p.product_id = d.product_id
    and d.is_primary
    and p.primary_distributor_org_id <> d.distributor_org_id;

  insert into public.product_distributors (product_id, distributor_org_id, is_primary)
  select p.product_id, p.primary_distributor_org_id, true
  from public.products p
  where p.primary_distributor_org_id is not null
  on conflict (product_id, distributor_org_id) do update set is_primary = true;

  select count(*) into expected
  from public.products
  where primary_distributor_org_id is not null;

  select count(*) into carried
  from public.products p
  join public.product_distributors d
    on d.product_id = p.product_id and d.distributor_org_id = p.primary_distributor_org_id and d.is_primary;

  if carried <> expected then
    raise exception '% of % primary distributors were carried over', carried, expected
      using errcode = 'data_exception';
  end if;

  alter table public.products drop column primary_distributor_org_id;
  comment on table public.product_distributors is
    'primary distributors carried over from products.primary_distributor_org_id';
end
$legacy$;
