-- fixture: an opportunity
insert into sales (id, email) values (-3, 'max@check.test');
insert into organizations (id, name) values (-3, 'Check Diner');
insert into opportunities (id, name, customer_organization_id, opportunity_owner_id) values (-3, 'Check', -3, -3);

-- fixture: a won opportunity
-- given: an opportunity
update opportunities
set stage = 'closed_won', win_reason = 'timing', actual_close_date = '2025-10-01'
where id = -3;

-- check: an opportunity begins as an even new lead that closes in ninety days
-- given: an opportunity
-- expect: value new_business new_lead active medium 50 90 f f
select concat_ws(
  ' ', category, stage, status, priority, probability, estimated_close_date - current_date,
  stage_manual::text::char(1), status_manual::text::char(1)
)
from opportunities
where id = -3;

-- check: the eight stages are taken
-- given: an opportunity
-- expect: rows 8
insert into opportunities
  (name, stage, customer_organization_id, opportunity_owner_id, win_reason, loss_reason, actual_close_date)
select stage, stage, -3, -3, 'other', 'other', current_date
from unnest(array[
  'new_lead', 'initial_outreach', 'sample_visit_offered', 'awaiting_response', 'feedback_logged', 'demo_scheduled',
  'closed_won', 'closed_lost'
]) stage;

-- check: there is no ninth stage
-- given: an opportunity
-- expect: error 23514
update opportunities set stage = 'qualified' where id = -3;

-- check: a status, a priority, a category, a source or a reason is one of its list
-- given: an opportunity
-- expect: value 6
do $$
declare
  assignment text;
  refused integer := 0;
begin
  foreach assignment in array array[
    'status = ''sleeping''', 'priority = ''urgent''', 'category = ''old''', 'lead_source = ''dream''',
    'win_reason = ''luck''', 'loss_reason = ''bad luck'''
  ] loop
    begin
      execute 'update opportunities set ' || assignment || ' where id = -3';
    exception
      when check_violation then refused := refused + 1;
    end;
  end loop;
  perform set_config('check.refused', refused::text, true);
end
$$;
select current_setting('check.refused');

-- check: an opportunity is worth no less than nothing
-- given: an opportunity
-- expect: error 23514
update opportunities set amount = -0.01 where id = -3;

-- check: an opportunity is worth a million at most
-- given: an opportunity
-- expect: error 23514
update opportunities set amount = 1000000.01 where id = -3;

-- check: a probability is 0 to 100
-- given: an opportunity
-- expect: error 23514
update opportunities set probability = 101 where id = -3;

-- check: a won opportunity has a reason
-- given: an opportunity
-- expect: error 23514
update opportunities set stage = 'closed_won', loss_reason = 'timing', actual_close_date = current_date where id = -3;

-- check: a lost opportunity has a reason
-- given: an opportunity
-- expect: error 23514
update opportunities set stage = 'closed_lost', win_reason = 'timing', actual_close_date = current_date where id = -3;

-- check: a closed opportunity has a date
-- given: an opportunity
-- expect: error 23514
update opportunities set stage = 'closed_won', win_reason = 'timing' where id = -3;

-- check: open stages follow each other in any order
-- given: an opportunity
-- expect: value new_lead
update opportunities set stage = 'demo_scheduled' where id = -3;
update opportunities set stage = 'initial_outreach' where id = -3;
update opportunities set stage = 'new_lead' where id = -3;
select stage from opportunities where id = -3;

-- check: an opportunity that is opened again forgets how it was closed
-- given: a won opportunity
-- expect: value awaiting_response
update opportunities set stage = 'awaiting_response' where id = -3;
select concat_ws(' ', stage, win_reason, loss_reason, actual_close_date) from opportunities where id = -3;

-- check: a closed opportunity is not closed otherwise
-- given: a won opportunity
-- expect: error 23514
update opportunities set stage = 'closed_lost', loss_reason = 'timing' where id = -3;

-- check: a closed opportunity keeps its reason when something else changes
-- given: a won opportunity
-- expect: value timing 2025-10-01
update opportunities set description = 'Done.' where id = -3;
select concat_ws(' ', win_reason, actual_close_date) from opportunities where id = -3;

-- check: an opportunity has a customer
-- given: an opportunity
-- expect: error 23502
insert into opportunities (name, opportunity_owner_id) values ('Check', -3);

-- check: an opportunity has an owner
-- given: an opportunity
-- expect: error 23502
insert into opportunities (name, customer_organization_id) values ('Check', -3);

-- check: an opportunity is found by the words of what it is now
-- given: an opportunity
-- expect: true
update opportunities set next_action = 'Send samples' where id = -3;
select search_tsv @@ to_tsquery('english', 'check & sample') from opportunities where id = -3;

-- check: what an opportunity refers to is kept, save for its distributor and its account manager
-- expect: value account_manager_id n, created_by r, customer_organization_id r, distributor_organization_id n, opportunity_owner_id r, principal_organization_id r, updated_by n
select string_agg(format('%s %s', a.attname, k.confdeltype), ', ' order by a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid = 'opportunities'::regclass;

-- check: the lists of opportunities have their indexes
-- expect: no rows
select name
from unnest(array[
  'opportunities_stage_idx', 'opportunities_status_idx', 'opportunities_priority_idx', 'opportunities_search_idx',
  'opportunities_tags_idx', 'opportunities_owner_idx', 'opportunities_account_manager_idx'
]) name
where to_regclass(name) is null;
