-- fixture: two companies
-- Ann's and Bob's. Every row has the id of the company that it belongs to, so that 1 is Ann's and 2 is Bob's throughout.
insert into auth.users (id, email, aud, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000002', 'bob@check.test', 'authenticated', 'authenticated');
insert into customers (id, user_id, first_name, last_name)
select id, id, 'Check', 'Customer' from auth.users where email in ('ann@check.test', 'bob@check.test');
insert into quotes (id, user_id, customer_id, quote_number, title)
select id, id, id, 'CHECK-1', 'Check' from auth.users where email in ('ann@check.test', 'bob@check.test');
insert into jobs (id, user_id, customer_id, quote_id, title)
select id, id, id, id, 'Check' from auth.users where email in ('ann@check.test', 'bob@check.test');
insert into invoices (id, user_id, customer_id, quote_id, invoice_number, title)
select id, id, id, id, 'CHECK-1', 'Check' from auth.users where email in ('ann@check.test', 'bob@check.test');
insert into subscription_plans (id, stripe_price_id, name, price_cents, billing_interval)
values ('c0000000-0000-4000-8000-000000000001', 'price_check', 'Check', 2900, 'month');
insert into user_subscriptions (id, user_id, stripe_customer_id, stripe_subscription_id, plan_id, status)
select id, id, 'cus_' || id, 'sub_' || id, 'c0000000-0000-4000-8000-000000000001', 'active'
from auth.users
where email in ('ann@check.test', 'bob@check.test');

-- check: S1 people see what is their own in five tables, and nothing else
-- given: two companies
-- expect: value customers 1, invoices 1, jobs 1, quotes 1, user_subscriptions 1
-- as: user ann@check.test
select string_agg(name || ' ' || right(user_id::text, 1), ', ' order by name, user_id)
from (
  select 'customers', user_id from customers
  union all
  select 'quotes', user_id from quotes
  union all
  select 'jobs', user_id from jobs
  union all
  select 'invoices', user_id from invoices
  union all
  select 'user_subscriptions', user_id from user_subscriptions
) seen (name, user_id);

-- check: S1 people change what is their own, and nothing else
-- given: two companies
-- expect: value customers 1, invoices 1, jobs 1, quotes 1
-- as: user ann@check.test
with
  customers as (update customers set notes = 'Seen.' where true returning id),
  quotes as (update quotes set description = 'Seen.' where true returning id),
  jobs as (update jobs set notes = 'Seen.' where true returning id),
  invoices as (update invoices set description = 'Seen.' where true returning id)
select string_agg(name || ' ' || right(id::text, 1), ', ' order by name, id)
from (
  select 'customers', id from customers
  union all
  select 'quotes', id from quotes
  union all
  select 'jobs', id from jobs
  union all
  select 'invoices', id from invoices
) changed (name, id);

-- check: S1 people delete what is their own, and nothing else
-- given: two companies
-- expect: value customers 1, invoices 1, jobs 1, quotes 1
-- as: user ann@check.test
with
  customers as (delete from customers where true returning id),
  quotes as (delete from quotes where true returning id),
  jobs as (delete from jobs where true returning id),
  invoices as (delete from invoices where true returning id)
select string_agg(name || ' ' || right(id::text, 1), ', ' order by name, id)
from (
  select 'customers', id from customers
  union all
  select 'quotes', id from quotes
  union all
  select 'jobs', id from jobs
  union all
  select 'invoices', id from invoices
) deleted (name, id);

-- check: people add rows to what is their own, with a quote and without
-- given: two companies
-- expect: rows 1
-- as: user ann@check.test
insert into customers (user_id, first_name, last_name) values ('c0000000-0000-4000-8000-000000000001', 'Check', 'New');
insert into quotes (user_id, customer_id, quote_number, title)
select user_id, id, 'CHECK-2', 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000001';
insert into jobs (user_id, customer_id, quote_id, title)
select user_id, customer_id, id, 'Check' from quotes where id = 'c0000000-0000-4000-8000-000000000001';
insert into jobs (user_id, customer_id, title)
select user_id, id, 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000001';
insert into invoices (user_id, customer_id, quote_id, invoice_number, title)
select user_id, customer_id, id, 'CHECK-2', 'Check' from quotes where id = 'c0000000-0000-4000-8000-000000000001';
insert into invoices (user_id, customer_id, invoice_number, title)
select user_id, id, 'CHECK-3', 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000001';

-- check: nobody adds a row in the name of another, or hands one over
-- given: two companies
-- expect: no rows
create temporary table let_in (statement text);
grant insert, select on let_in to authenticated;
-- as: user ann@check.test
do $$
declare
  ann constant uuid := 'c0000000-0000-4000-8000-000000000001';
  bob constant uuid := 'c0000000-0000-4000-8000-000000000002';
  statement text;
begin
  foreach statement in array array[
    'insert into customers (user_id, first_name, last_name) values (%2$L, ''Check'', ''New'')',
    'insert into quotes (user_id, customer_id, quote_number, title) values (%2$L, %1$L, ''CHECK-2'', ''Check'')',
    'insert into jobs (user_id, customer_id, title) values (%2$L, %1$L, ''Check'')',
    'insert into invoices (user_id, customer_id, invoice_number, title) values (%2$L, %1$L, ''CHECK-2'', ''Check'')',
    'update customers set user_id = %2$L where id = %1$L',
    'update quotes set user_id = %2$L, quote_number = ''CHECK-2'' where id = %1$L',
    'update jobs set user_id = %2$L where id = %1$L',
    'update invoices set user_id = %2$L, invoice_number = ''CHECK-2'' where id = %1$L'
  ] loop
    begin
      execute format(statement, ann, bob);
      insert into let_in values (statement);
    exception
      when insufficient_privilege then null;
    end;
  end loop;
end
$$;
select * from let_in;

-- check: S2 nobody puts a quote, a job or an invoice on the customer or the quote of another
-- given: two companies
-- expect: no rows
create temporary table let_in (statement text);
grant insert, select on let_in to authenticated;
-- as: user ann@check.test
do $$
declare
  ann constant uuid := 'c0000000-0000-4000-8000-000000000001';
  bob constant uuid := 'c0000000-0000-4000-8000-000000000002';
  statement text;
begin
  foreach statement in array array[
    'insert into quotes (user_id, customer_id, quote_number, title) values (%1$L, %2$L, ''CHECK-2'', ''Check'')',
    'insert into jobs (user_id, customer_id, title) values (%1$L, %2$L, ''Check'')',
    'insert into jobs (user_id, customer_id, quote_id, title) values (%1$L, %1$L, %2$L, ''Check'')',
    'insert into invoices (user_id, customer_id, invoice_number, title) values (%1$L, %2$L, ''CHECK-2'', ''Check'')',
    'insert into invoices (user_id, customer_id, quote_id, invoice_number, title)
      values (%1$L, %1$L, %2$L, ''CHECK-3'', ''Check'')',
    'update quotes set customer_id = %2$L where id = %1$L',
    'update jobs set customer_id = %2$L where id = %1$L',
    'update jobs set quote_id = %2$L where id = %1$L',
    'update invoices set customer_id = %2$L where id = %1$L',
    'update invoices set quote_id = %2$L where id = %1$L'
  ] loop
    begin
      execute format(statement, ann, bob);
      insert into let_in values (statement);
    exception
      when insufficient_privilege then null;
    end;
  end loop;
end
$$;
select * from let_in;

-- check: what was not there is refused as what is another's, so that nobody learns which is which
-- given: two companies
-- expect: error 42501
-- as: user ann@check.test
insert into jobs (user_id, customer_id, title)
values ('c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-00000000000f', 'Check');

-- check: people see their own roles, and nobody else's
-- given: two companies
-- expect: value member
insert into user_roles (user_id, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'member'),
  ('c0000000-0000-4000-8000-000000000002', 'admin');
-- as: user ann@check.test
select string_agg(role, ' ') from user_roles;

-- check: the server that hears of payments writes subscriptions and plans
-- given: two companies
-- expect: rows 1
-- as: service_role
update subscription_plans set is_active = false where id = 'c0000000-0000-4000-8000-000000000001';
delete from user_subscriptions where id = 'c0000000-0000-4000-8000-000000000002';
insert into user_subscriptions (user_id, stripe_customer_id, stripe_subscription_id, plan_id, status)
values (
  'c0000000-0000-4000-8000-000000000002', 'cus_check', 'sub_check',
  'c0000000-0000-4000-8000-000000000001', 'active'
);
update user_subscriptions set status = 'past_due' where id = 'c0000000-0000-4000-8000-000000000001';

-- check: the service key grants roles and takes them away
-- given: two companies
-- expect: rows 1
-- as: service_role
insert into user_roles (user_id, role) values ('c0000000-0000-4000-8000-000000000001', 'admin');
delete from user_roles where user_id = 'c0000000-0000-4000-8000-000000000001' and role = 'admin';
