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

-- fixture: an admin
-- given: two companies
create temporary table companies as select id from auth.users where email in ('ann@check.test', 'bob@check.test');
grant select on companies to authenticated;
insert into auth.users (id, email, aud, role)
values ('c0000000-0000-4000-8000-000000000003', 'ada@check.test', 'authenticated', 'authenticated');
insert into subscription_plans (id, stripe_price_id, name, price_cents, billing_interval, is_active)
values ('c0000000-0000-4000-8000-000000000002', 'price_check_gone', 'Check Gone', 2900, 'month', false);
insert into user_roles (user_id, role)
values
  ('c0000000-0000-4000-8000-000000000003', 'admin'),
  ('c0000000-0000-4000-8000-000000000001', 'member');

-- check: S3 an admin sees the rows of everybody
-- given: an admin
-- expect: value customers 1 2, invoices 1 2, jobs 1 2, quotes 1 2, subscription_plans 1 2, user_subscriptions 1 2
-- as: user ada@check.test
select string_agg(name || ' ' || ids, ', ' order by name)
from (
  select name, string_agg(right(id::text, 1), ' ' order by id)
  from (
    select 'customers', id from customers
    union all
    select 'quotes', id from quotes
    union all
    select 'jobs', id from jobs
    union all
    select 'invoices', id from invoices
    union all
    select 'subscription_plans', id from subscription_plans
    union all
    select 'user_subscriptions', id from user_subscriptions
  ) seen (name, id)
  where id in (select id from companies)
  group by name
) lines (name, ids);

-- check: S3 an admin changes the rows of everybody
-- given: an admin
-- expect: value customers 1 2, invoices 1 2, jobs 1 2, quotes 1 2, subscription_plans 1 2, user_subscriptions 1 2
-- as: user ada@check.test
with
  customers as (update customers set notes = 'Seen.' where id in (select id from companies) returning id),
  quotes as (update quotes set description = 'Seen.' where id in (select id from companies) returning id),
  jobs as (update jobs set notes = 'Seen.' where id in (select id from companies) returning id),
  invoices as (update invoices set description = 'Seen.' where id in (select id from companies) returning id),
  plans as (update subscription_plans set description = 'Seen.' where id in (select id from companies) returning id),
  subscriptions as (update user_subscriptions set status = 'past_due' where id in (select id from companies) returning id)
select string_agg(name || ' ' || ids, ', ' order by name)
from (
  select name, string_agg(right(id::text, 1), ' ' order by id)
  from (
    select 'customers', id from customers
    union all
    select 'quotes', id from quotes
    union all
    select 'jobs', id from jobs
    union all
    select 'invoices', id from invoices
    union all
    select 'subscription_plans', id from plans
    union all
    select 'user_subscriptions', id from subscriptions
  ) changed (name, id)
  group by name
) lines (name, ids);

-- check: S3 an admin adds rows for everybody
-- given: an admin
-- expect: rows 1
-- as: user ada@check.test
insert into customers (id, user_id, first_name, last_name)
values ('c0000000-0000-4000-8000-000000000003', 'c0000000-0000-4000-8000-000000000002', 'Check', 'New');
insert into quotes (user_id, customer_id, quote_number, title)
select user_id, id, 'CHECK-2', 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000003';
insert into jobs (user_id, customer_id, quote_id, title)
select user_id, customer_id, id, 'Check' from quotes where id = 'c0000000-0000-4000-8000-000000000002';
insert into invoices (user_id, customer_id, invoice_number, title)
select user_id, id, 'CHECK-2', 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000003';
insert into subscription_plans (id, stripe_price_id, name, price_cents, billing_interval)
values ('c0000000-0000-4000-8000-000000000003', 'price_check_2', 'Check', 4900, 'month');
insert into user_subscriptions (user_id, stripe_customer_id, stripe_subscription_id, plan_id, status)
values ('c0000000-0000-4000-8000-000000000003', 'cus_check', 'sub_check', 'c0000000-0000-4000-8000-000000000003', 'active');

