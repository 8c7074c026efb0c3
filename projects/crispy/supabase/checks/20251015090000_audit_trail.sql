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

-- fixture: a company of Max
-- given: the staff
insert into organizations (id, name, sales_id) values (-3, 'Check Diner', -3);
insert into contacts (id, first_name, last_name, sales_id) values (-3, 'Iris', 'Vance', -3);
insert into opportunities (id, name, customer_organization_id, opportunity_owner_id) values (-3, 'Check', -3, -3);

-- check: a change is logged by field, with who made it
-- given: a company of Max
-- expect: value organizations city  > Duluth by -3, organizations priority C > A by -3
-- as: user max@check.test
update organizations set city = 'Duluth', priority = 'A' where id = -3;
-- as: deployer
select string_agg(
  format('%s %s %s > %s by %s', table_name, field_name, old_value, new_value, changed_by), ', ' order by field_name
)
from audit.change_log
where record_id = -3 and table_name = 'organizations' and changed_by is not null;

-- check: contacts and opportunities are logged as organizations are
-- given: a company of Max
-- expect: value contacts title Chef, opportunities stage demo_scheduled
-- as: user max@check.test
update contacts set title = 'Chef' where id = -3;
update opportunities set stage = 'demo_scheduled' where id = -3;
-- as: deployer
select string_agg(concat_ws(' ', table_name, field_name, new_value), ', ' order by table_name)
from audit.change_log
where record_id = -3 and changed_by = -3;

-- check: a new row is logged with every field that has a value
-- given: the staff
-- expect: value name, notes, organization_type, priority, sales_id
-- as: user max@check.test
insert into organizations (id, name, notes, sales_id) values (-3, 'Check Diner', 'Open late.', -3);
-- as: deployer
select string_agg(field_name, ', ' order by field_name)
from audit.change_log
where table_name = 'organizations' and record_id = -3 and old_value is null and new_value is not null and changed_by = -3;

-- check: a deleted row is logged with what it held
-- given: a company of Max
-- expect: value Iris Vance
-- as: user max@check.test
delete from contacts where id = -3;
-- as: deployer
select string_agg(old_value, ' ' order by field_name)
from audit.change_log
where table_name = 'contacts' and record_id = -3 and new_value is null and field_name in ('first_name', 'last_name') and changed_by = -3;

-- check: what is stamped or computed is not logged
-- given: a company of Max
-- expect: no rows
-- as: user max@check.test
update contacts set first_name = 'Ida' where id = -3;
-- as: deployer
select *
from audit.change_log
where record_id = -3
  and field_name in ('id', 'created_at', 'updated_at', 'created_by', 'updated_by', 'search_tsv')
  or (table_name = 'contacts' and record_id = -3 and field_name = 'name');

-- check: an update that changes nothing is not logged
-- given: a company of Max
-- expect: no rows
-- as: user max@check.test
update contacts set first_name = first_name where id = -3;
-- as: deployer
select * from audit.change_log where record_id = -3 and changed_by = -3;

-- check: an admin reads the log
-- given: a company of Max
-- expect: value 3
-- as: user ada@check.test
select count(distinct table_name) from audit.change_log where record_id = -3;

-- check: a sales director reads the log
-- given: a company of Max
-- expect: value 3
-- as: user dana@check.test
select count(distinct table_name) from audit.change_log where record_id = -3;

-- check: an account manager reads no log
-- given: a company of Max
-- expect: no rows
-- as: user max@check.test
select * from audit.change_log;

-- check: nobody writes the log
-- given: the staff
-- expect: error 42501
-- as: user ada@check.test
insert into audit.change_log (table_name, record_id, field_name) values ('contacts', -3, 'name');

-- check: nobody changes the log
-- given: the staff
-- expect: error 42501
-- as: user ada@check.test
update audit.change_log set new_value = 'Nothing.';

-- check: nobody empties the log, not even with the service key
-- given: the staff
-- expect: error 42501
-- as: service_role
delete from audit.change_log;

-- check: who changed something is kept
-- expect: value r
select confdeltype from pg_constraint where conrelid = 'audit.change_log'::regclass and contype = 'f';
