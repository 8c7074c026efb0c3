-- fixture: a subscription
insert into auth.users (id, email, aud, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000002', 'bob@check.test', 'authenticated', 'authenticated');
insert into subscription_plans (id, stripe_price_id, name, price_cents, billing_interval)
values ('c0000000-0000-4000-8000-000000000001', 'price_check', 'Check', 2900, 'month');
insert into user_subscriptions (id, user_id, stripe_customer_id, stripe_subscription_id, plan_id, status)
values (
  'c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'cus_check', 'sub_check',
  'c0000000-0000-4000-8000-000000000001', 'active'
);

-- check: a plan is for sale and without limits unless said otherwise
-- given: a subscription
-- expect: value t 29.00 [] none
select concat_ws(
  ' ', is_active::text::char(1), price_amount, features,
  coalesce(max_customers::text, max_invoices::text, max_storage_gb::text, 'none')
)
from subscription_plans
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a plan is refused whose columns hold what they must not
-- given: a subscription
-- expect: no rows
create temporary table let_in (assignment text);
do $$
declare
  assignment text;
begin
  foreach assignment in array array[
    'stripe_price_id = ''''', 'stripe_price_id = repeat(''x'', 201)', 'name = ''''', 'name = repeat(''x'', 101)',
    'description = repeat(''x'', 1001)', 'price_cents = -1', 'billing_interval = ''week''', 'max_customers = 0',
    'max_invoices = 0', 'max_storage_gb = 0'
  ] loop
    begin
      execute 'update subscription_plans set ' || assignment || ' where id = ''c0000000-0000-4000-8000-000000000001''';
      insert into let_in values (assignment);
    exception
      when check_violation then null;
    end;
  end loop;
end
$$;
select * from let_in;

-- check: a plan by the year is taken, also for nothing
-- given: a subscription
-- expect: rows 1
update subscription_plans set billing_interval = 'year', price_cents = 0
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a price of Stripe is one plan's
-- given: a subscription
-- expect: error 23505
insert into subscription_plans (stripe_price_id, name, price_cents, billing_interval)
values ('price_check', 'Check Again', 4900, 'month');

-- check: the five states of a subscription are taken
-- given: a subscription
-- expect: value active canceled incomplete past_due unpaid
create temporary table taken (state text);
do $$
declare
  state text;
begin
  foreach state in array array['active', 'canceled', 'past_due', 'unpaid', 'incomplete', 'cancelled'] loop
    begin
      update user_subscriptions set status = state where id = 'c0000000-0000-4000-8000-000000000001';
      insert into taken values (state);
    exception
      when check_violation then null;
    end;
  end loop;
end
$$;
select string_agg(state, ' ' order by state) from taken;

-- check: a period has a beginning and an end
-- given: a subscription
-- expect: error 23514
update user_subscriptions set current_period_start = '2026-10-01' where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a period ends after it began
-- given: a subscription
-- expect: error 23514
update user_subscriptions set current_period_start = '2026-10-01', current_period_end = '2026-10-01'
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a period of a month is taken
-- given: a subscription
-- expect: rows 1
update user_subscriptions set current_period_start = '2026-10-01', current_period_end = '2026-11-01'
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a company has one subscription
-- given: a subscription
-- expect: error 23505
insert into user_subscriptions (user_id, stripe_customer_id, stripe_subscription_id, plan_id, status)
select user_id, stripe_customer_id, 'sub_check_2', plan_id, status
from user_subscriptions
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a subscription of Stripe is one company's
-- given: a subscription
-- expect: error 23505
insert into user_subscriptions (user_id, stripe_customer_id, stripe_subscription_id, plan_id, status)
select 'c0000000-0000-4000-8000-000000000002', stripe_customer_id, stripe_subscription_id, plan_id, status
from user_subscriptions
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a plan and a company with a subscription stay
-- expect: value plan_id r, user_id r
select string_agg(format('%s %s', a.attname, k.confdeltype), ', ' order by a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid = 'user_subscriptions'::regclass;

-- check: the subscriptions to a plan have their index
-- expect: true
select to_regclass('user_subscriptions_plan_id_idx') is not null;
