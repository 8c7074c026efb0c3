-- fixture: a plan that is sold and one that is not
insert into subscription_plans (stripe_price_id, name, price_cents, billing_interval, is_active)
values ('price_check_1', 'Check Sold', 2900, 'month', true), ('price_check_2', 'Check Gone', 2900, 'month', false);

-- check: S4 a visitor sees the plans that are sold
-- given: a plan that is sold and one that is not
-- expect: value Check Sold
-- as: anon
select string_agg(name, ', ') from subscription_plans where name like 'Check %';

-- check: S4 a visitor sees nothing else, and writes nothing
-- given: a plan that is sold and one that is not
-- expect: no rows
create temporary table let_in (statement text);
grant insert, select on let_in to anon;
-- as: anon
do $$
declare
  statement text;
begin
  foreach statement in array array[
    'select from customers', 'select from quotes', 'select from jobs', 'select from invoices',
    'select from user_subscriptions', 'select from user_roles',
    'insert into subscription_plans (stripe_price_id, name, price_cents, billing_interval)
      values (''price_mine'', ''Mine'', 0, ''month'')',
    'update subscription_plans set price_cents = 0', 'delete from subscription_plans'
  ] loop
    begin
      execute statement;
      insert into let_in values (statement);
    exception
      when insufficient_privilege then null;
    end;
  end loop;
end
$$;
select * from let_in;

-- check: somebody signed in sees the plans that are sold
-- given: a plan that is sold and one that is not
-- expect: value Check Sold
insert into auth.users (id, email, aud, role)
values ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated');
-- as: user ann@check.test
select string_agg(name, ', ') from subscription_plans where name like 'Check %';