-- check: S3 an admin deletes the rows of everybody
-- given: an admin
-- expect: value customers 1 2, invoices 1 2, jobs 1 2, quotes 1 2, subscription_plans 1 2, user_subscriptions 1 2
-- as: user ada@check.test
with
  customers as (delete from customers where id in (select id from companies) returning id),
  quotes as (delete from quotes where id in (select id from companies) returning id),
  jobs as (delete from jobs where id in (select id from companies) returning id),
  invoices as (delete from invoices where id in (select id from companies) returning id),
  plans as (delete from subscription_plans where id in (select id from companies) returning id),
  subscriptions as (delete from user_subscriptions where id in (select id from companies) returning id)
select string_agg(name || ' ' || ids, ', ' order by name)
from (
  select name, string_agg(right(id::text, 1), ' ' order by id)
  from (
    select 'customers', id from customers
    union all
    select 'quotes', id from quotes
    union all
    select 'jobs', id from jobs
    union all
    select 'invoices', id from invoices
    union all
    select 'subscription_plans', id from plans
    union all
    select 'user_subscriptions', id from subscriptions
  ) deleted (name, id)
  group by name
) lines (name, ids);

-- check: who is no admin any more sees nothing of others
-- given: an admin
-- expect: no rows
delete from user_roles where user_id = 'c0000000-0000-4000-8000-000000000003';
-- as: user ada@check.test
select id from customers;

-- check: a member is no admin, whatever they say of themselves
-- given: an admin
-- expect: no rows
update auth.users set raw_user_meta_data = '{"role": "admin"}' where email = 'ann@check.test';
-- as: user ann@check.test
select id from customers where user_id <> 'c0000000-0000-4000-8000-000000000001';

-- check: S5 nobody makes themselves an admin
-- given: an admin
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
    'insert into user_roles (user_id, role) values (%1$L, ''admin'')',
    'update user_roles set role = ''admin'' where user_id = %1$L',
    'delete from user_roles where user_id = %1$L'
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

-- check: an admin grants no roles either
-- given: an admin
-- expect: error 42501
-- as: user ada@check.test
insert into user_roles (user_id, role) values ('c0000000-0000-4000-8000-000000000002', 'admin');

-- check: S6 nobody changes what they are subscribed to
-- given: an admin
-- expect: rows 0
-- as: user ann@check.test
update user_subscriptions set current_period_start = now(), current_period_end = now() + interval '10 years'
where user_id = 'c0000000-0000-4000-8000-000000000001';

-- check: S6 nobody subscribes themselves
-- given: an admin
-- expect: error 42501
delete from user_subscriptions where user_id = 'c0000000-0000-4000-8000-000000000001';
-- as: user ann@check.test
insert into user_subscriptions (user_id, stripe_customer_id, stripe_subscription_id, plan_id, status)
values ('c0000000-0000-4000-8000-000000000001', 'cus_check', 'sub_check', 'c0000000-0000-4000-8000-000000000001', 'active');

-- check: S6 nobody deletes what they are subscribed to
-- given: an admin
-- expect: rows 0
-- as: user ann@check.test
delete from user_subscriptions where user_id = 'c0000000-0000-4000-8000-000000000001';

-- check: nobody but an admin keeps the plans
-- given: an admin
-- expect: rows 0
-- as: user ann@check.test
update subscription_plans set price_cents = 0 where id = 'c0000000-0000-4000-8000-000000000001';

-- check: nobody but an admin adds a plan
-- given: an admin
-- expect: error 42501
-- as: user ann@check.test
insert into subscription_plans (stripe_price_id, name, price_cents, billing_interval)
values ('price_mine', 'Mine', 0, 'month');

-- check: nobody but an admin deletes a plan
-- given: an admin
-- expect: rows 0
delete from user_subscriptions where plan_id = 'c0000000-0000-4000-8000-000000000001';
-- as: user ann@check.test
delete from subscription_plans where id = 'c0000000-0000-4000-8000-000000000001';
