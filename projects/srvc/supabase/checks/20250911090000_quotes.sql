-- fixture: a quote
insert into auth.users (id, email, aud, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000002', 'bob@check.test', 'authenticated', 'authenticated');
insert into customers (id, user_id, first_name, last_name)
values
  ('c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'Check', 'Customer'),
  ('c0000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000002', 'Check', 'Customer');
insert into quotes (id, user_id, customer_id, quote_number, title)
select id, user_id, id, 'CHECK-1', 'Check'
from customers
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a quote is a draft over nothing unless said otherwise
-- given: a quote
-- expect: value draft 0.00 0.00 0.00
select concat_ws(' ', status, subtotal, tax_amount, total_amount)
from quotes
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: the amounts of a quote follow its cents
-- given: a quote
-- expect: value 1234.56 98.77 1333.33
update quotes set subtotal_cents = 123456, tax_cents = 9877, total_cents = 133333
where id = 'c0000000-0000-4000-8000-000000000001';
select concat_ws(' ', subtotal, tax_amount, total_amount)
from quotes
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a quote's total is its parts together
-- given: a quote
-- expect: error 23514
update quotes set subtotal_cents = 100, tax_cents = 8, total_cents = 100
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a quote is refused whose columns hold what they must not
-- given: a quote
-- expect: no rows
create temporary table let_in (assignment text);
do $$
declare
  assignment text;
begin
  foreach assignment in array array[
    'quote_number = ''''', 'quote_number = repeat(''x'', 51)', 'title = ''''', 'title = repeat(''x'', 201)',
    'description = repeat(''x'', 5001)', 'subtotal_cents = -1, tax_cents = 1', 'tax_cents = -1, subtotal_cents = 1',
    'status = ''paid'''
  ] loop
    begin
      execute 'update quotes set ' || assignment || ' where id = ''c0000000-0000-4000-8000-000000000001''';
      insert into let_in values (assignment);
    exception
      when check_violation then null;
    end;
  end loop;
end
$$;
select * from let_in;

-- check: the five states of a quote are taken
-- given: a quote
-- expect: rows 5
insert into quotes (user_id, customer_id, quote_number, title, status)
select user_id, customer_id, 'CHECK-' || state, repeat('x', 200), state
from quotes, unnest(array['draft', 'sent', 'accepted', 'rejected', 'expired']) state
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a company gives a quote number once
-- given: a quote
-- expect: error 23505
insert into quotes (user_id, customer_id, quote_number, title)
select user_id, customer_id, quote_number, title from quotes where id = 'c0000000-0000-4000-8000-000000000001';

-- check: two companies give the same quote number
-- given: a quote
-- expect: rows 1
insert into quotes (user_id, customer_id, quote_number, title)
select user_id, id, 'CHECK-1', 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000002';

-- check: a customer takes its quotes along, a company with quotes stays
-- expect: value customer_id c, user_id r
select string_agg(format('%s %s', a.attname, k.confdeltype), ', ' order by a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid = 'quotes'::regclass;

-- check: the lists of quotes have their indexes
-- expect: no rows
select name from unnest(array['quotes_customer_id_idx', 'quotes_user_id_status_idx']) name where to_regclass(name) is null;
