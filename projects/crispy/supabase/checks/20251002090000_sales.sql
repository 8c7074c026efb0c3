-- fixture: the staff
-- Negative keys: no sequence gives them, so they collide with nobody's.
insert into auth.users (id, email, aud, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'ada@check.test', 'authenticated', 'authenticated'),
  ('c0000000-0000-4000-8000-000000000003', 'max@check.test', 'authenticated', 'authenticated');
update sales set id = -1, role = 'admin' where email = 'ada@check.test';
update sales set id = -3 where email = 'max@check.test';

-- check: a new user becomes staff with the least rights, whatever they say of themselves
-- expect: value account_manager f f Zoe Quill
insert into auth.users (id, email, aud, role, raw_user_meta_data)
values (
  'c0000000-0000-4000-8000-000000000009', 'zoe@check.test', 'authenticated', 'authenticated',
  '{"first_name": "Zoe", "last_name": "Quill", "role": "admin", "administrator": true}'
);
select concat_ws(' ', role, administrator::text::char(1), disabled::text::char(1), first_name, last_name)
from sales
where user_id = 'c0000000-0000-4000-8000-000000000009';

-- check: a new user who gives no name is pending
-- given: the staff
-- expect: value Pending Pending
select concat_ws(' ', first_name, last_name) from sales where id = -3;

-- check: a changed address of a user is changed for the staff
-- given: the staff
-- expect: value max@elsewhere.test
update auth.users set email = 'max@elsewhere.test' where email = 'max@check.test';
select email from sales where id = -3;

-- check: a user without an address becomes staff once there is one
-- expect: value 0 1
insert into auth.users (id, phone, aud, role)
values ('c0000000-0000-4000-8000-000000000009', '15550100', 'authenticated', 'authenticated');
create temporary table before as
select count(*) as n from sales where user_id = 'c0000000-0000-4000-8000-000000000009';
update auth.users set email = 'zoe@check.test' where id = 'c0000000-0000-4000-8000-000000000009';
select concat_ws(' ', (select n from before), count(*)) from sales where user_id = 'c0000000-0000-4000-8000-000000000009';

-- check: who was taken off the staff does not come back with another address
-- given: the staff
-- expect: no rows
delete from sales where id = -3;
update auth.users set email = 'max@elsewhere.test' where email = 'max@check.test';
select * from sales where user_id = 'c0000000-0000-4000-8000-000000000003';

-- check: an address is one person's, whatever its case
-- given: the staff
-- expect: error 23505
insert into sales (email) values ('MAX@check.test');

-- check: a user is one person of the staff
-- given: the staff
-- expect: error 23505
insert into sales (user_id, email) values ('c0000000-0000-4000-8000-000000000003', 'other@check.test');

-- check: a role is one of three
-- given: the staff
-- expect: error 23514
update sales set role = 'owner' where id = -3;

-- check: who is an administrator follows the role
-- given: the staff
-- expect: value -3
update sales set role = case id when -3 then 'admin' else 'sales_director' end where id in (-1, -3);
select string_agg(id::text, ' ') from sales where administrator and id in (-1, -3);

-- check: the login of staff is not deleted
-- expect: value restrict
select case confdeltype when 'r' then 'restrict' else confdeltype::text end
from pg_constraint
where conrelid = 'sales'::regclass and contype = 'f' and confrelid = 'auth.users'::regclass;

-- check: a signed-in user has the id and the role of the staff
-- given: the staff
-- expect: value -1 admin
-- as: user ada@check.test
select concat_ws(' ', current_sales_id(), current_sales_role());

-- check: who is disabled has neither id nor role
-- given: the staff
-- expect: true
update sales set disabled = true where id = -1;
-- as: user ada@check.test
select current_sales_id() is null and current_sales_role() is null;

-- check: who is deleted has neither id nor role
-- given: the staff
-- expect: true
update sales set deleted_at = now() where id = -1;
-- as: user ada@check.test
select current_sales_id() is null and current_sales_role() is null;

-- check: an update of staff moves updated_at
-- expect: true
insert into sales (id, email, updated_at) values (-3, 'max@check.test', '2000-01-01');
update sales set phone = '555 0100' where id = -3;
select updated_at = now() from sales where id = -3;
