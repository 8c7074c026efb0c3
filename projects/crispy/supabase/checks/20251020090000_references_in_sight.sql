-- The rows are made as in the checks of the policies.

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

-- fixture: a principal
insert into organizations (id, name, organization_type, sales_id) values (-9, 'Check Principal', 'principal', null);

-- fixture: what is added
-- For each reference whether the caller adds a row of person's that refers to the row with the key: + or -.
create function check_added(person bigint, key bigint) returns table (reference text, outcome text)
  language plpgsql
  as $function$
declare
  statement text;
begin
  for reference, statement in values
    ('activities.contact_id', 'insert into activities (activity_type, type, subject, created_by, contact_id) values (''engagement'', ''call'', ''Check'', %s, %s)'),
    ('activities.organization_id', 'insert into activities (activity_type, type, subject, created_by, organization_id) values (''engagement'', ''call'', ''Check'', %s, %s)'),
    ('activities.opportunity_id', 'insert into activities (activity_type, type, subject, created_by, contact_id, opportunity_id) values (''interaction'', ''call'', ''Check'', %1$s, %1$s, %2$s)'),
    ('contactNotes.contact_id', 'insert into "contactNotes" (text, sales_id, contact_id) values (''Check'', %s, %s)'),
    ('contacts.organization_id', 'insert into contacts (first_name, last_name, sales_id, organization_id) values (''Check'', ''New'', %s, %s)'),
    ('dealNotes.deal_id', 'insert into "dealNotes" (text, sales_id, deal_id) values (''Check'', %s, %s)'),
    ('deals.organization_id', 'insert into deals (name, sales_id, organization_id) values (''Check'', %s, %s)'),
    ('opportunities.customer_organization_id', 'insert into opportunities (name, opportunity_owner_id, customer_organization_id) values (''Check'', %s, %s)'),
    ('opportunities.distributor_organization_id', 'insert into opportunities (name, opportunity_owner_id, customer_organization_id, distributor_organization_id) values (''Check'', %1$s, %1$s, %2$s)'),
    ('opportunities.principal_organization_id', 'insert into opportunities (name, opportunity_owner_id, customer_organization_id, principal_organization_id) values (''Check'', %1$s, %1$s, %2$s)'),
    ('tasks.contact_id', 'insert into tasks (title, sales_id, contact_id) values (''Check'', %s, %s)'),
    ('tasks.opportunity_id', 'insert into tasks (title, sales_id, opportunity_id) values (''Check'', %s, %s)')
  loop
    begin
      execute format(statement, person, key);
      outcome := '+';
    exception
      when insufficient_privilege then outcome := '-';
    end;
    return next;
  end loop;
end
$function$;

-- fixture: what is changed
-- For each reference whether the caller lets the row with the key id refer to the row with the other key: + or -.
create function check_changed(id bigint, key bigint) returns table (reference text, outcome text)
  language plpgsql
  as $function$
declare
  n bigint;
begin
  foreach reference in array array[
    'activities.contact_id', 'activities.organization_id', 'activities.opportunity_id', 'contactNotes.contact_id',
    'contacts.organization_id', 'dealNotes.deal_id', 'deals.organization_id', 'opportunities.customer_organization_id',
    'opportunities.distributor_organization_id', 'opportunities.principal_organization_id',
    'tasks.contact_id', 'tasks.opportunity_id'
  ] loop
    begin
      execute format('update %I set %I = %L where id = %L', split_part(reference, '.', 1), split_part(reference, '.', 2), key, id);
      get diagnostics n = row_count;
      outcome := case n when 1 then '+' else '0' end;
    exception
      when insufficient_privilege then outcome := '-';
    end;
    return next;
  end loop;
end
$function$;

-- check: an account manager adds nothing to what they do not see
-- given: rows of each
-- given: what is added
-- expect: value 12 refused
-- as: user max@check.test
select count(*) filter (where outcome = '-') || ' refused' || coalesce(', but ' || string_agg(reference, ', ') filter (where outcome = '+'), '')
from check_added(-3, -2);

-- check: an account manager adds to what is theirs
-- given: rows of each
-- given: what is added
-- expect: value 12 added
-- as: user max@check.test
select count(*) filter (where outcome = '+') || ' added' || coalesce(', but ' || string_agg(reference, ', ') filter (where outcome = '-'), '')
from check_added(-3, -3);

-- check: a principal is anybody's to refer to
-- given: rows of each
-- given: a principal
-- given: what is added
-- given: what is changed
-- expect: value 6 added, 6 changed
-- as: user max@check.test
select concat_ws(
  ', ',
  (select count(*) from check_added(-3, -9) where outcome = '+' and reference like '%organization_id') || ' added',
  (select count(*) from check_changed(-3, -9) where outcome = '+' and reference like '%organization_id') || ' changed'
);

