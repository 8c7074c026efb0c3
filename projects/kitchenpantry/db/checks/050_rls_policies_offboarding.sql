-- Phase 6. In the matrix checks (V6) a line reads label:selected,updated,deleted rows with - for
-- "permission denied", and then + or - for each row that was or was not let in.

-- fixture: the people
-- What is owned is Ada's or Ben's, never Cleo's; Dora is an admin.
insert into auth.users (id, email, aud, role, raw_app_meta_data)
values
  ('a0000000-0000-4000-8000-00000000000a', 'ada@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000b', 'ben@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000c', 'cleo@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000d', 'dora@check.test', 'authenticated', 'authenticated', '{"role": "admin"}');

-- fixture: the lookups
-- Empty before phase 8 and full after it, hence "do nothing".
insert into stage_lu
  (code, display_name, sort_order, requires_product, is_closed, is_won, default_probability, stale_after_days)
values
  ('new_lead', 'New Lead', 1, false, false, false, 10, 7),
  ('initial_outreach', 'Initial Outreach', 2, false, false, false, 20, 14),
  ('demo_scheduled', 'Demo Scheduled', 6, true, false, false, 70, 14),
  ('closed_won', 'Closed - Won', 7, true, true, true, 100, null),
  ('closed_lost', 'Closed - Lost', 8, false, true, false, 0, null)
on conflict (code) do nothing;
insert into status_lu (code, display_name, sort_order)
values ('active', 'Active', 1), ('on_hold', 'On Hold', 4)
on conflict (code) do nothing;
insert into interaction_type_lu (code, display_name, sort_order) values ('call', 'Call', 1)
on conflict (code) do nothing;

-- fixture: a pipeline of two owners
-- given: the people
-- given: the lookups
-- In every table a row of Ada's, one of Ben's, one that concerns both or is shared by all, and a deleted one.
insert into organizations (organization_id, name, owner_user_id, deleted_at)
values
  ('a1000000-0000-4000-8000-000000000001', 'Check of Ada', 'a0000000-0000-4000-8000-00000000000a', null),
  ('a1000000-0000-4000-8000-000000000002', 'Check of Ben', 'a0000000-0000-4000-8000-00000000000b', null),
  ('a1000000-0000-4000-8000-000000000003', 'Check shared', null, null),
  ('a1000000-0000-4000-8000-000000000004', 'Check deleted', 'a0000000-0000-4000-8000-00000000000a', now()),
  ('a1000000-0000-4000-8000-000000000005', 'Check distributor', null, null);
insert into contacts (contact_id, organization_id, first_name, last_name, owner_user_id, deleted_at)
values
  ('a3000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'Of', 'Ada', 'a0000000-0000-4000-8000-00000000000a', null),
  ('a3000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000002', 'Of', 'Ben', 'a0000000-0000-4000-8000-00000000000b', null),
  ('a3000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000003', 'Of', 'All', null, null),
  ('a3000000-0000-4000-8000-000000000004', 'a1000000-0000-4000-8000-000000000001', 'Of', 'Nobody', 'a0000000-0000-4000-8000-00000000000a', now());
insert into products (product_id, principal_org_id, name, category, deleted_at)
values
  ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'Check of Ada', 'dairy', null),
  ('a2000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000002', 'Check of Ben', 'dairy', null),
  ('a2000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000003', 'Check shared', 'dairy', null),
  ('a2000000-0000-4000-8000-000000000004', 'a1000000-0000-4000-8000-000000000001', 'Check deleted', 'dairy', now());
insert into product_distributors (product_id, distributor_org_id, deleted_at)
values
  ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000005', null),
  ('a2000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000005', null),
  ('a2000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000005', null),
  ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', now());
