-- The rows are made as in the checks of the policies: one of each person's in every table, with that person's key.

-- fixture: the staff
-- Ada is an admin, Dana a director, Max and Mia are account managers. Negative keys: no sequence gives them, so they
-- collide with nobody's.
insert into auth.users (id, email, aud, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'ada@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000002', 'dana@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000003', 'max@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000004', 'mia@check.test', 'authenticated', 'authenticated');
update sales
set id = person.id, role = person.role
from (
  values
    (-1, 'ada@check.test', 'admin'), (-2, 'dana@check.test', 'sales_director'),
    (-3, 'max@check.test', 'account_manager'), (-4, 'mia@check.test', 'account_manager')
) person (id, email, role)
where sales.email = person.email;

-- fixture: rows of each
-- given: the staff
-- In every table a row of each person's, with that person's key.
insert into organizations (id, name, organization_type, sales_id)
select id, 'Check ' || first_name, 'customer', id from sales where id in (-1, -2, -3, -4);
insert into contacts (id, first_name, last_name, organization_id, sales_id)
select id, 'Check', first_name, id, id from sales where id in (-1, -2, -3, -4);
insert into "contactNotes" (id, contact_id, text, sales_id)
select id, id, 'Check', id from sales where id in (-1, -2, -3, -4);
insert into opportunities (id, name, customer_organization_id, opportunity_owner_id)
select id, 'Check', id, id from sales where id in (-1, -2, -3, -4);
insert into activities (id, activity_type, type, subject, contact_id, opportunity_id, created_by)
select id, 'interaction', 'call', 'Check', id, id, id from sales where id in (-1, -2, -3, -4);
insert into tasks (id, title, contact_id, opportunity_id, sales_id)
select id, 'Check', id, id, id from sales where id in (-1, -2, -3, -4);
insert into deals (id, name, sales_id)
select id, 'Check', id from sales where id in (-1, -2, -3, -4);
insert into "dealNotes" (id, deal_id, text, sales_id)
select id, id, 'Check', id from sales where id in (-1, -2, -3, -4);

-- fixture: a director's company
-- given: rows of each
-- What belongs to Dana's organization, contact, opportunity and deal is Max's in part.
update contacts set organization_id = -2 where id in (-2, -3);
update tasks set contact_id = -2, opportunity_id = null where id = -3;

-- check: nobody sees what is archived, nor its children
-- given: a director's company
-- expect: value 0 0
-- as: user dana@check.test
select archive_record('organizations', -2);
-- as: user ada@check.test
select concat_ws(
  ' ', (select count(*) from organizations where id = -2),
  (select count(*) from contacts where id in (-2, -3)) + (select count(*) from opportunities where id = -2)
);

-- check: archiving goes one level down, whoever owns the children
-- given: a director's company
-- expect: value organizations 4, opportunities 3, contacts 3, deals 2, products 1, sales 1, tasks 1
insert into products (id, principal_id, name, sku, category) values (-1, -4, 'Check Soup', 'CS-1', 'canned_goods');
select concat_ws(
  ', ', 'organizations ' || archive_record('organizations', -2), 'opportunities ' || archive_record('opportunities', -1),
  'contacts ' || archive_record('contacts', -4),
  'deals ' || archive_record('deals', -2), 'products ' || archive_record('products', -1),
  'sales ' || archive_record('sales', -4), 'tasks ' || archive_record('tasks', -3)
);

-- check: the children of each table are those that belong to it
-- given: a director's company
-- expect: value "contactNotes" -2, activities -2, contacts -2, contacts -3, opportunities -2, tasks of contact -2, tasks of contact -3, tasks of opportunity -2
select archive_record('contacts', -2);
update "contactNotes" set status = 'archived' where deleted_at is not null and id < 0;
update tasks set priority = 'of contact' where deleted_at is not null and id < 0;
select restore_record('contacts', -2);
select archive_record('opportunities', -2);
update activities set outcome = 'archived' where deleted_at is not null and id < 0;
update tasks set description = 'of opportunity' where deleted_at is not null and id < 0;
select restore_record('opportunities', -2);
select archive_record('organizations', -2);
select string_agg(line, ', ' order by line collate "C")
from (
  select '"contactNotes" ' || id from "contactNotes" where status = 'archived' and id < 0
  union all
  select 'tasks of contact ' || id from tasks where priority = 'of contact' and id < 0
  union all
  select 'tasks of opportunity ' || id from tasks where description = 'of opportunity' and id < 0
  union all
  select 'activities ' || id from activities where outcome = 'archived' and id < 0
  union all
  select 'contacts ' || id from contacts where deleted_at is not null and id < 0
  union all
  select 'opportunities ' || id from opportunities where deleted_at is not null and id < 0
) archived (line);