-- check: what refers to nothing is added as before
-- given: the staff
-- expect: value -3 -3 -3
-- as: user max@check.test
insert into contacts (id, first_name, last_name, sales_id) values (-3, 'Check', 'New', -3);
insert into activities (activity_type, type, subject, contact_id, created_by) values ('engagement', 'call', 'Check', -3, -3);
insert into organizations (id, name, sales_id) values (-3, 'Check', -3);
insert into opportunities (name, customer_organization_id, opportunity_owner_id) values ('Check', -3, -3);
insert into activities (activity_type, type, subject, organization_id, created_by) values ('engagement', 'call', 'Check', -3, -3);
insert into tasks (title, sales_id) values ('Check', -3);
insert into deals (name, sales_id) values ('Check', -3);
select concat_ws(
  ' ', (select sales_id from tasks where sales_id = -3), (select sales_id from deals where sales_id = -3),
  (select opportunity_owner_id from opportunities where opportunity_owner_id = -3)
);

-- check: a sales director adds to whatever they see
-- given: rows of each
-- given: what is added
-- given: what is changed
-- expect: value 12 added, 12 changed
-- as: user dana@check.test
select concat_ws(
  ', ', (select count(*) from check_added(-2, -3) where outcome = '+') || ' added',
  (select count(*) from check_changed(-2, -3) where outcome = '+') || ' changed'
);

-- check: what is archived is out of sight
-- given: rows of each
-- expect: error 42501
-- as: user max@check.test
select archive_record('deals', -3);
insert into "dealNotes" (deal_id, text, sales_id) values (-3, 'Check', -3);

-- check: an admin refers to everything, even to what is archived
-- given: rows of each
-- given: what is added
-- given: what is changed
-- expect: value 12 added, 12 changed
update organizations set deleted_at = now() where id = -4;
update contacts set deleted_at = now() where id = -4;
update opportunities set deleted_at = now() where id = -4;
update deals set deleted_at = now() where id = -4;
-- as: user ada@check.test
select concat_ws(
  ', ', (select count(*) from check_added(-3, -4) where outcome = '+') || ' added',
  (select count(*) from check_changed(-3, -4) where outcome = '+') || ' changed'
);

-- check: what is hidden and what is not there are refused alike
-- given: rows of each
-- given: what is added
-- given: what is changed
-- expect: value 12 refused, 12 refused
-- as: user max@check.test
select concat_ws(
  ', ', (select count(*) from check_added(-3, -99) where outcome = '-') || ' refused',
  (select count(*) from check_changed(-3, -99) where outcome = '-') || ' refused'
);

-- check: an account manager moves nothing to what they do not see
-- given: rows of each
-- given: what is changed
-- expect: value 12 refused
-- as: user max@check.test
select count(*) filter (where outcome = '-') || ' refused' || coalesce(', but ' || string_agg(reference, ', ') filter (where outcome <> '-'), '')
from check_changed(-3, -2);

-- check: what is one's own stays so when what it refers to goes out of sight
-- given: rows of each
-- expect: value 7
update contacts set organization_id = -2 where id = -3;
update "contactNotes" set contact_id = -2 where id = -3;
update opportunities
set customer_organization_id = -2, principal_organization_id = -2, distributor_organization_id = -2
where id = -3;
update activities set contact_id = -2, organization_id = -2, opportunity_id = -2 where id = -3;
update tasks set contact_id = -2, opportunity_id = -2 where id = -3;
update deals set organization_id = -2 where id = -3;
update "dealNotes" set deal_id = -2 where id = -3;
-- as: user max@check.test
with
  contacts as (update contacts set title = 'Check' where id = -3 returning 1),
  notes as (update "contactNotes" set text = 'Changed' where id = -3 returning 1),
  opportunities as (update opportunities set stage = 'initial_outreach' where id = -3 returning 1),
  activities as (update activities set outcome = 'Check' where id = -3 returning 1),
  tasks as (update tasks set completed = true where id = -3 returning 1),
  deals as (update deals set stage = 'delayed' where id = -3 returning 1),
  deal_notes as (update "dealNotes" set text = 'Changed' where id = -3 returning 1)
select (select count(*) from contacts) + (select count(*) from notes) + (select count(*) from opportunities)
  + (select count(*) from activities) + (select count(*) from tasks) + (select count(*) from deals)
  + (select count(*) from deal_notes);

-- check: who was given an opportunity records what was done with its customer
-- given: rows of each
-- expect: rows 1
update opportunities set account_manager_id = -3 where id = -2;
-- as: user max@check.test
insert into activities (activity_type, type, subject, organization_id, opportunity_id, created_by)
values ('interaction', 'call', 'Check', -2, -2, -3);

-- check: a note moves no contact that its writer does not see
-- given: rows of each
-- expect: value refused f
-- as: user max@check.test
do $$
begin
  insert into "contactNotes" (contact_id, text, date, sales_id) values (-2, 'Check', now() + interval '1 day', -3);
  perform set_config('check.outcome', 'written', true);
exception
  when insufficient_privilege then perform set_config('check.outcome', 'refused', true);
end
$$;
-- as: user dana@check.test
select concat_ws(' ', current_setting('check.outcome'), (select (last_seen > now())::text::char(1) from contacts where id = -2));

-- check: the service key is held by the foreign keys alone
-- given: rows of each
-- expect: error 23503
-- as: service_role
update tasks set contact_id = -99 where id = -3;
