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

-- fixture: a test user
-- given: the staff
insert into test_user_metadata (user_id, role) values ('c0000000-0000-4000-8000-000000000003', 'account_manager');

-- check: a test user begins with no data
-- given: a test user
-- expect: value automated_script 0 activities, contacts, notes, opportunities, organizations, tasks
select concat_ws(
  ' ', created_by, (select sum(c.value::integer) from jsonb_each_text(test_data_counts) c),
  (select string_agg(c.key, ', ' order by c.key) from jsonb_each_text(test_data_counts) c)
)
from test_user_metadata
where user_id = 'c0000000-0000-4000-8000-000000000003';

-- check: a user is a test user once
-- given: a test user
-- expect: rows 1
insert into test_user_metadata (user_id, role) values ('c0000000-0000-4000-8000-000000000003', 'admin')
on conflict (user_id) do update set role = excluded.role;

-- check: a test user's role is one of three
-- given: a test user
-- expect: error 23514
update test_user_metadata set role = 'tester' where user_id = 'c0000000-0000-4000-8000-000000000003';

-- check: a deleted user is no test user any more
-- given: a test user
-- expect: no rows
delete from sales where id = -3;
delete from auth.users where id = 'c0000000-0000-4000-8000-000000000003';
select * from test_user_metadata where user_id = 'c0000000-0000-4000-8000-000000000003';

-- check: all staff read who is a test user
-- given: a test user
-- expect: rows 1
-- as: user mia@check.test
select * from test_user_metadata where user_id = 'c0000000-0000-4000-8000-000000000003';

-- check: who is disabled does not read who is a test user
-- given: a test user
-- expect: no rows
update sales set disabled = true where id = -4;
-- as: user mia@check.test
select * from test_user_metadata where user_id = 'c0000000-0000-4000-8000-000000000003';

-- check: no staff writes who is a test user
-- given: a test user
-- expect: error 42501
-- as: user ada@check.test
insert into test_user_metadata (user_id, role) values ('c0000000-0000-4000-8000-000000000004', 'admin');

-- check: the service key writes who is a test user
-- given: a test user
-- expect: rows 1
-- as: service_role
update test_user_metadata set last_sync_at = now() where user_id = 'c0000000-0000-4000-8000-000000000003';

-- check: test users are found by role
-- expect: true
select to_regclass('idx_test_user_metadata_role') is not null;
