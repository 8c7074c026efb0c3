-- fixture: a job
insert into auth.users (id, email, aud, role)
values ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated');
insert into customers (id, user_id, first_name, last_name)
values ('c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000001', 'Check', 'Customer');
insert into quotes (id, user_id, customer_id, quote_number, title)
select id, user_id, id, 'CHECK-1', 'Check' from customers where id = 'c0000000-0000-4000-8000-000000000001';
insert into jobs (id, user_id, customer_id, quote_id, title)
select id, user_id, customer_id, id, title from quotes where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a job is pending unless said otherwise, and need not be planned
-- given: a job
-- expect: rows 1
select
from jobs
where id = 'c0000000-0000-4000-8000-000000000001'
  and status = 'pending' and scheduled_date is null and estimated_hours is null;

-- check: a job is refused whose columns hold what they must not
-- given: a job
-- expect: no rows
create temporary table let_in (assignment text);
do $$
declare
  assignment text;
begin
  foreach assignment in array array[
    'title = ''''', 'title = repeat(''x'', 201)', 'description = repeat(''x'', 5001)', 'status = ''canceled''',
    'estimated_hours = -0.5', 'actual_hours = -0.5', 'notes = repeat(''x'', 2001)'
  ] loop
    begin
      execute 'update jobs set ' || assignment || ' where id = ''c0000000-0000-4000-8000-000000000001''';
      insert into let_in values (assignment);
    exception
      when check_violation then null;
    end;
  end loop;
end
$$;
select * from let_in;

-- check: the four states of a job are taken
-- given: a job
-- expect: rows 4
insert into jobs (user_id, customer_id, title, status, estimated_hours)
select user_id, customer_id, title, state, 0
from jobs, unnest(array['pending', 'in_progress', 'completed', 'cancelled']) state
where id = 'c0000000-0000-4000-8000-000000000001';

-- check: a job outlives its quote
-- given: a job
-- expect: value job without quote
delete from quotes where id = 'c0000000-0000-4000-8000-000000000001';
select 'job without quote' from jobs where id = 'c0000000-0000-4000-8000-000000000001' and quote_id is null;

-- check: a customer takes its jobs along, a company with jobs stays
-- expect: value customer_id c, quote_id n, user_id r
select string_agg(format('%s %s', a.attname, k.confdeltype), ', ' order by a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid = 'jobs'::regclass;

-- check: the lists of jobs have their indexes
-- expect: no rows
select name
from unnest(array['idx_jobs_customer_id', 'idx_jobs_status', 'jobs_quote_id_idx']) name
where to_regclass(name) is null;

-- check: the jobs of a company in one state are found by idx_jobs_status
-- expect: value user_id, status
select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a where a.attrelid = to_regclass('idx_jobs_status');
