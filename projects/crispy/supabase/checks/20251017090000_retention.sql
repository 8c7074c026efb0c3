-- fixture: a company
insert into sales (id, email) values (-3, 'max@check.test');
insert into organizations (id, name, sales_id) values (-1, 'Check Group', -3), (-2, 'Check Diner', -3);
update organizations set parent_organization_id = -1 where id = -2;
insert into contacts (id, first_name, last_name, organization_id, sales_id) values (-2, 'Iris', 'Vance', -2, -3);
insert into "contactNotes" (id, contact_id, text) values (-2, -2, 'Check');
insert into opportunities (id, name, customer_organization_id, opportunity_owner_id) values (-2, 'Check', -2, -3);
insert into activities (id, activity_type, type, subject, contact_id, created_by)
values (-2, 'engagement', 'call', 'Check', -2, -3);
insert into tasks (id, title, contact_id, sales_id) values (-2, 'Check', -2, -3);
insert into deals (id, name, sales_id) values (-2, 'Check', -3);
insert into "dealNotes" (id, deal_id, text) values (-2, -2, 'Check');
insert into products (id, principal_id, name, sku, category) values (-2, -1, 'Check Soup', 'CS-1', 'canned_goods');

-- fixture: an expired company
-- given: a company
update organizations set deleted_at = now() - interval '31 days' where id in (-1, -2);
update contacts set deleted_at = now() - interval '31 days' where id = -2;
update "contactNotes" set deleted_at = now() - interval '31 days' where id = -2;
update opportunities set deleted_at = now() - interval '31 days' where id = -2;
update activities set deleted_at = now() - interval '31 days' where id = -2;
update tasks set deleted_at = now() - interval '31 days' where id = -2;
update deals set deleted_at = now() - interval '31 days' where id = -2;
update "dealNotes" set deleted_at = now() - interval '31 days' where id = -2;
update products set deleted_at = now() - interval '31 days' where id = -2;

-- check: what was archived for thirty days moves to the archive, children first
-- given: an expired company
-- expect: value activities, contactNotes, contacts, dealNotes, deals, opportunities, organizations, organizations, products, tasks
select count(*) from archive_expired();
select string_agg(table_name, ', ' order by table_name collate "C") from archive.records where record_id in (-1, -2);

-- check: what moved to the archive is in its table no more
-- given: an expired company
-- expect: value 0
select count(*) from archive_expired();
select (select count(*) from organizations where id in (-1, -2)) + (select count(*) from contacts where id = -2);

-- check: the archive keeps a row as it was
-- given: an expired company
-- expect: value Iris Vance -2 t
select count(*) from archive_expired();
select concat_ws(' ', payload ->> 'name', payload ->> 'organization_id', (deleted_at = now() - interval '31 days')::text::char(1))
from archive.records
where table_name = 'contacts' and record_id = -2;

-- check: what was archived for less than thirty days stays
-- given: a company
-- expect: value 1
update products set deleted_at = now() - interval '29 days' where id = -2;
select count(*) from archive_expired();
select count(*) from products where id = -2;

-- check: the retention can be another time
-- given: a company
-- expect: value 0
update products set deleted_at = now() - interval '8 days' where id = -2;
select count(*) from archive_expired('7 days');
select count(*) from products where id = -2;

-- check: what a live row refers to stays
-- given: an expired company
-- expect: value contacts -2, organizations -1, organizations -2
update tasks set deleted_at = null where id = -2;
select count(*) from archive_expired();
select string_agg(line, ', ' order by line)
from (
  select 'organizations ' || id from organizations where id in (-1, -2)
  union all
  select 'contacts ' || id from contacts where id = -2
  union all
  select 'products ' || id from products where id = -2
) left_over (line);

-- check: a contact that a live opportunity or deal lists stays
-- given: an expired company
-- expect: value -4 -2
insert into contacts (id, first_name, last_name, sales_id, deleted_at) values (-4, 'Ned', 'Fry', -3, '2000-01-01');
update opportunities set deleted_at = null, contact_ids = '{-2}' where id = -2;
update deals set deleted_at = null, contact_ids = '{-4}' where id = -2;
select count(*) from archive_expired();
select string_agg(id::text, ' ' order by id) from contacts where id in (-2, -4);

-- check: it is said how many rows moved and how many stayed
-- given: an expired company
-- expect: value t t
create temporary table moved as
select (select count(*) from products where deleted_at <= now() - interval '30 days') as products,
  (select count(*) from organizations where deleted_at <= now() - interval '30 days') as organizations;
update opportunities set deleted_at = null where id = -2;
select string_agg((archived + skipped = case table_name when 'products' then products else organizations end
  and case table_name when 'products' then archived >= 1 else skipped >= 1 end)::text::char(1), ' ')
from archive_expired(), moved
where table_name in ('products', 'organizations');

-- check: staff that nothing refers to moves as well
-- expect: value 0
insert into sales (id, email, deleted_at) values (-4, 'mia@check.test', '2000-01-01');
select count(*) from archive_expired();
select count(*) from sales where id = -4;

-- check: a retention is no time to come
-- expect: error 22023
select archive_expired('-1 day');

-- check: a retention is a time
-- expect: error 22023
select archive_expired(null);

-- check: the service key runs the retention and reads the archive
-- given: an expired company
-- expect: rows 10
-- as: service_role
select count(*) from archive_expired();
select from archive.records where record_id in (-1, -2);

-- check: nobody signed in runs the retention
-- expect: error 42501
insert into auth.users (id, email, aud, role)
values ('c0000000-0000-4000-8000-000000000001', 'ada@check.test', 'authenticated', 'authenticated');
update sales set role = 'admin' where email = 'ada@check.test';
-- as: user ada@check.test
select archive_expired();

-- check: nobody signed in reads the archive
-- expect: error 42501
insert into auth.users (id, email, aud, role)
values ('c0000000-0000-4000-8000-000000000001', 'ada@check.test', 'authenticated', 'authenticated');
update sales set role = 'admin' where email = 'ada@check.test';
-- as: user ada@check.test
select * from archive.records;
