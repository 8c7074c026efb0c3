-- fixture: two companies
insert into auth.users (id, email, aud, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000002', 'bob@check.test', 'authenticated', 'authenticated');

-- fixture: a customer
-- given: two companies
-- With the id of the company it belongs to.
insert into customers (id, user_id, first_name, last_name)
values ('c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'Check', 'Customer');

-- check: a customer needs no more than a name
-- given: a customer
-- expect: rows 1
select from customers where id = 'c0000000-0000-4000-8000-000000000001' and email is null and phone is null;

-- check: a customer is somebody's
-- expect: error 23502
insert into customers (first_name, last_name) values ('Check', 'Customer');

-- check: a customer is refused whose columns hold what they must not
-- given: a customer
-- expect: no rows
create temporary table let_in (assignment text);
do $$
declare
  assignment text;
begin
  foreach assignment in array array[
    'first_name = '' ''', 'first_name = repeat(''x'', 101)', 'last_name = ''''', 'last_name = repeat(''x'', 101)',
    'email = ''nobody''', 'email = ''a b@check.test''', 'email = ''a@b@check.test''', 'email = ''nobody@check''',
    'phone = ''555 0100''', 'company_name = repeat(''x'', 201)', 'address_street = repeat(''x'', 201)',
    'address_city = repeat(''x'', 101)', 'address_state = repeat(''x'', 51)', 'address_zip = repeat(''x'', 21)',
    'notes = repeat(''x'', 2001)', 'stripe_customer_id = ''''', 'stripe_customer_id = repeat(''x'', 201)'
  ] loop
    begin
      execute 'update customers set ' || assignment || ' where id = ''c0000000-0000-4000-8000-000000000001''';
      insert into let_in values (assignment);
    exception
      when check_violation then null;
    end;
  end loop;
end
$$;
select * from let_in;

-- check: a customer is taken whose columns are as long as they may be
-- given: a customer
-- expect: rows 1
update customers
set
  first_name = repeat('x', 100), last_name = repeat('x', 100), email = 'check+1@mail.check.test',
  phone = '5550100100',
  company_name = repeat('x', 200), address_street = repeat('x', 200), address_city = repeat('x', 100),
  address_state = repeat('x', 50), address_zip = repeat('x', 20), notes = repeat('x', 2000),
  stripe_customer_id = repeat('x', 200)
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a company has an address once, whatever its case
-- given: two companies
-- expect: error 23505
insert into customers (user_id, first_name, last_name, email)
values
  ('c0000000-0000-4000-8000-000000000001', 'Check', 'One', 'check@check.test'),
  ('c0000000-0000-4000-8000-000000000001', 'Check', 'Two', 'Check@check.test');

-- check: two companies have the same customer, and one has several without an address
-- given: two companies
-- expect: rows 4
insert into customers (user_id, first_name, last_name, email)
values
  ('c0000000-0000-4000-8000-000000000001', 'Check', 'One', 'check@check.test'),
  ('c0000000-0000-4000-8000-000000000002', 'Check', 'One', 'check@check.test'),
  ('c0000000-0000-4000-8000-000000000001', 'Check', 'Two', null),
  ('c0000000-0000-4000-8000-000000000001', 'Check', 'Three', null);

-- check: a company that has customers stays
-- given: a customer
-- expect: error 23503
delete from auth.users where id = 'c0000000-0000-4000-8000-000000000001';

-- check: the lists of customers have their index
-- expect: true
select to_regclass('idx_customers_user_id') is not null;
