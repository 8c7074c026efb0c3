-- A project may have made the schema before it asks for the extension.
do $$
begin
  if to_regnamespace('cron') is null then
    create schema cron;
  end if;
end
$$;

create sequence cron.jobid_seq;

create table cron.job (
  jobid bigint primary key default nextval('cron.jobid_seq'),
  schedule text not null,
  command text not null,
  nodename text not null default 'localhost',
  nodeport integer not null default coalesce(inet_server_port(), current_setting('port')::integer),
  database text not null default current_database(),
  username text not null default current_user,
  active boolean not null default true,
  jobname text,
  constraint jobname_username_uniq unique (jobname, username)
);

create sequence cron.runid_seq;

create table cron.job_run_details (
  jobid bigint,
  runid bigint primary key default nextval('cron.runid_seq'),
  job_pid integer,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamp with time zone,
  end_time timestamp with time zone
);

alter sequence cron.jobid_seq owned by cron.job.jobid;
alter sequence cron.runid_seq owned by cron.job_run_details.runid;

comment on schema cron is 'Made by a stub of pg_cron: jobs are kept here and never run';
comment on table cron.job is 'The jobs that were scheduled; this stub of pg_cron runs none of them';
comment on table cron.job_run_details is 'Empty for ever: this stub of pg_cron runs nothing';

-- Each role sees and changes its own jobs; usage of the schema is what lets it in at all.
alter table cron.job enable row level security;
alter table cron.job_run_details enable row level security;

create policy cron_job_policy on cron.job
  using (username = current_user);
create policy cron_job_run_details_policy on cron.job_run_details
  using (username = current_user);

grant select, insert, update, delete on cron.job to public;
grant select, delete on cron.job_run_details to public;
grant usage on sequence cron.jobid_seq to public;

create function cron.assert_schedule(schedule text)
returns void
language plpgsql
immutable
as $$
begin
  if schedule is null
    or not (
      schedule ~ '^\s*([0-9a-z*$,/-]+\s+){4}[0-9a-z*$,/-]+\s*$'
      or lower(schedule) ~ '^\s*([1-9]|[1-5][0-9])\s+seconds?\s*$'
      or lower(schedule) ~ '^\s*@(reboot|yearly|annually|monthly|weekly|daily|midnight|hourly)\s*$'
    )
  then
    raise exception 'invalid schedule: %', schedule
      using
        errcode = 'invalid_parameter_value',
        hint = 'Use five cron fields such as */5 * * * *, or a number of seconds below 60 such as 30 seconds.';
  end if;
end
$$;

create function cron.schedule(schedule text, command text)
returns bigint
language plpgsql
as $$
declare
  id bigint;
begin
  perform cron.assert_schedule(schedule);
  insert into cron.job (schedule, command)
  values (schedule.schedule, schedule.command)
  returning job.jobid into id;
  return id;
end
$$;

create function cron.schedule_in_database(
  job_name text,
  schedule text,
  command text,
  database text,
  username text default null,
  active boolean default true
)
returns bigint
language plpgsql
as $$
declare
  id bigint;
begin
  if job_name is null then
    raise exception 'job_name can not be NULL' using errcode = 'null_value_not_allowed';
  end if;
  perform cron.assert_schedule(schedule);
  insert into cron.job (jobname, schedule, command, database, username, active)
  values (
    job_name,
    schedule_in_database.schedule,
    schedule_in_database.command,
    schedule_in_database.database,
    coalesce(schedule_in_database.username, current_user),
    schedule_in_database.active
  )
  on conflict on constraint jobname_username_uniq do update set
    schedule = excluded.schedule,
    command = excluded.command,
    database = excluded.database,
    active = excluded.active
  returning job.jobid into id;
  return id;
end
$$;

create function cron.schedule(job_name text, schedule text, command text)
returns bigint
language sql
as $$
  select cron.schedule_in_database(job_name, schedule.schedule, schedule.command, current_database())
$$;

create function cron.unschedule(job_id bigint)
returns boolean
language plpgsql
as $$
begin
  delete from cron.job where jobid = job_id;
  if not found then
    raise exception 'could not find valid entry for job ''%''', job_id using errcode = 'undefined_object';
  end if;
  return true;
end
$$;

create function cron.unschedule(job_name text)
returns boolean
language plpgsql
as $$
begin
  delete from cron.job where jobname = job_name and username = current_user;
  if not found then
    raise exception 'could not find valid entry for job ''%''', job_name using errcode = 'undefined_object';
  end if;
  return true;
end
$$;

create function cron.alter_job(
  job_id bigint,
  schedule text default null,
  command text default null,
  database text default null,
  username text default null,
  active boolean default null
)
returns void
language plpgsql
as $$
begin
  if schedule is not null then
    perform cron.assert_schedule(schedule);
  end if;
  update cron.job set
    schedule = coalesce(alter_job.schedule, job.schedule),
    command = coalesce(alter_job.command, job.command),
    database = coalesce(alter_job.database, job.database),
    username = coalesce(alter_job.username, job.username),
    active = coalesce(alter_job.active, job.active)
  where jobid = job_id;
  if not found then
    raise exception 'Job % does not exist or you don''t own it', job_id using errcode = 'undefined_object';
  end if;
end
$$;

comment on function cron.schedule(text, text) is 'Stub: keeps the job and does not run it';
comment on function cron.schedule(text, text, text) is 'Stub: keeps the job, in place of one of the same name, and does not run it';

grant usage on schema cron to postgres with grant option;
grant all on all tables in schema cron to postgres with grant option;
grant all on all sequences in schema cron to postgres with grant option;
grant execute on all functions in schema cron to postgres with grant option;

select pg_extension_config_dump('cron.job', '');
select pg_extension_config_dump('cron.jobid_seq', '');
