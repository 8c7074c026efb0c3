-- After every deployment: no row refers to one that is not there, and nothing contradicts itself. Constraints see to most
-- of it for whoever writes through them; rows that came in another way, such as a restore that left triggers out, did
-- not pass them. "not exists" rather than "not in", which finds nothing at all as soon as one key is null.

-- fixture: the tables
-- While the migrations are applied one by one, a table that is still to come is an empty one.
do $$
declare
  name text;
  columns text;
begin
  for name, columns in values
    ('customers', 'id uuid, user_id uuid'),
    ('quotes', 'id uuid, user_id uuid, customer_id uuid, subtotal_cents bigint, tax_cents bigint, total_cents bigint'),
    ('jobs', 'id uuid, user_id uuid, customer_id uuid, quote_id uuid'),
    (
      'invoices',
      'id uuid, user_id uuid, customer_id uuid, quote_id uuid, subtotal_cents bigint, tax_cents bigint, '
        || 'total_cents bigint, status text, paid_date timestamptz'
    ),
    ('subscription_plans', 'id uuid'),
    ('user_subscriptions', 'id uuid, user_id uuid, plan_id uuid'),
    ('user_roles', 'user_id uuid')
  loop
    if to_regclass('public.' || name) is null then
      execute format('create temporary table %I (%s)', name, columns);
    end if;
  end loop;
end
$$;

-- check: I1 every job has its customer
-- given: the tables
-- expect: no rows
select t.id, t.customer_id
from jobs t
where not exists (select from customers p where p.id = t.customer_id);

-- check: I2 every quote has its customer
-- given: the tables
-- expect: no rows
select t.id, t.customer_id
from quotes t
where not exists (select from customers p where p.id = t.customer_id);

-- check: I3 every invoice has its customer
-- given: the tables
-- expect: no rows
select t.id, t.customer_id
from invoices t
where not exists (select from customers p where p.id = t.customer_id);

-- check: I4 every invoice after a quote has that quote
-- given: the tables
-- expect: no rows
select t.id, t.quote_id
from invoices t
where t.quote_id is not null and not exists (select from quotes p where p.id = t.quote_id);

-- check: I5 every job after a quote has that quote
-- given: the tables
-- expect: no rows
select t.id, t.quote_id
from jobs t
where t.quote_id is not null and not exists (select from quotes p where p.id = t.quote_id);

-- check: I6 every subscription has its plan
-- given: the tables
-- expect: no rows
select t.id, t.plan_id
from user_subscriptions t
where not exists (select from subscription_plans p where p.id = t.plan_id);

-- check: I7 every row has the user it belongs to
-- given: the tables
-- expect: no rows
select owned.name, owned.id, owned.user_id
from (
  select 'customers', id, user_id from customers
  union all
  select 'quotes', id, user_id from quotes
  union all
  select 'jobs', id, user_id from jobs
  union all
  select 'invoices', id, user_id from invoices
  union all
  select 'user_subscriptions', id, user_id from user_subscriptions
  union all
  select 'user_roles', user_id, user_id from user_roles
) owned (name, id, user_id)
where not exists (select from auth.users u where u.id = owned.user_id);

-- check: I8 every quote, job and invoice belongs to whom its customer belongs to
-- An admin may write any of them for anybody, so that no policy sees to this.
-- given: the tables
-- expect: no rows
select child.name, child.id, child.user_id, c.user_id as customer_of
from (
  select 'quotes', id, user_id, customer_id from quotes
  union all
  select 'jobs', id, user_id, customer_id from jobs
  union all
  select 'invoices', id, user_id, customer_id from invoices
) child (name, id, user_id, customer_id)
join customers c on c.id = child.customer_id
where c.user_id <> child.user_id;

-- check: I9 every total is its parts together
-- given: the tables
-- expect: no rows
select 'quotes' as name, id, subtotal_cents, tax_cents, total_cents
from quotes
where total_cents <> subtotal_cents + tax_cents
union all
select 'invoices', id, subtotal_cents, tax_cents, total_cents
from invoices
where total_cents <> subtotal_cents + tax_cents;

-- check: I10 every invoice that is paid says when, and no other does
-- given: the tables
-- expect: no rows
select id, status, paid_date from invoices where (status = 'paid') <> (paid_date is not null);
