-- fixture: a customer
insert into sales (id, email) values (-3, 'max@check.test');
insert into organizations (id, name) values (-3, 'Check Diner');

-- fixture: a task
-- given: a customer
insert into tasks (id, title, sales_id) values (-3, 'Check', -3);

-- check: an activity is with a contact or an organization
-- given: a customer
-- expect: error 23514
insert into activities (activity_type, type, subject, created_by) values ('engagement', 'call', 'Check', -3);

-- check: an interaction belongs to an opportunity
-- given: a customer
-- expect: error 23514
insert into activities (activity_type, type, subject, organization_id, created_by)
values ('interaction', 'call', 'Check', -3, -3);

-- check: an engagement needs no opportunity, and is of now
-- given: a customer
-- expect: true
insert into activities (id, activity_type, type, subject, organization_id, created_by)
values (-3, 'engagement', 'call', 'Check', -3, -3);
select activity_date = now() and not follow_up_required from activities where id = -3;

-- check: an activity is somebody's
-- given: a customer
-- expect: error 23502
insert into activities (activity_type, type, subject, organization_id) values ('engagement', 'call', 'Check', -3);

-- check: an activity's types and sentiment are of their lists
-- given: a customer
-- expect: value 3
do $$
declare
  assignment text;
  refused integer := 0;
begin
  insert into activities (id, activity_type, type, subject, organization_id, created_by)
  values (-3, 'engagement', 'call', 'Check', -3, -3);
  foreach assignment in array array['activity_type = ''chat''', 'type = ''fax''', 'sentiment = ''mixed'''] loop
    begin
      execute 'update activities set ' || assignment || ' where id = -3';
    exception
      when check_violation then refused := refused + 1;
    end;
  end loop;
  perform set_config('check.refused', refused::text, true);
end
$$;
select current_setting('check.refused');

-- check: a task is open, of no type and of medium priority unless said otherwise
-- given: a task
-- expect: value None f medium
select concat_ws(' ', type, completed::text::char(1), priority, completed_at) from tasks where id = -3;

-- check: a task's type is one of eight
-- given: a task
-- expect: error 23514
update tasks set type = 'Fax' where id = -3;

-- check: a completed task says when
-- given: a task
-- expect: true
update tasks set completed = true where id = -3;
select completed_at = now() from tasks where id = -3;

-- check: a completed task keeps the time it was completed at
-- given: a task
-- expect: value 2025-10-01
update tasks set completed = true, completed_at = '2025-10-01 12:00+00' where id = -3;
update tasks set title = 'Check again' where id = -3;
select (completed_at at time zone 'utc')::date from tasks where id = -3;

-- check: a task that is open again was completed at no time
-- given: a task
-- expect: true
update tasks set completed = true where id = -3;
update tasks set completed = false where id = -3;
select completed_at is null from tasks where id = -3;

-- check: completed_at is set exactly when a task is completed, also where no trigger fires
-- expect: value CHECK ((completed = (completed_at IS NOT NULL)))
select pg_get_constraintdef(oid) from pg_constraint where conname = 'tasks_completed_at_ck';

-- check: what an activity or a task refers to is kept, and a contact takes its tasks along
-- expect: value activities.contact_id r, activities.created_by r, activities.opportunity_id r, activities.organization_id r, tasks.contact_id c, tasks.opportunity_id r, tasks.sales_id r
select string_agg(format('%s.%s %s', k.conrelid::regclass, a.attname, k.confdeltype), ', ' order by k.conrelid::regclass::text, a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid in ('activities'::regclass, 'tasks'::regclass);

-- check: the lists of activities and tasks have their indexes
-- expect: no rows
select name
from unnest(array['activities_date_idx', 'activities_follow_up_idx', 'tasks_due_date_idx', 'tasks_priority_idx']) name
where to_regclass(name) is null;
