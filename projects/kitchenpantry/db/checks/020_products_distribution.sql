-- Phase 3. The primary distributor of a product lives in product_distributors and nowhere else.

-- fixture: a principal and two distributors
insert into organizations (organization_id, name)
values
  ('a1000000-0000-4000-8000-000000000002', 'Check Principal'),
  ('a1000000-0000-4000-8000-000000000003', 'Check Distributor'),
  ('a1000000-0000-4000-8000-000000000004', 'Check Second Distributor');

-- fixture: a product
-- given: a principal and two distributors
insert into products (product_id, principal_org_id, name, category)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check Product', 'dairy');

-- fixture: a product with a primary distributor
-- given: a product
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', true);

-- check: A3.1 a product has one primary distributor
-- given: a product with a primary distributor
-- expect: error 23505
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000004', true);

-- check: A3.2 the join table takes insert, update and delete
-- given: a product
-- expect: true
do $$
begin
  insert into product_distributors (product_id, distributor_org_id)
  values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003');
  update product_distributors
  set status = 'pending', vendor_item_number = 'CK-1'
  where product_id = 'a2000000-0000-4000-8000-000000000001' and status = 'active';
  if not found then
    raise exception 'the link does not start as active';
  end if;
  delete from product_distributors where product_id = 'a2000000-0000-4000-8000-000000000001' and vendor_item_number = 'CK-1';
  if not found then
    raise exception 'the link was not updated';
  end if;
end
$$;
select not exists (select from product_distributors where product_id = 'a2000000-0000-4000-8000-000000000001');

-- check: A3.2 a link is stored once
-- given: a product
-- expect: error 23505
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', false);
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', false);

-- check: A3.3 products names no primary distributor
-- expect: no rows
select attname
from pg_attribute
where attrelid = 'public.products'::regclass
  and attname = 'primary_distributor_org_id'
  and not attisdropped;

-- check: A3.4 the primary distributor is switched in one transaction
-- given: a product with a primary distributor
-- expect: true
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000004', false);
update product_distributors set is_primary = false
where product_id = 'a2000000-0000-4000-8000-000000000001' and distributor_org_id = 'a1000000-0000-4000-8000-000000000003';
update product_distributors set is_primary = true
where product_id = 'a2000000-0000-4000-8000-000000000001' and distributor_org_id = 'a1000000-0000-4000-8000-000000000004';
select array_agg(distributor_org_id) = array['a1000000-0000-4000-8000-000000000004'::uuid]
from product_distributors
where product_id = 'a2000000-0000-4000-8000-000000000001' and is_primary;

-- check: A3.5 carrying the legacy column over gives every old value exactly one primary row
-- A temporary table plays the old column, so that products need not be locked.
-- given: a principal and two distributors
-- expect: true
insert into products (product_id, principal_org_id, name, category)
values
  ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check Butter', 'dairy'),
  ('a2000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000002', 'Check Cheese', 'dairy'),
  ('a2000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000002', 'Check Cream', 'dairy');
create temporary table kp_legacy (product_id uuid, primary_distributor_org_id uuid) on commit drop;
insert into kp_legacy
values
  ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003'),
  ('a2000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000004'),
  ('a2000000-0000-4000-8000-000000000003', null);
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', false);
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000003', true);
update product_distributors d
set is_primary = false
from kp_legacy p
where p.product_id = d.product_id
  and d.is_primary
  and p.primary_distributor_org_id <> d.distributor_org_id;
insert into product_distributors (product_id, distributor_org_id, is_primary)
select product_id, primary_distributor_org_id, true
from kp_legacy
where primary_distributor_org_id is not null
on conflict (product_id, distributor_org_id) do update set is_primary = true;
select bool_and(found.primaries = found.wanted and found.primaries = found.kept)
from (
  select
    count(d.product_id) as primaries,
    count(distinct p.primary_distributor_org_id) as wanted,
    count(*) filter (where d.distributor_org_id = p.primary_distributor_org_id) as kept
  from kp_legacy p
  left join product_distributors d on d.product_id = p.product_id and d.is_primary
  group by p.product_id
) found;

-- check: A3.6 a principal does not distribute its own product
-- given: a product
-- expect: error 23514
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', false);

-- check: A3.7 a product name is unique within its principal
-- given: a product
-- expect: error 23505
insert into products (principal_org_id, name, category)
values ('a1000000-0000-4000-8000-000000000002', 'CHECK PRODUCT', 'dairy');

-- check: A3.8 an update moves updated_at
-- given: a product
-- expect: true
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', false);
update products set updated_at = '2001-01-01', description = 'Salted' where product_id = 'a2000000-0000-4000-8000-000000000001';
update product_distributors set updated_at = '2001-01-01' where product_id = 'a2000000-0000-4000-8000-000000000001';
select p.updated_at = now() and d.updated_at = now()
from products p
join product_distributors d on d.product_id = p.product_id
where p.product_id = 'a2000000-0000-4000-8000-000000000001';
