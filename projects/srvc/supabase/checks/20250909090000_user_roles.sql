-- fixture: Ann
insert into auth.users (id, email, aud, role)
values ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated');

-- check: a role is one of two
-- given: Ann
-- expect: error 23514
insert into user_roles (user_id, role) values ('c0000000-0000-4000-8000-000000000001', 'owner');

-- check: both roles are taken, by one person as well
-- given: Ann
-- expect: rows 2
insert into user_roles (user_id, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'admin'),
  ('c0000000-0000-4000-8000-000000000001', 'member');

-- check: a role is had once
-- given: Ann
-- expect: error 23505
insert into user_roles (user_id, role)
values
  ('c0000000-0000-4000-8000-000000000001', 'admin'),
  ('c0000000-0000-4000-8000-000000000001', 'admin');

-- check: a role says when it was granted
-- given: Ann
-- expect: true
insert into user_roles (user_id, role) values ('c0000000-0000-4000-8000-000000000001', 'member');
select granted_at = now() from user_roles where user_id = 'c0000000-0000-4000-8000-000000000001';

-- check: roles go with the user
-- given: Ann
-- expect: no rows
insert into user_roles (user_id, role) values ('c0000000-0000-4000-8000-000000000001', 'member');
delete from auth.users where id = 'c0000000-0000-4000-8000-000000000001';
select * from user_roles where user_id = 'c0000000-0000-4000-8000-000000000001';
