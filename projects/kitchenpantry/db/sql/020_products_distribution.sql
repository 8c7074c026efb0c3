-- Products and who distributes them. The primary distributor lives in product_distributors.is_primary
-- and nowhere else; a database that still has products.primary_distributor_org_id runs
-- optional/020_legacy_primary_distributor.sql after this pack.

create table if not exists public.products (
  product_id uuid primary key default gen_random_uuid(),
  principal_org_id uuid not null references public.organizations,
  name text not null check (length(btrim(name)) between 1 and 200),
  sku text,
  category text not null check (category in (
    'beverages', 'dairy', 'frozen', 'fresh_produce', 'meat_poultry', 'seafood', 'dry_goods',
    'spices_seasonings', 'baking_supplies', 'cleaning_supplies', 'paper_products', 'equipment'
  )),
  description text,
  unit_of_measure text,
  unit_cost numeric(10, 4) check (unit_cost >= 0),
  list_price numeric(10, 4) check (list_price >= 0),
  min_order_quantity integer check (min_order_quantity > 0),
  -- A season may end in an earlier month than it starts: it then runs over the turn of the year.
  season_start smallint check (season_start between 1 and 12),
  season_end smallint check (season_end between 1 and 12),
  shelf_life_days integer check (shelf_life_days > 0),
  storage_requirements text,
  specifications text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index if not exists products_principal_idx on public.products (principal_org_id);
create unique index if not exists products_principal_name_uq on public.products (principal_org_id, lower(name));
create unique index if not exists products_principal_sku_uq on public.products (principal_org_id, sku)
  where sku is not null;

create table if not exists public.product_distributors (
  product_id uuid not null references public.products on delete cascade,
  distributor_org_id uuid not null references public.organizations,
  is_primary boolean not null default false,
  vendor_item_number text,
  unit_cost numeric(10, 4) check (unit_cost >= 0),
  status text not null default 'active' check (status in ('active', 'inactive', 'pending')),
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (product_id, distributor_org_id)
);

create index if not exists product_distributors_distributor_idx
  on public.product_distributors (distributor_org_id);
create unique index if not exists product_distributors_primary_uq
  on public.product_distributors (product_id)
  where is_primary;

-- Security definer: the rule holds for whoever writes, whatever that user may read of products.
create or replace function public.pd_refuse_own_principal() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $function$
begin
  if exists (
    select
    from public.products p
    where p.product_id = new.product_id
      and p.principal_org_id = new.distributor_org_id
  ) then
    raise exception 'a principal cannot distribute its own product'
      using errcode = 'check_violation',
        detail = format('Organization %s makes product %s.', new.distributor_org_id, new.product_id);
  end if;
  return new;
end
$function$;

revoke all on function public.pd_refuse_own_principal() from public, anon, authenticated, service_role;

create or replace trigger trg_pd_not_own_principal
  before insert or update of product_id, distributor_org_id on public.product_distributors
  for each row execute function public.pd_refuse_own_principal();

create or replace trigger trg_prod_90_updated_at
  before update on public.products
  for each row execute function public.set_updated_at();

create or replace trigger trg_pd_90_updated_at
  before update on public.product_distributors
  for each row execute function public.set_updated_at();

grant all on public.products, public.product_distributors to service_role;

-- Closed to signed-in users until row security guards it (050), whose grants a re-run must keep.
do $pack$
begin
  if not exists (select from pg_policies where schemaname = 'public' and tablename = 'products') then
    revoke all on public.products, public.product_distributors from anon, authenticated;
  end if;
end
$pack$;
