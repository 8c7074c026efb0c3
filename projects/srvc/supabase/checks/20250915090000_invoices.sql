-- fixture: an invoice
insert into auth.users (id, email, aud, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000002', 'bob@check.test', 'authenticated', 'authenticated');
insert into customers (id, user_id, first_name, last_name)
values
  ('c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'Check', 'Customer'),
  ('c0000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000002', 'Check', 'Customer');
insert into quotes (id, user_id, customer_id, quote_number, title)
select id, user_id, id, 'CHECK-1', 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000001';
insert into invoices (id, user_id, customer_id, quote_id, invoice_number, title)
select id, user_id, customer_id, id, quote_number, title from quotes where id = 'c0000000-0000-4000-8000-000000000001';

-- check: an invoice is a draft over nothing unless said otherwise
-- given: an invoice
-- expect: value draft 0.00 0.00 0.00
select concat_ws(' ', status, subtotal, tax_amount, total_amount)
from invoices
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: the amounts of an invoice follow its cents
-- given: an invoice
-- expect: value 0.99 0.08 1.07
update invoices set subtotal_cents = 99, tax_cents = 8, total_cents = 107
where id = 'c0000000-0000-4000-8000-000000000001';
select concat_ws(' ', subtotal, tax_amount, total_amount)
from invoices
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: an invoice's total is its parts together
-- given: an invoice
-- expect: error 23514
update invoices set subtotal_cents = 100, tax_cents = 8, total_cents = 100
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: an invoice is refused whose columns hold what they must not
-- given: an invoice
-- expect: no rows
create temporary table let_in (assignment text);
do $$
declare
  assignment text;
begin
  foreach assignment in array array[
    'invoice_number = ''''', 'invoice_number = repeat(''x'', 51)', 'title = ''''', 'title = repeat(''x'', 201)',
    'description = repeat(''x'', 5001)', 'subtotal_cents = -1, tax_cents = 1', 'tax_cents = -1, subtotal_cents = 1',
    'status = ''canceled''', 'stripe_payment_intent_id = repeat(''x'', 201)'
  ] loop
    begin
      execute 'update invoices set ' || assignment || ' where id = ''c0000000-0000-4000-8000-000000000001''';
      insert into let_in values (assignment);
    exception
      when check_violation then null;
    end;
  end loop;
end
$$;
select * from let_in;

-- check: the six states of an invoice are taken
-- given: an invoice
-- expect: rows 6
insert into invoices (user_id, customer_id, invoice_number, title, status, paid_date)
select user_id, customer_id, 'CHECK-' || state, title, state, case when state = 'paid' then now() end
from invoices, unnest(array['draft', 'sent', 'paid', 'partially_paid', 'overdue', 'cancelled']) state
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: what is paid says when
-- given: an invoice
-- expect: error 23514
update invoices set status = 'paid' where id = 'c0000000-0000-4000-8000-000000000001';

-- check: what is not paid has no day on which it was
-- given: an invoice
-- expect: error 23514
update invoices set status = 'partially_paid', paid_date = now() where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a company gives an invoice number once
-- given: an invoice
-- expect: error 23505
insert into invoices (user_id, customer_id, invoice_number, title)
select user_id, customer_id, invoice_number, title from invoices where id = 'c0000000-0000-4000-8000-000000000001';

-- check: two companies give the same invoice number
-- given: an invoice
-- expect: rows 1
insert into invoices (user_id, customer_id, invoice_number, title)
select user_id, id, 'CHECK-1', 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000002';

-- check: a customer with an invoice stays
-- given: an invoice
-- expect: error 23503
delete from customers where id = 'c0000000-0000-4000-8000-000000000001';

-- check: an invoice outlives its quote, a company with invoices stays
-- expect: value customer_id r, quote_id n, user_id r
select string_agg(format('%s %s', a.attname, k.confdeltype), ', ' order by a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid = 'invoices'::regclass;

-- check: the lists of invoices have their indexes
-- expect: no rows
select name
from unnest(array['invoices_customer_id_idx', 'invoices_quote_id_idx', 'invoices_user_id_status_idx']) name
where to_regclass(name) is null;

-- check: I11 every invoice that was sent and is past its date is overdue
-- Here and not in integrity.sql: it depends on the day, and no deployment should be refused because it is one later.
-- expect: no rows
select id, user_id, invoice_number, due_date from invoices where status = 'sent' and due_date < now();