-- check: an owner archives a record of each kind
-- given: rows of each
-- expect: value 8
-- as: user max@check.test
select sum((archive_record(name, -3) > 0)::integer)
from unnest(array['dealNotes', 'deals', 'contactNotes', 'tasks', 'activities', 'opportunities', 'contacts', 'organizations']) name;

-- check: nobody but an admin archives what is not theirs
-- given: rows of each
-- expect: error 42501
-- as: user dana@check.test
select archive_record('contacts', -3);

-- check: nobody but an admin archives a product
-- given: the staff
-- expect: error 42501
insert into organizations (id, name) values (-9, 'Check Principal');
insert into products (id, principal_id, name, sku, category) values (-1, -9, 'Check Soup', 'CS-1', 'canned_goods');
-- as: user dana@check.test
select archive_record('products', -1);

-- check: nobody but an admin archives staff, not even themselves
-- given: the staff
-- expect: error 42501
-- as: user dana@check.test
select archive_record('sales', -2);

-- check: who is disabled archives nothing
-- given: rows of each
-- expect: error 42501
update sales set disabled = true where id = -3;
-- as: user max@check.test
select archive_record('tasks', -3);

-- check: an admin archives and restores what is not theirs
-- given: rows of each
-- expect: value 4 4
-- as: user ada@check.test
select archive_record('contacts', -3) + 1 || ' ' || restore_record('contacts', -3) + 1;

-- check: an account manager archives and restores the opportunity given to them
-- given: rows of each
-- expect: value 3 3
update opportunities set account_manager_id = -3 where id = -2;
-- as: user max@check.test
select concat_ws(' ', archive_record('opportunities', -2), restore_record('opportunities', -2));

-- check: a server with the service key archives and restores
-- given: rows of each
-- expect: value 2 2
-- as: service_role
select concat_ws(' ', archive_record('deals', -3), restore_record('deals', -3));

-- check: restoring brings back what went along, not what was archived before
-- given: a director's company
-- expect: value -2
-- as: user dana@check.test
select archive_record('contacts', -2);
select restore_record('contacts', -2);
-- as: user max@check.test
select archive_record('contacts', -3);
-- as: user dana@check.test
select archive_record('organizations', -2);
select restore_record('organizations', -2);
-- as: user ada@check.test
select string_agg(id::text, ' ') from contacts where organization_id = -2;

-- check: nobody but an admin restores what is not theirs
-- given: rows of each
-- expect: error 42501
-- as: user max@check.test
select archive_record('contacts', -3);
-- as: user mia@check.test
select restore_record('contacts', -3);

-- check: what is archived is not archived again
-- given: rows of each
-- expect: error P0002
-- as: user ada@check.test
select archive_record('contacts', -3);
select archive_record('contacts', -3);

-- check: what is live is not restored
-- given: rows of each
-- expect: error P0002
-- as: user ada@check.test
select restore_record('contacts', -3);

-- check: only the tables that keep deleted rows are archived
-- given: the staff
-- expect: error 22023
-- as: user ada@check.test
select archive_record('tags', 1);

-- check: a plain update archives nothing, not even for an admin
-- given: rows of each
-- expect: value refused 10
insert into organizations (id, name) values (-9, 'Check Principal');
insert into products (id, principal_id, name, sku, category) values (-1, -9, 'Check Soup', 'CS-1', 'canned_goods');
-- as: user ada@check.test
do $$
declare
  name text;
  refused integer := 0;
begin
  foreach name in array array[
    'sales', 'products', 'organizations', 'contacts', 'contactNotes', 'opportunities', 'activities', 'tasks', 'deals', 'dealNotes'
  ] loop
    begin
      execute format('update %I set deleted_at = now() where id = -1', name);
    exception
      when insufficient_privilege then refused := refused + 1;
    end;
  end loop;
  perform set_config('check.refused', refused::text, true);
end
$$;
select 'refused ' || current_setting('check.refused');

-- check: what decides who may archive is called by nobody
-- given: rows of each
-- expect: error 42501
-- as: user max@check.test
select * from archivable_record('contacts', -3, true);
