-- In the matrices the rows are Ada's, Dana's and Max's, in this order.

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

-- fixture: what all staff share
insert into segments (id, name) values ('c5000000-0000-4000-8000-000000000001', 'Check Segment');
insert into tags (id, name) values (-1, 'check tag');
insert into organizations (id, name, organization_type, sales_id) values (-9, 'Check Principal', 'principal', null);
insert into products (id, principal_id, name, sku, category) values (-1, -9, 'Check Soup', 'CS-1', 'canned_goods');

-- fixture: what is reached
-- For each id of a table s, u and d: whether the caller selects, updates, deletes it; - where no row was reached.
create function check_reach(names text[], ids text[]) returns table (name text, reach text)
  language plpgsql
  as $function$
declare
  id text;
  command text;
  n bigint;
begin
  foreach name in array names loop
    reach := '';
    foreach id in array ids loop
      foreach command in array array['select from %I', 'update %1$I set id = id', 'delete from %I'] loop
        execute format(command, name) || format(' where id = %L', id);
        get diagnostics n = row_count;
        reach := reach || case when n = 0 then '-' else left(command, 1) end;
      end loop;
      reach := reach || ' ';
    end loop;
    reach := rtrim(reach);
    return next;
  end loop;
end
$function$;

-- fixture: what is let in
-- For each person's id whether the caller inserts a row of that person's: + or -.
create function check_inserts(ids bigint[]) returns table (name text, inserts text)
  language plpgsql
  as $function$
declare
  owner bigint;
  statement text;
begin
  for name, statement in values
    ('organizations', 'insert into organizations (name, sales_id) values (''Check'', %s)'),
    ('contacts', 'insert into contacts (first_name, last_name, sales_id) values (''Check'', ''New'', %s)'),
    ('contactNotes', 'insert into "contactNotes" (contact_id, text, sales_id) values (%1$s, ''Check'', %1$s)'),
    ('opportunities', 'insert into opportunities (name, customer_organization_id, opportunity_owner_id) values (''Check'', %1$s, %1$s)'),
    ('activities', 'insert into activities (activity_type, type, subject, contact_id, created_by) values (''engagement'', ''call'', ''Check'', %1$s, %1$s)'),
    ('tasks', 'insert into tasks (title, sales_id) values (''Check'', %s)'),
    ('deals', 'insert into deals (name, sales_id) values (''Check'', %s)'),
    ('dealNotes', 'insert into "dealNotes" (deal_id, text, sales_id) values (%1$s, ''Check'', %1$s)')
  loop
    inserts := '';
    foreach owner in array ids loop
      begin
        execute format(statement, owner);
        inserts := inserts || '+';
      exception
        when insufficient_privilege then inserts := inserts || '-';
      end;
    end loop;
    return next;
  end loop;
end
$function$;

-- check: an admin reads and writes everything
-- given: rows of each
-- given: what is reached
-- expect: value sud sud sud: activities, contactNotes, contacts, dealNotes, deals, opportunities, organizations, tasks
-- as: user ada@check.test
select string_agg(line, '; ' order by line)
from (
  select reach || ': ' || string_agg(name, ', ' order by name collate "C")
  from check_reach(array['dealNotes', 'deals', 'contactNotes', 'tasks', 'activities', 'opportunities', 'contacts', 'organizations'], array['-1', '-2', '-3'])
  group by reach
) reached (line);

-- check: a sales director reads everything and writes what is theirs
-- given: rows of each
-- given: what is reached
-- expect: value s-- sud s--: activities, contactNotes, contacts, dealNotes, deals, opportunities, organizations, tasks
-- as: user dana@check.test
select string_agg(line, '; ' order by line)
from (
  select reach || ': ' || string_agg(name, ', ' order by name collate "C")
  from check_reach(array['dealNotes', 'deals', 'contactNotes', 'tasks', 'activities', 'opportunities', 'contacts', 'organizations'], array['-1', '-2', '-3'])
  group by reach
) reached (line);

-- check: an account manager reads and writes what is theirs and nothing else
-- given: rows of each
-- given: what is reached
-- expect: value --- --- sud: activities, contactNotes, contacts, dealNotes, deals, opportunities, organizations, tasks
-- as: user max@check.test
select string_agg(line, '; ' order by line)
from (
  select reach || ': ' || string_agg(name, ', ' order by name collate "C")
  from check_reach(array['dealNotes', 'deals', 'contactNotes', 'tasks', 'activities', 'opportunities', 'contacts', 'organizations'], array['-1', '-2', '-3'])
  group by reach
) reached (line);

-- check: an admin adds rows for everybody
-- given: rows of each
-- given: what is let in
-- expect: value +++: activities, contactNotes, contacts, dealNotes, deals, opportunities, organizations, tasks
-- as: user ada@check.test
select string_agg(line, '; ' order by line)
from (
  select inserts || ': ' || string_agg(name, ', ' order by name collate "C")
  from check_inserts(array[-1, -2, -3])
  group by inserts
) let_in (line);