insert into opportunities (opportunity_id, organization_id, principal_org_id, name, owner_user_id, deleted_at)
values
  ('a4000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'Check of Ada', 'a0000000-0000-4000-8000-00000000000a', null),
  ('a4000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000003', 'Check of Ben', 'a0000000-0000-4000-8000-00000000000b', null),
  ('a4000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000003', 'Check of Ada, shared customer', 'a0000000-0000-4000-8000-00000000000a', null),
  ('a4000000-0000-4000-8000-000000000004', 'a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'Check deleted', 'a0000000-0000-4000-8000-00000000000a', now());
insert into interactions (interaction_id, opportunity_id, interaction_type, subject, stage, owner_user_id, deleted_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check of Ada', 'new_lead', 'a0000000-0000-4000-8000-00000000000a', null),
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000002', 'call', 'Check of Ben', 'new_lead', 'a0000000-0000-4000-8000-00000000000b', null),
  ('a5000000-0000-4000-8000-000000000003', 'a4000000-0000-4000-8000-000000000002', 'call', 'Check of Ada for Ben', null, 'a0000000-0000-4000-8000-00000000000a', null),
  ('a5000000-0000-4000-8000-000000000004', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check deleted', 'closed_lost', 'a0000000-0000-4000-8000-00000000000a', now());

-- check: A6.1 a user neither sees nor edits another's opportunities and interactions
-- given: a pipeline of two owners
-- expect: value 0 0 0 0
-- as: user ben@check.test
with
  seen as (select from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001'),
  seen_interactions as (select from interactions where opportunity_id = 'a4000000-0000-4000-8000-000000000001'),
  edited as (update opportunities set name = 'Mine' where opportunity_id = 'a4000000-0000-4000-8000-000000000001' returning 1),
  edited_interactions as (update interactions set notes = 'Mine' where opportunity_id = 'a4000000-0000-4000-8000-000000000001' returning 1)
select concat_ws(
  ' ', (select count(*) from seen), (select count(*) from seen_interactions),
  (select count(*) from edited), (select count(*) from edited_interactions)
);

-- check: A6.2 shared organizations are visible to everybody signed in, others to those concerned
-- given: a pipeline of two owners
-- expect: value Check distributor, Check of Ben, Check shared
-- as: user ben@check.test
select string_agg(name, ', ' order by name)
from organizations
where organization_id in ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000004', 'a1000000-0000-4000-8000-000000000005');

-- check: A6.2 an own opportunity makes its organizations visible
-- given: a pipeline of two owners
-- expect: value Check of Ben
insert into opportunities (organization_id, principal_org_id, name, owner_user_id)
values ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check across', 'a0000000-0000-4000-8000-00000000000a');
-- as: user ada@check.test
select string_agg(name, ', ' order by name) from organizations where organization_id = 'a1000000-0000-4000-8000-000000000002';

-- check: A6.2 nobody makes an organization visible by naming it
-- given: a pipeline of two owners
-- expect: error 42501
-- as: user ada@check.test
insert into opportunities (organization_id, principal_org_id, name)
values ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check peek');

-- check: A6.2 an organization of one's own is returned by the statement that inserts it
-- given: a pipeline of two owners
-- expect: rows 1
-- as: user ada@check.test
insert into organizations (name, owner_user_id) values ('Check new', 'a0000000-0000-4000-8000-00000000000a') returning organization_id;

-- check: A6.3 a user who owns data is not deleted
-- PostgreSQL 18 reports a restricting key as 23001, earlier ones as 23503.
-- given: a pipeline of two owners
-- expect: true
do $$
begin
  delete from auth.users where id = 'a0000000-0000-4000-8000-00000000000a';
  perform set_config('kp.deleted', 'yes', true);
exception
  when foreign_key_violation or restrict_violation then perform set_config('kp.deleted', 'no', true);
end
$$;
select current_setting('kp.deleted') = 'no';

-- check: A6.3 each of the four owner columns holds on to its user
-- expect: true
select count(*) = 4
from pg_constraint c
join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
where c.contype = 'f'
  and c.confrelid = 'auth.users'::regclass
  and c.confdeltype = 'r'
  and c.convalidated
  and a.attname = 'owner_user_id'
  and c.conrelid in (
    'public.organizations'::regclass, 'public.contacts'::regclass,
    'public.opportunities'::regclass, 'public.interactions'::regclass
  );

-- check: A6.4 once an admin has reassigned the data of a user, the user is deleted
-- given: a pipeline of two owners
-- expect: true
-- as: user dora@check.test
select admin_reassign_user_data('a0000000-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-00000000000b');
-- as: deployer
with gone as (
  delete from auth.users where id = 'a0000000-0000-4000-8000-00000000000a' returning id
)
select count(*) = 1 from gone;

-- check: A6.4 reassigning moves soft-deleted rows too, fires no sync, and moves nothing twice
-- given: a pipeline of two owners
-- expect: value organizations 2, contacts 2, opportunities 3, interactions 3; 0
update opportunities set last_sync_at = '2001-01-01' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select set_config(
  'kp.moved',
  (
    select string_agg(table_name || ' ' || rows_moved, ', ' order by ordinality)
    from reassign_user_data('a0000000-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-00000000000b') with ordinality
  ),
  true
);
select current_setting('kp.moved') || '; ' || sum(rows_moved)
from reassign_user_data('a0000000-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-00000000000b')
where (select last_sync_at = '2001-01-01' from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001');

-- check: A6.4 reassigning to the same user is refused
-- given: the people
-- expect: error 22023
select reassign_user_data('a0000000-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-00000000000a');

-- check: A6.4 reassigning to nobody is refused
-- given: the people
-- expect: error 23503
select reassign_user_data('a0000000-0000-4000-8000-00000000000a', 'a1000000-0000-4000-8000-000000000099');

-- check: A6.5 a user who is no admin reassigns nothing
-- given: a pipeline of two owners
-- expect: error 42501
-- as: user ada@check.test
select admin_reassign_user_data('a0000000-0000-4000-8000-00000000000b', 'a0000000-0000-4000-8000-00000000000a');

-- check: A6.5 not even an admin calls reassign_user_data
-- given: a pipeline of two owners
-- expect: error 42501
-- as: user dora@check.test
select reassign_user_data('a0000000-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-00000000000b');

-- check: A6.5 user_metadata makes nobody an admin
-- given: a pipeline of two owners
-- expect: error 42501
update auth.users set raw_user_meta_data = '{"role": "admin"}' where id = 'a0000000-0000-4000-8000-00000000000b';
-- as: user ben@check.test
select set_config(
  'request.jwt.claims',
  (current_setting('request.jwt.claims')::jsonb || '{"user_metadata": {"role": "admin"}}')::text,
  true
);
select admin_reassign_user_data('a0000000-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-00000000000b');

-- check: A6.6 the three probes of a signed-in user take less than 200 ms
-- On whatever the database holds; bench:kitchenpantry measures at load size.
-- given: a pipeline of two owners
-- expect: true
-- as: user ada@check.test
do $$
declare
  durations numeric[];
  started timestamptz;
begin
  for n in 1..20 loop
    started := clock_timestamp();
    perform count(*) from organizations;
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;

    started := clock_timestamp();
    perform o.opportunity_id, org.name
    from opportunities o
    join organizations org on org.organization_id = o.organization_id
    limit 10;
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;

    started := clock_timestamp();
    perform o.opportunity_id from opportunities o where o.owner_user_id = 'a0000000-0000-4000-8000-00000000000a';
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;
  end loop;
  perform set_config(
    'kp.p95',
    (select percentile_cont(0.95) within group (order by d)::text from unnest(durations) d),
    true
  );
end
$$;
select current_setting('kp.p95')::numeric < 200;

-- check: A6.7 a signed-in user reaches opportunities by an owner index
-- With sequential scans discouraged the plan tells whether the policy can use the index at all,
-- whatever the size; bench:kitchenpantry reads the plans at load size.
-- given: a pipeline of two owners
-- expect: true
-- as: user ada@check.test
set local enable_seqscan = off;
do $$
declare
  plan text := '';
  line text;
begin
  for line in explain select opportunity_id from opportunities loop
    plan := plan || line || ' ';
  end loop;
  perform set_config('kp.plan', plan, true);
end
$$;
select current_setting('kp.plan') ~ 'Index Cond: \(+owner_user_id = '
  and current_setting('kp.plan') !~ 'Seq Scan on opportunities';

-- check: A6.7 the indexes of the policies are there and valid
-- expect: true
select count(*) = 3 and bool_and(x.indisvalid and pg_get_expr(x.indpred, x.indrelid) = '(deleted_at IS NULL)')
from pg_index x
where x.indexrelid in (
  to_regclass('public.idx_opportunities_owner_deleted'),
  to_regclass('public.idx_interactions_composite'),
  to_regclass('public.idx_organizations_owner_deleted')
);

-- check: A6.8 row security costs a query less than 50 ms
-- On whatever the database holds; bench:kitchenpantry measures at load size.
-- given: a pipeline of two owners
-- expect: true
-- as: service_role
do $$
declare
  durations numeric[];
  started timestamptz;
begin
  for n in 1..20 loop
    started := clock_timestamp();
    perform count(*) from organizations;
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;

    started := clock_timestamp();
    perform o.opportunity_id, org.name
    from opportunities o
    join organizations org on org.organization_id = o.organization_id
    limit 10;
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;

    started := clock_timestamp();
    perform o.opportunity_id from opportunities o where o.owner_user_id = 'a0000000-0000-4000-8000-00000000000a';
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;
  end loop;
  perform set_config(
    'kp.bypass',
    (select percentile_cont(0.95) within group (order by d)::text from unnest(durations) d),
    true
  );
end
$$;
-- as: user ada@check.test
do $$
declare
  durations numeric[];
  started timestamptz;
begin
  for n in 1..20 loop
    started := clock_timestamp();
    perform count(*) from organizations;
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;

    started := clock_timestamp();
    perform o.opportunity_id, org.name
    from opportunities o
    join organizations org on org.organization_id = o.organization_id
    limit 10;
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;

    started := clock_timestamp();
    perform o.opportunity_id from opportunities o where o.owner_user_id = 'a0000000-0000-4000-8000-00000000000a';
    durations := durations || extract(epoch from clock_timestamp() - started) * 1000;
  end loop;
  perform set_config(
    'kp.scoped',
    (select percentile_cont(0.95) within group (order by d)::text from unnest(durations) d),
    true
  );
end
$$;
select current_setting('kp.scoped')::numeric - current_setting('kp.bypass')::numeric < 50;

-- check: A6.9 all six tables can be soft-deleted, and every policy on them asks for live rows
-- expect: true
select
  (
    select count(*) = 6
    from pg_attribute
    where attrelid in (
        'public.organizations'::regclass, 'public.contacts'::regclass, 'public.products'::regclass,
        'public.product_distributors'::regclass, 'public.opportunities'::regclass, 'public.interactions'::regclass
      )
      and attname = 'deleted_at'
      and not attisdropped
  )
  and not exists (
    select
    from pg_policies
    where schemaname = 'public'
      and tablename in ('organizations', 'contacts', 'products', 'product_distributors', 'opportunities', 'interactions')
      and (
        coalesce(qual, 'deleted_at IS NULL') not like '%deleted_at IS NULL%'
        or coalesce(with_check, 'deleted_at IS NULL') not like '%deleted_at IS NULL%'
      )
  );

-- check: A6.10 soft-deleted rows are invisible to their owner
-- given: a pipeline of two owners
-- expect: value 0 0 0 0 0 0
-- as: user ada@check.test
select soft_delete('interactions', 'a5000000-0000-4000-8000-000000000001');
select soft_delete('opportunities', 'a4000000-0000-4000-8000-000000000001');
select soft_delete('opportunities', 'a4000000-0000-4000-8000-000000000003');
select soft_delete('contacts', 'a3000000-0000-4000-8000-000000000001');
select soft_delete('product_distributors', 'a2000000-0000-4000-8000-000000000001', false, 'a1000000-0000-4000-8000-000000000005');
select soft_delete('products', 'a2000000-0000-4000-8000-000000000001');
select soft_delete('organizations', 'a1000000-0000-4000-8000-000000000001');
select concat_ws(
  ' ',
  (select count(*) from interactions where opportunity_id in ('a4000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000004')),
  (select count(*) from opportunities where owner_user_id = 'a0000000-0000-4000-8000-00000000000a'),
  (select count(*) from contacts where organization_id = 'a1000000-0000-4000-8000-000000000001'),
  (select count(*) from product_distributors where product_id = 'a2000000-0000-4000-8000-000000000001'),
  (select count(*) from products where principal_org_id = 'a1000000-0000-4000-8000-000000000001'),
  (select count(*) from organizations where owner_user_id = 'a0000000-0000-4000-8000-00000000000a')
);

-- check: A6.10 soft-deleted rows are in no view
-- As the deployer, whom no policy filters.
-- given: a pipeline of two owners
-- expect: value v_org_roles 0, latest_interaction 0, pipeline_full 0, org_principal_summary 0
select soft_delete('organizations', 'a1000000-0000-4000-8000-000000000001', true);
select concat_ws(
  ', ',
  'v_org_roles ' || (select count(*) from v_org_roles where organization_id in ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000004')),
  'latest_interaction ' || (select count(*) from reporting.latest_interaction where opportunity_id = 'a4000000-0000-4000-8000-000000000001'),
  'pipeline_full ' || (select count(*) from reporting.pipeline_full where organization_id = 'a1000000-0000-4000-8000-000000000001'),
  'org_principal_summary ' || (
    select count(*) from reporting.org_principal_summary where principal_org_id in ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000004')
  )
);

-- check: A6.10 labels of soft-deleted rows leave the pipeline, and the row stays
-- given: a pipeline of two owners
-- expect: value Check of Ada - - -
update opportunities
set principal_org_id = null, product_id = 'a2000000-0000-4000-8000-000000000003', contact_id = 'a3000000-0000-4000-8000-000000000001', distributor_org_id = 'a1000000-0000-4000-8000-000000000005'
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select soft_delete('contacts', 'a3000000-0000-4000-8000-000000000001');
select soft_delete('products', 'a2000000-0000-4000-8000-000000000003');
select soft_delete('organizations', 'a1000000-0000-4000-8000-000000000005');
select concat_ws(
  ' ', opportunity_name, coalesce(contact_name, '-'), coalesce(product_name, '-'), coalesce(distributor_name::text, '-')
)
from reporting.pipeline_full
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A6.10 a plain update is no way to soft-delete
-- given: a pipeline of two owners
-- expect: error 42501
-- as: user ada@check.test
update opportunities set deleted_at = now() where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A6.10 soft-deleting the latest interaction resyncs, restoring it resyncs back
-- given: a pipeline of two owners
-- expect: value new_lead, initial_outreach
insert into interactions (interaction_id, opportunity_id, interaction_type, subject, stage, interaction_date, owner_user_id)
values ('a5000000-0000-4000-8000-000000000005', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check later', 'initial_outreach', now() + interval '1 minute', 'a0000000-0000-4000-8000-00000000000a');
-- as: user ada@check.test
select soft_delete('interactions', 'a5000000-0000-4000-8000-000000000005');
select set_config('kp.without', stage, true) from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select restore_deleted('interactions', 'a5000000-0000-4000-8000-000000000005');
select current_setting('kp.without') || ', ' || stage from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A6.10 an organization with live opportunities is not soft-deleted
-- given: a pipeline of two owners
-- expect: error 23503
-- as: user ada@check.test
select soft_delete('organizations', 'a1000000-0000-4000-8000-000000000001');

-- check: A6.10 an opportunity with live interactions is not soft-deleted
-- given: a pipeline of two owners
-- expect: error 23503
-- as: user ada@check.test
select soft_delete('opportunities', 'a4000000-0000-4000-8000-000000000001');

-- check: A6.10 with cascade an organization takes what it has along
-- given: a pipeline of two owners
-- expect: value 0 0 0
-- as: user ada@check.test
select soft_delete('organizations', 'a1000000-0000-4000-8000-000000000001', true);
-- as: deployer
select concat_ws(
  ' ',
  (select count(*) from opportunities where organization_id = 'a1000000-0000-4000-8000-000000000001' and deleted_at is null),
  (select count(*) from interactions where opportunity_id = 'a4000000-0000-4000-8000-000000000001' and deleted_at is null),
  (select count(*) from contacts where organization_id = 'a1000000-0000-4000-8000-000000000001' and deleted_at is null)
);

-- check: A6.10 a user soft-deletes nothing of another's
-- given: a pipeline of two owners
-- expect: value organizations contacts products product_distributors opportunities interactions
-- as: user ben@check.test
do $$
declare
  refused text[] := '{}';
  target record;
begin
  for target in values
    ('organizations', 'a1000000-0000-4000-8000-000000000001'), ('contacts', 'a3000000-0000-4000-8000-000000000001'), ('products', 'a2000000-0000-4000-8000-000000000001'),
    ('product_distributors', 'a2000000-0000-4000-8000-000000000001'), ('opportunities', 'a4000000-0000-4000-8000-000000000001'), ('interactions', 'a5000000-0000-4000-8000-000000000001')
  loop
    begin
      perform soft_delete(target.column1, target.column2::uuid, true, 'a1000000-0000-4000-8000-000000000005');
    exception
      when insufficient_privilege then refused := refused || target.column1;
    end;
  end loop;
  perform set_config('kp.refused', array_to_string(refused, ' '), true);
end
$$;
select current_setting('kp.refused');

-- check: A6.10 an admin soft-deletes for others, but no interaction
-- given: a pipeline of two owners
-- expect: error 42501
-- as: user dora@check.test
select soft_delete('contacts', 'a3000000-0000-4000-8000-000000000001');
select soft_delete('interactions', 'a5000000-0000-4000-8000-000000000001');

-- check: A6.10 a name is free again after soft deletion
-- given: a pipeline of two owners
-- expect: true
insert into organizations (name) values ('Check deleted');
insert into contacts (organization_id, first_name, last_name, email, is_primary_contact, deleted_at)
values ('a1000000-0000-4000-8000-000000000001', 'One', 'Gone', 'one@check.test', true, now());
insert into contacts (organization_id, first_name, last_name, email, is_primary_contact)
values ('a1000000-0000-4000-8000-000000000001', 'One', 'New', 'one@check.test', true);
insert into products (principal_org_id, name, sku, category, deleted_at)
values ('a1000000-0000-4000-8000-000000000001', 'Check sku', 'CK-1', 'dairy', now());
insert into products (principal_org_id, name, sku, category) values ('a1000000-0000-4000-8000-000000000001', 'Check sku', 'CK-1', 'dairy');
update product_distributors set is_primary = true where product_id = 'a2000000-0000-4000-8000-000000000001';
select true;

-- check: A6.10 restoring past a name that is taken by now is refused
-- given: a pipeline of two owners
-- expect: error 23505
insert into organizations (name) values ('Check deleted');
select restore_deleted('organizations', 'a1000000-0000-4000-8000-000000000004');

-- check: A6.11 anon reads nothing anywhere
-- given: a pipeline of two owners
-- expect: value nowhere
-- as: anon
do $$
declare
  leaks text[] := '{}';
  relation text;
  n bigint;
begin
  for relation in
    select format('%I.%I', ns.nspname, c.relname)
    from pg_class c
    join pg_namespace ns on ns.oid = c.relnamespace
    where ns.nspname in ('public', 'reporting') and c.relkind in ('r', 'p', 'v', 'm')
  loop
    begin
      execute 'select count(*) from ' || relation into n;
      if n > 0 then
        leaks := leaks || relation;
      end if;
    exception
      when insufficient_privilege then null;
    end;
  end loop;
  perform set_config('kp.leaks', array_to_string(leaks, ' '), true);
end
$$;
select coalesce(nullif(current_setting('kp.leaks'), ''), 'nowhere');

-- check: A6.11 anon calls no function and writes no table
-- expect: no rows
select p.oid::regprocedure::text
from pg_proc p
where p.pronamespace = 'public'::regnamespace and has_function_privilege('anon', p.oid, 'execute')
union all
select c.oid::regclass::text
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p', 'v')
  and has_table_privilege('anon', c.oid, 'select, insert, update, delete, truncate');

-- check: A6.12 in an emergency the service role sees past row security
-- given: a pipeline of two owners
-- expect: true
-- as: service_role
select (select rolbypassrls from pg_roles where rolname = 'service_role')
  and (select count(*) from organizations where name like 'Check %') = 5
  and (select count(*) from contacts where last_name in ('Ada', 'Ben', 'All', 'Nobody')) >= 4
  and (select count(*) from products where name like 'Check %') = 4
  and (select count(*) from product_distributors) >= 4
  and (select count(*) from opportunities where name like 'Check %') = 4
  and (select count(*) from interactions where subject like 'Check %') = 4
  and (select count(*) from stage_lu) >= 5
  and (select count(*) from reporting.pipeline_full where opportunity_name like 'Check %') = 3;

-- check: A6.13 no policy runs in circles
-- given: a pipeline of two owners
-- expect: true
-- as: user ada@check.test
do $$
declare
  relation text;
begin
  for relation in
    select format('%I.%I', ns.nspname, c.relname)
    from pg_class c
    join pg_namespace ns on ns.oid = c.relnamespace
    where ns.nspname in ('public', 'reporting')
      and c.relkind in ('r', 'p', 'v')
      and has_table_privilege(c.oid, 'select')
  loop
    execute 'select count(*) from ' || relation;
  end loop;
end
$$;
select true;

-- check: V1 what a user creates is visible to that user alone
-- given: the people
-- given: the lookups
-- expect: value 1 1 1 1, 0 0 0 0
insert into organizations (organization_id, name) values ('a1000000-0000-4000-8000-000000000003', 'Check shared');
-- as: user ada@check.test
insert into organizations (organization_id, name, owner_user_id) values ('a1000000-0000-4000-8000-000000000001', 'Check of Ada', 'a0000000-0000-4000-8000-00000000000a');
insert into contacts (contact_id, organization_id, first_name, last_name, owner_user_id)
values ('a3000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'Of', 'Ada', 'a0000000-0000-4000-8000-00000000000a');
insert into opportunities (opportunity_id, organization_id, contact_id, principal_org_id, name)
values ('a4000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'a3000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'Check of Ada');
insert into interactions (interaction_id, opportunity_id, interaction_type, subject, stage)
values ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check of Ada', 'initial_outreach');
select set_config(
  'kp.ada',
  concat_ws(
    ' ',
    (select count(*) from organizations where organization_id = 'a1000000-0000-4000-8000-000000000001'),
    (select count(*) from contacts where contact_id = 'a3000000-0000-4000-8000-000000000001'),
    (select count(*) from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001' and stage = 'initial_outreach'),
    (select count(*) from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000001')
  ),
  true
);
-- as: user ben@check.test
select concat_ws(
  ' ',
  current_setting('kp.ada') || ',',
  (select count(*) from organizations where organization_id = 'a1000000-0000-4000-8000-000000000001'),
  (select count(*) from contacts where contact_id = 'a3000000-0000-4000-8000-000000000001'),
  (select count(*) from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001'),
  (select count(*) from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000001')
);

-- check: V2 a user sees nothing of another's, unless the organization is shared
-- given: a pipeline of two owners
-- expect: value Check shared; Of All; Check shared; 0; 0
-- as: user cleo@check.test
select concat_ws(
  '; ',
  (select string_agg(name, ', ') from organizations where organization_id in ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000004')),
  (select string_agg(full_name, ', ') from contacts where contact_id in ('a3000000-0000-4000-8000-000000000001', 'a3000000-0000-4000-8000-000000000002', 'a3000000-0000-4000-8000-000000000003', 'a3000000-0000-4000-8000-000000000004')),
  (select string_agg(name, ', ') from products where name like 'Check %'),
  (select count(*) from opportunities where name like 'Check %'),
  (select count(*) from interactions where subject like 'Check %')
);

-- check: V3 opportunity owner and interaction owner see an interaction, nobody else does
-- given: a pipeline of two owners
-- expect: value 1 1 0
-- as: user ada@check.test
select set_config('kp.ada', count(*)::text, true) from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000003';
-- as: user ben@check.test
select set_config('kp.ben', count(*)::text, true) from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000003';
-- as: user cleo@check.test
select concat_ws(' ', current_setting('kp.ada'), current_setting('kp.ben'), count(*)) from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000003';

-- check: V3 the opportunity owner edits a driver after 25 hours, under row security
-- given: a pipeline of two owners
-- expect: value closed_lost
update interactions set created_at = now() - interval '25 hours' where interaction_id = 'a5000000-0000-4000-8000-000000000003';
-- as: user ben@check.test
update interactions set stage = 'closed_lost', interaction_date = now() + interval '1 minute'
where interaction_id = 'a5000000-0000-4000-8000-000000000003';
select stage from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000002';

-- check: V3 the interaction owner edits a driver within 24 hours, under row security
-- given: a pipeline of two owners
-- expect: value closed_lost
-- as: user ada@check.test
update interactions set stage = 'closed_lost', interaction_date = now() + interval '1 minute' where interaction_id = 'a5000000-0000-4000-8000-000000000003';
-- as: deployer
select stage from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000002';

-- check: V3 the interaction owner edits no driver after 24 hours, under row security
-- given: a pipeline of two owners
-- expect: error 42501
update interactions set created_at = now() - interval '24 hours 1 minute' where interaction_id = 'a5000000-0000-4000-8000-000000000003';
-- as: user ada@check.test
update interactions set stage = 'closed_lost' where interaction_id = 'a5000000-0000-4000-8000-000000000003';

-- check: V3 a third user changes nothing, under row security
-- given: a pipeline of two owners
-- expect: value 0 0
-- as: user cleo@check.test
with
  edited as (
    update interactions set stage = 'closed_lost' where interaction_id = 'a5000000-0000-4000-8000-000000000003' returning 1
  ),
  deleted as (
    delete from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000002' returning 1
  )
select concat_ws(' ', (select count(*) from edited), (select count(*) from deleted));

-- check: V3 nobody adds an interaction to an opportunity of another
-- given: a pipeline of two owners
-- expect: error 42501
-- as: user ben@check.test
insert into interactions (opportunity_id, interaction_type, subject, stage)
values ('a4000000-0000-4000-8000-000000000001', 'call', 'Check push', 'closed_lost');

-- check: V4 a manual stage, switched on by its owner, stays
-- given: a pipeline of two owners
-- expect: value new_lead on_hold true
-- as: user ada@check.test
update opportunities set stage_manual = true where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions (opportunity_id, interaction_type, subject, stage, status)
values ('a4000000-0000-4000-8000-000000000001', 'call', 'Check call', 'initial_outreach', 'on_hold');
update interactions set stage = 'closed_lost' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select concat_ws(' ', stage, status, stage_manual::text) from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: V5 after admin_reassign_user_data Ada's records are Ben's
-- given: a pipeline of two owners
-- expect: value 0 0 0 0, 2 2 3 3
-- as: user dora@check.test
select admin_reassign_user_data('a0000000-0000-4000-8000-00000000000a', 'a0000000-0000-4000-8000-00000000000b');
-- as: deployer
select concat_ws(
  ' ',
  (select count(*) from organizations where owner_user_id = 'a0000000-0000-4000-8000-00000000000a'),
  (select count(*) from contacts where owner_user_id = 'a0000000-0000-4000-8000-00000000000a'),
  (select count(*) from opportunities where owner_user_id = 'a0000000-0000-4000-8000-00000000000a'),
  (select count(*) from interactions where owner_user_id = 'a0000000-0000-4000-8000-00000000000a') || ',',
  (select count(*) from organizations where organization_id in ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000004') and owner_user_id = 'a0000000-0000-4000-8000-00000000000b'),
  (select count(*) from contacts where contact_id in ('a3000000-0000-4000-8000-000000000001', 'a3000000-0000-4000-8000-000000000004') and owner_user_id = 'a0000000-0000-4000-8000-00000000000b'),
  (select count(*) from opportunities where opportunity_id in ('a4000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000003', 'a4000000-0000-4000-8000-000000000004') and owner_user_id = 'a0000000-0000-4000-8000-00000000000b'),
  (select count(*) from interactions where interaction_id in ('a5000000-0000-4000-8000-000000000001', 'a5000000-0000-4000-8000-000000000003', 'a5000000-0000-4000-8000-000000000004') and owner_user_id = 'a0000000-0000-4000-8000-00000000000b')
);

-- fixture: a probe of one table
-- Answers with a line of the matrix, for rows that are there and rows to insert, each a label and its SQL.
-- It runs as whoever calls it, so it meets the policies as the user does.
create function pg_temp.probe(relation text, change text, existing text[], added text[]) returns text
  language plpgsql
as $$
declare
  got text := '';
  target text[];
  n integer;
begin
  foreach target slice 1 in array existing loop
    execute 'select count(*) from ' || relation || ' where ' || target[2] into n;
    got := got || target[1] || ':' || n;
    begin
      execute 'update ' || relation || ' set ' || change || ' where ' || target[2];
      get diagnostics n = row_count;
      got := got || ',' || n;
    exception
      when insufficient_privilege then got := got || ',-';
    end;
    begin
      execute 'delete from ' || relation || ' where ' || target[2];
      get diagnostics n = row_count;
      got := got || ',' || n || ' ';
    exception
      when insufficient_privilege then got := got || ',- ';
    end;
  end loop;
  foreach target slice 1 in array added loop
    begin
      execute 'insert into ' || relation || ' ' || target[2];
      got := got || '+' || target[1] || ' ';
    exception
      when insufficient_privilege then got := got || '-' || target[1] || ' ';
    end;
  end loop;
  return trim(got);
end
$$;

-- check: V6 organizations
-- given: a pipeline of two owners
-- given: a probe of one table
-- expect: value ada:1,1,- ben:0,0,- shared:1,0,- deleted:0,0,- +ada -ben -shared -deleted
-- as: user ada@check.test
select pg_temp.probe(
  'organizations',
  $$city = 'Here'$$,
  array[
    ['ada', $$organization_id = 'a1000000-0000-4000-8000-000000000001'$$],
    ['ben', $$organization_id = 'a1000000-0000-4000-8000-000000000002'$$],
    ['shared', $$organization_id = 'a1000000-0000-4000-8000-000000000003'$$],
    ['deleted', $$organization_id = 'a1000000-0000-4000-8000-000000000004'$$]
  ],
  array[
    ['ada', $$(name, owner_user_id) values ('Check new', 'a0000000-0000-4000-8000-00000000000a')$$],
    ['ben', $$(name, owner_user_id) values ('Check other', 'a0000000-0000-4000-8000-00000000000b')$$],
    ['shared', $$(name) values ('Check for all')$$],
    ['deleted', $$(name, owner_user_id, deleted_at) values ('Check gone', 'a0000000-0000-4000-8000-00000000000a', now())$$]
  ]
);

-- check: V6 contacts
-- given: a pipeline of two owners
-- given: a probe of one table
-- expect: value ada:1,1,- ben:0,0,- shared:1,0,- deleted:0,0,- +ada -ben -shared -deleted +in_shared -in_bens
-- as: user ada@check.test
select pg_temp.probe(
  'contacts',
  $$title = 'Chef'$$,
  array[
    ['ada', $$contact_id = 'a3000000-0000-4000-8000-000000000001'$$],
    ['ben', $$contact_id = 'a3000000-0000-4000-8000-000000000002'$$],
    ['shared', $$contact_id = 'a3000000-0000-4000-8000-000000000003'$$],
    ['deleted', $$contact_id = 'a3000000-0000-4000-8000-000000000004'$$]
  ],
  array[
    ['ada', $$(organization_id, first_name, last_name, owner_user_id) values ('a1000000-0000-4000-8000-000000000001', 'A', 'B', 'a0000000-0000-4000-8000-00000000000a')$$],
    ['ben', $$(organization_id, first_name, last_name, owner_user_id) values ('a1000000-0000-4000-8000-000000000001', 'A', 'B', 'a0000000-0000-4000-8000-00000000000b')$$],
    ['shared', $$(organization_id, first_name, last_name) values ('a1000000-0000-4000-8000-000000000003', 'A', 'B')$$],
    ['deleted', $$(organization_id, first_name, last_name, owner_user_id, deleted_at) values ('a1000000-0000-4000-8000-000000000001', 'A', 'B', 'a0000000-0000-4000-8000-00000000000a', now())$$],
    ['in_shared', $$(organization_id, first_name, last_name, owner_user_id) values ('a1000000-0000-4000-8000-000000000003', 'A', 'B', 'a0000000-0000-4000-8000-00000000000a')$$],
    ['in_bens', $$(organization_id, first_name, last_name, owner_user_id) values ('a1000000-0000-4000-8000-000000000002', 'A', 'B', 'a0000000-0000-4000-8000-00000000000a')$$]
  ]
);

-- check: V6 products
-- given: a pipeline of two owners
-- given: a probe of one table
-- expect: value ada:1,1,- ben:0,0,- shared:1,0,- deleted:0,0,- +ada -ben -shared -deleted
-- as: user ada@check.test
select pg_temp.probe(
  'products',
  $$description = 'Seen'$$,
  array[
    ['ada', $$product_id = 'a2000000-0000-4000-8000-000000000001'$$],
    ['ben', $$product_id = 'a2000000-0000-4000-8000-000000000002'$$],
    ['shared', $$product_id = 'a2000000-0000-4000-8000-000000000003'$$],
    ['deleted', $$product_id = 'a2000000-0000-4000-8000-000000000004'$$]
  ],
  array[
    ['ada', $$(principal_org_id, name, category) values ('a1000000-0000-4000-8000-000000000001', 'Check ada', 'dairy')$$],
    ['ben', $$(principal_org_id, name, category) values ('a1000000-0000-4000-8000-000000000002', 'Check ben', 'dairy')$$],
    ['shared', $$(principal_org_id, name, category) values ('a1000000-0000-4000-8000-000000000003', 'Check shared', 'dairy')$$],
    ['deleted', $$(principal_org_id, name, category, deleted_at) values ('a1000000-0000-4000-8000-000000000001', 'Check deleted', 'dairy', now())$$]
  ]
);

-- check: V6 product_distributors
-- given: a pipeline of two owners
-- given: a probe of one table
-- expect: value ada:1,1,1 ben:0,0,0 shared:1,0,0 deleted:0,0,0 +ada -ben -shared -deleted
-- as: user ada@check.test
select pg_temp.probe(
  'product_distributors',
  $$notes = 'Seen'$$,
  array[
    ['ada', $$product_id = 'a2000000-0000-4000-8000-000000000001' and distributor_org_id = 'a1000000-0000-4000-8000-000000000005'$$],
    ['ben', $$product_id = 'a2000000-0000-4000-8000-000000000002'$$],
    ['shared', $$product_id = 'a2000000-0000-4000-8000-000000000003'$$],
    ['deleted', $$product_id = 'a2000000-0000-4000-8000-000000000001' and distributor_org_id = 'a1000000-0000-4000-8000-000000000003'$$]
  ],
  array[
    ['ada', $$(product_id, distributor_org_id) values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000005')$$],
    ['ben', $$(product_id, distributor_org_id) values ('a2000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000003')$$],
    ['shared', $$(product_id, distributor_org_id) values ('a2000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000001')$$],
    ['deleted', $$(product_id, distributor_org_id, deleted_at) values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', now())$$]
  ]
);

-- check: V6 opportunities
-- given: a pipeline of two owners
-- given: a probe of one table
-- expect: value ada:1,1,- ben:0,0,- on_shared:1,1,- deleted:0,0,- +ada -ben +on_shared -deleted -on_bens
-- as: user ada@check.test
select pg_temp.probe(
  'opportunities',
  $$description = 'Seen'$$,
  array[
    ['ada', $$opportunity_id = 'a4000000-0000-4000-8000-000000000001'$$],
    ['ben', $$opportunity_id = 'a4000000-0000-4000-8000-000000000002'$$],
    ['on_shared', $$opportunity_id = 'a4000000-0000-4000-8000-000000000003'$$],
    ['deleted', $$opportunity_id = 'a4000000-0000-4000-8000-000000000004'$$]
  ],
  array[
    ['ada', $$(organization_id, principal_org_id, name, owner_user_id, deleted_at) values ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'Check new', 'a0000000-0000-4000-8000-00000000000a', null)$$],
    ['ben', $$(organization_id, principal_org_id, name, owner_user_id, deleted_at) values ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'Check new', 'a0000000-0000-4000-8000-00000000000b', null)$$],
    ['on_shared', $$(organization_id, principal_org_id, name, owner_user_id, deleted_at) values ('a1000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000003', 'Check new', 'a0000000-0000-4000-8000-00000000000a', null)$$],
    ['deleted', $$(organization_id, principal_org_id, name, owner_user_id, deleted_at) values ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'Check new', 'a0000000-0000-4000-8000-00000000000a', now())$$],
    ['on_bens', $$(organization_id, principal_org_id, name, owner_user_id, deleted_at) values ('a1000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000003', 'Check new', 'a0000000-0000-4000-8000-00000000000a', null)$$]
  ]
);

-- check: V6 interactions
-- given: a pipeline of two owners
-- given: a probe of one table
-- expect: value ada:1,1,1 ben:0,0,0 for_ben:1,1,1 deleted:0,0,0 +ada +for_ada -ben -deleted
-- as: user ada@check.test
select pg_temp.probe(
  'interactions',
  $$notes = 'Seen'$$,
  array[
    ['ada', $$interaction_id = 'a5000000-0000-4000-8000-000000000001'$$],
    ['ben', $$interaction_id = 'a5000000-0000-4000-8000-000000000002'$$],
    ['for_ben', $$interaction_id = 'a5000000-0000-4000-8000-000000000003'$$],
    ['deleted', $$interaction_id = 'a5000000-0000-4000-8000-000000000004'$$]
  ],
  array[
    ['ada', $$(opportunity_id, interaction_type, subject, owner_user_id, deleted_at) values ('a4000000-0000-4000-8000-000000000001', 'call', 'Check new', 'a0000000-0000-4000-8000-00000000000a', null)$$],
    ['for_ada', $$(opportunity_id, interaction_type, subject, owner_user_id, deleted_at) values ('a4000000-0000-4000-8000-000000000001', 'call', 'Check new', 'a0000000-0000-4000-8000-00000000000b', null)$$],
    ['ben', $$(opportunity_id, interaction_type, subject, owner_user_id, deleted_at) values ('a4000000-0000-4000-8000-000000000002', 'call', 'Check new', 'a0000000-0000-4000-8000-00000000000a', null)$$],
    ['deleted', $$(opportunity_id, interaction_type, subject, owner_user_id, deleted_at) values ('a4000000-0000-4000-8000-000000000001', 'call', 'Check new', 'a0000000-0000-4000-8000-00000000000a', now())$$]
  ]
);

-- check: V6 ownership is never given away by an update
-- given: a pipeline of two owners
-- expect: value organizations opportunities
-- as: user ada@check.test
do $$
declare
  refused text[] := '{}';
  owned text;
begin
  foreach owned in array array['organizations', 'opportunities'] loop
    begin
      execute format('update %I set owner_user_id = $1 where owner_user_id = $2', owned) using 'a0000000-0000-4000-8000-00000000000b'::uuid, 'a0000000-0000-4000-8000-00000000000a'::uuid;
    exception
      when insufficient_privilege then refused := refused || owned;
    end;
  end loop;
  perform set_config('kp.refused', array_to_string(refused, ' '), true);
end
$$;
select current_setting('kp.refused');

-- check: V6 lookups are read by everybody signed in and written by nobody
-- given: the lookups
-- given: the people
-- expect: true
-- as: user ada@check.test
do $$
declare
  lookup text;
begin
  perform 1 from stage_lu where code = 'new_lead';
  if not found then
    raise exception 'lookups cannot be read';
  end if;
  foreach lookup in array array['stage_lu', 'status_lu', 'interaction_type_lu', 'source_lu', 'loss_reason_lu', 'state_lu'] loop
    if not has_table_privilege(lookup, 'select')
      or has_table_privilege(lookup, 'insert, update, delete, truncate')
      or not row_security_active(lookup)
    then
      raise exception '% is not read-only', lookup;
    end if;
  end loop;
end
$$;
select true;

-- check: V7 every view shows a user what the tables show
-- given: a pipeline of two owners
-- expect: value v_org_roles: Check distributor, Check of Ada, Check shared; latest_interaction: Check of Ada, Check of Ada for Ben; pipeline_full: Check of Ada, Check of Ada, shared customer; org_principal_summary: Check of Ada, Check shared
-- as: user ada@check.test
select concat_ws(
  '; ',
  'v_org_roles: ' || (select string_agg(name, ', ' order by name) from v_org_roles where name like 'Check %'),
  'latest_interaction: ' || (
    select string_agg(subject, ', ' order by subject) from reporting.latest_interaction where subject like 'Check %'
  ),
  'pipeline_full: ' || (
    select string_agg(opportunity_name, ', ' order by opportunity_name)
    from reporting.pipeline_full
    where opportunity_name like 'Check %'
  ),
  'org_principal_summary: ' || (
    select string_agg(principal_name, ', ' order by principal_name)
    from reporting.org_principal_summary
    where principal_name like 'Check %'
  )
);

-- check: V8 anon is refused in every table and view
-- given: a pipeline of two owners
-- expect: value nowhere
-- as: anon
do $$
declare
  open_to_anon text[] := '{}';
  relation text;
begin
  foreach relation in array array[
    'organizations', 'contacts', 'products', 'product_distributors', 'opportunities', 'interactions', 'stage_lu',
    'status_lu', 'interaction_type_lu', 'source_lu', 'loss_reason_lu', 'state_lu', 'v_org_roles',
    'reporting.latest_interaction', 'reporting.pipeline_full', 'reporting.org_principal_summary'
  ] loop
    begin
      execute 'select from ' || relation || ' limit 0';
      open_to_anon := open_to_anon || relation;
    exception
      when insufficient_privilege then null;
    end;
  end loop;
  perform set_config('kp.open', array_to_string(open_to_anon, ' '), true);
end
$$;
select coalesce(nullif(current_setting('kp.open'), ''), 'nowhere');