-- check: a sales director adds rows only in their own name
-- given: rows of each
-- given: what is let in
-- expect: value -+-: activities, contactNotes, contacts, dealNotes, deals, opportunities, organizations, tasks
-- as: user dana@check.test
select string_agg(line, '; ' order by line)
from (
  select inserts || ': ' || string_agg(name, ', ' order by name collate "C")
  from check_inserts(array[-1, -2, -3])
  group by inserts
) let_in (line);

-- check: an account manager adds rows only in their own name
-- given: rows of each
-- given: what is let in
-- expect: value --+: activities, contactNotes, contacts, dealNotes, deals, opportunities, organizations, tasks
-- as: user max@check.test
select string_agg(line, '; ' order by line)
from (
  select inserts || ': ' || string_agg(name, ', ' order by name collate "C")
  from check_inserts(array[-1, -2, -3])
  group by inserts
) let_in (line);

-- check: nobody but an admin hands a row over
-- given: rows of each
-- expect: value refused 8
-- as: user max@check.test
do $$
declare
  assignment text;
  refused integer := 0;
begin
  foreach assignment in array array[
    'organizations set sales_id', 'contacts set sales_id', '"contactNotes" set sales_id', 'tasks set sales_id',
    'opportunities set opportunity_owner_id', 'activities set created_by', 'deals set sales_id', '"dealNotes" set sales_id'
  ] loop
    begin
      execute 'update ' || assignment || ' = -4 where id = -3';
    exception
      when insufficient_privilege then refused := refused + 1;
    end;
  end loop;
  perform set_config('check.refused', refused::text, true);
end
$$;
select 'refused ' || current_setting('check.refused');

-- check: an opportunity is its account manager's as much as its owner's
-- given: rows of each
-- given: what is reached
-- expect: value sud ---
update opportunities set account_manager_id = -3 where id = -2;
delete from activities where id in (-2, -3);
delete from tasks where id in (-2, -3);
-- as: user max@check.test
select reach from check_reach(array['opportunities'], array['-2', '-4']);

-- check: all staff see the principals, and an account manager no other organization of others
-- given: rows of each
-- given: what all staff share
-- expect: value -9 -3
-- as: user max@check.test
select string_agg(id::text, ' ' order by id) from organizations where id in (-1, -2, -3, -4, -9);

-- check: nobody but an admin writes a principal of others
-- given: the staff
-- given: what all staff share
-- given: what is reached
-- expect: value s--
-- as: user max@check.test
select reach from check_reach(array['organizations'], array['-9']);

-- check: an admin keeps products, tags and segments
-- given: the staff
-- given: what all staff share
-- given: what is reached
-- expect: value sud sud sud
-- as: user ada@check.test
select string_agg(reach, ' ')
from (
  select * from check_reach(array['products', 'tags'], array['-1'])
  union all
  select * from check_reach(array['segments'], array['c5000000-0000-4000-8000-000000000001'])
) reached;

-- check: an admin adds products, tags and segments
-- given: the staff
-- given: what all staff share
-- expect: value 3
-- as: user ada@check.test
with
  products as (
    insert into products (principal_id, name, sku, category) values (-9, 'Check Stew', 'CS-2', 'canned_goods') returning 1
  ),
  tags as (insert into tags (name) values ('check new') returning 1),
  segments as (insert into segments (name) values ('Check New') returning 1)
select (select count(*) from products) + (select count(*) from tags) + (select count(*) from segments);

-- check: a sales director reads products, tags and segments
-- given: the staff
-- given: what all staff share
-- given: what is reached
-- expect: value s-- s-- s--
-- as: user dana@check.test
select string_agg(reach, ' ')
from (
  select * from check_reach(array['products', 'tags'], array['-1'])
  union all
  select * from check_reach(array['segments'], array['c5000000-0000-4000-8000-000000000001'])
) reached;

-- check: an account manager reads products, tags and segments
-- given: the staff
-- given: what all staff share
-- given: what is reached
-- expect: value s-- s-- s--
-- as: user max@check.test
select string_agg(reach, ' ')
from (
  select * from check_reach(array['products', 'tags'], array['-1'])
  union all
  select * from check_reach(array['segments'], array['c5000000-0000-4000-8000-000000000001'])
) reached;

-- check: nobody but an admin adds products, tags and segments
-- given: the staff
-- given: what all staff share
-- expect: value 3
-- as: user dana@check.test
do $$
declare
  statement text;
  refused integer := 0;
begin
  foreach statement in array array[
    'products (principal_id, name, sku, category) values (-9, ''Check Stew'', ''CS-2'', ''canned_goods'')',
    'tags (name) values (''check new'')', 'segments (name) values (''Check New'')'
  ] loop
    begin
      execute 'insert into ' || statement;
    exception
      when insufficient_privilege then refused := refused + 1;
    end;
  end loop;
  perform set_config('check.refused', refused::text, true);
end
$$;
select current_setting('check.refused');

-- check: who is disabled reaches nothing
-- given: rows of each
-- given: what all staff share
-- given: what is reached
-- expect: value ---
update sales set disabled = true where id = -3;
-- as: user max@check.test
select string_agg(distinct reach, ', ')
from (
  select *
  from check_reach(
    array['dealNotes', 'deals', 'contactNotes', 'tasks', 'activities', 'opportunities', 'contacts', 'organizations'],
    array['-3']
  )
  union all
  select * from check_reach(array['products', 'tags'], array['-1'])
  union all
  select * from check_reach(array['organizations'], array['-9'])
) reached;

-- check: who is disabled neither sees nor edits the staff
-- given: the staff
-- expect: value 0 0
update sales set disabled = true where id = -3;
-- as: user max@check.test
with edited as (update sales set first_name = 'Back' where id = -3 returning 1)
select concat_ws(' ', (select count(*) from sales where id in (-1, -2, -3, -4)), (select count(*) from edited));

-- check: all staff see the staff
-- given: the staff
-- expect: rows 4
-- as: user max@check.test
select from sales where id in (-1, -2, -3, -4);

-- check: everybody edits their own profile
-- given: the staff
-- expect: rows 1
-- as: user max@check.test
update sales set first_name = 'Max', last_name = 'Lund', phone = '555 0100', avatar_url = 'https://max.example/me.png'
where id = -3;

-- check: nobody but an admin edits the profile of another
-- given: the staff
-- expect: rows 0
-- as: user dana@check.test
update sales set first_name = 'Mine' where id = -3;

-- check: nobody makes themselves an admin
-- given: the staff
-- expect: error 42501
-- as: user max@check.test
update sales set role = 'admin' where id = -3;

-- check: nobody but an admin disables an account, not even their own
-- given: the staff
-- expect: error 42501
-- as: user max@check.test
update sales set disabled = true where id = -3;

-- check: the address of staff is changed at the login, not here
-- given: the staff
-- expect: error 42501
-- as: user ada@check.test
update sales set email = 'other@check.test' where id = -3;

-- check: an admin gives roles and disables accounts
-- given: the staff
-- expect: rows 1
-- as: user ada@check.test
update sales set role = 'sales_director', disabled = true where id = -3;

-- check: an admin adds staff and takes it off again
-- given: the staff
-- expect: rows 1
-- as: user ada@check.test
insert into sales (email, first_name) values ('new@check.test', 'New');
delete from sales where email = 'new@check.test';

-- check: nobody but an admin adds staff
-- given: the staff
-- expect: error 42501
-- as: user dana@check.test
insert into sales (email, role) values ('new@check.test', 'admin');

-- check: nobody but an admin takes staff off
-- given: the staff
-- expect: rows 0
-- as: user dana@check.test
delete from sales where id = -4;

-- check: who made and who changed a row is who was signed in
-- given: the staff
-- given: what all staff share
-- expect: value -3 -1, -3 -1, -3 -1
-- as: user max@check.test
insert into organizations (id, name, sales_id, created_by, updated_by) values (-3, 'Check', -3, -4, -4);
insert into contacts (id, first_name, last_name, sales_id, created_by, updated_by) values (-3, 'Check', 'New', -3, -4, -4);
insert into opportunities (id, name, customer_organization_id, opportunity_owner_id, created_by, updated_by)
values (-3, 'Check', -3, -3, -4, -4);
-- as: user ada@check.test
update organizations set notes = 'Seen.', created_by = -1 where id = -3;
update contacts set notes = 'Seen.', created_by = -1 where id = -3;
update opportunities set description = 'Seen.', created_by = -1 where id = -3;
select string_agg(concat_ws(' ', created_by, updated_by), ', ')
from (
  select created_by, updated_by from organizations where id = -3
  union all
  select created_by, updated_by from contacts where id = -3
  union all
  select created_by, updated_by from opportunities where id = -3
) stamped;

-- check: who keeps a product is who was signed in
-- given: the staff
-- given: what all staff share
-- expect: value -1 -1
-- as: user ada@check.test
insert into products (id, principal_id, name, sku, category, created_by) values (-2, -9, 'Check Stew', 'CS-2', 'frozen', -3);
select concat_ws(' ', created_by, updated_by) from products where id = -2;

-- check: who changed a note is who was signed in
-- given: rows of each
-- expect: value -1
-- as: user ada@check.test
update "contactNotes" set text = 'Seen.', updated_by = -3 where id = -3;
select updated_by from "contactNotes" where id = -3;

-- check: an import without a signed-in user says whom it acts for
-- given: the staff
-- expect: value -3 -4
-- as: service_role
insert into organizations (id, name, created_by, updated_by) values (-3, 'Check', -3, -4);
select concat_ws(' ', created_by, updated_by) from organizations where id = -3;
