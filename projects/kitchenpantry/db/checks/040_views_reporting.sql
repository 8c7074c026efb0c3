-- Phase 5. Read as the deployer, who sees every row; what a signed-in user sees is checked in phase 6.

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

-- fixture: a customer, a principal and its product
-- given: the people
-- given: the lookups
insert into organizations (organization_id, name, owner_user_id)
values
  ('a1000000-0000-4000-8000-000000000001', 'Check Customer', 'a0000000-0000-4000-8000-00000000000a'),
  ('a1000000-0000-4000-8000-000000000002', 'Check Principal', null),
  ('a1000000-0000-4000-8000-000000000003', 'Check Distributor', null);
insert into products (product_id, principal_org_id, name, category)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check Product', 'dairy');

-- fixture: one opportunity
-- given: a customer, a principal and its product
insert into opportunities (opportunity_id, organization_id, principal_org_id, name, owner_user_id)
values ('a4000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check Opportunity', 'a0000000-0000-4000-8000-00000000000a');

-- check: A5.1 the pipeline returns a row when there is data
-- given: one opportunity
-- expect: rows 1
select opportunity_id from reporting.pipeline_full limit 1;

-- check: A5.1 the pipeline names what belongs to an opportunity
-- given: a customer, a principal and its product
-- expect: value Check Customer, Ina Check, Check Principal, Check Product, Check Distributor, Check Distributor, Demo Scheduled, 700.00
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', true);
insert into contacts (contact_id, organization_id, first_name, last_name)
values ('a3000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'Ina', 'Check');
insert into opportunities
  (opportunity_id, organization_id, contact_id, product_id, distributor_org_id, name, stage, estimated_value, probability, owner_user_id)
values
  ('a4000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'a3000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'Check Opportunity', 'demo_scheduled', 1000, 70, 'a0000000-0000-4000-8000-00000000000a');
select concat_ws(
  ', ', organization_name, contact_name, principal_name, product_name, primary_distributor_name, distributor_name,
  stage_name, weighted_value
)
from reporting.pipeline_full
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A5.1 an opportunity is stale once its stage has waited too long
-- given: one opportunity
-- expect: value true false false
update opportunities set created_at = now() - interval '400 days' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select set_config('kp.old', is_stale::text, true) from reporting.pipeline_full where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', null, null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
select set_config('kp.fresh', is_stale::text, true) from reporting.pipeline_full where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', 'closed_lost', null, now() - interval '1 minute', 'a0000000-0000-4000-8000-00000000000a', now());
update interactions set interaction_date = interaction_date - interval '400 days' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select concat_ws(' ', current_setting('kp.old'), current_setting('kp.fresh'), is_stale::text)
from reporting.pipeline_full
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A5.2 a new interaction shows at once
-- given: one opportunity
-- expect: true
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'new_lead', null, now() - interval '2 hours', 'a0000000-0000-4000-8000-00000000000a', now());
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', 'initial_outreach', null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000003', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 03', 'closed_lost', null, now() - interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now());
select p.latest_interaction_id = 'a5000000-0000-4000-8000-000000000002'
  and p.latest_interaction_type = 'call'
  and p.days_since_last_interaction = 0
  and p.stage = 'initial_outreach'
  and l.interaction_id = 'a5000000-0000-4000-8000-000000000002'
from reporting.pipeline_full p
join reporting.latest_interaction l on l.opportunity_id = p.opportunity_id
where p.opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A5.3 the pipeline has one row for each live opportunity
-- deleted_at comes with phase 6, so it is asked for without being named.
-- given: one opportunity
-- expect: true
insert into organizations (organization_id, name) values ('a1000000-0000-4000-8000-000000000004', 'Check Second Distributor');
insert into product_distributors (product_id, distributor_org_id, is_primary)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', true), ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000004', false);
insert into opportunities (organization_id, product_id, name, owner_user_id)
values ('a1000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000001', 'Check Second', 'a0000000-0000-4000-8000-00000000000a');
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', null, null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', null, null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
select
  (select count(*) from reporting.pipeline_full) = count(*)
  and (select count(distinct opportunity_id) from reporting.pipeline_full) = count(*)
from opportunities o
where to_jsonb(o) ->> 'deleted_at' is null;

-- check: A5.4 every derived role is classified
-- given: one opportunity
-- expect: value Check Customer prospect, Check Distributor distributor, Check Principal principal, Check Winner customer
insert into organizations (organization_id, name) values ('a1000000-0000-4000-8000-000000000004', 'Check Winner');
insert into product_distributors (product_id, distributor_org_id) values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003');
insert into opportunities (organization_id, product_id, name, stage, owner_user_id)
values ('a1000000-0000-4000-8000-000000000004', 'a2000000-0000-4000-8000-000000000001', 'Check Won', 'closed_won', 'a0000000-0000-4000-8000-00000000000a');
select string_agg(name || ' ' || derived_role, ', ' order by name)
from v_org_roles
where organization_id in ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000003', 'a1000000-0000-4000-8000-000000000004');

-- check: A5.4 a principal is summed up
-- given: one opportunity
-- expect: value 1 product, 1 distributor, 1 open, 1 won, 1 lost, 500.00 open, 50.00 weighted
insert into product_distributors (product_id, distributor_org_id) values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003');
update opportunities set estimated_value = 500, probability = 10 where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into opportunities (organization_id, product_id, name, stage, estimated_value, owner_user_id)
values
  ('a1000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000001', 'Check Won', 'closed_won', 100, 'a0000000-0000-4000-8000-00000000000a'),
  ('a1000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000001', 'Check Lost', 'closed_lost', 100, 'a0000000-0000-4000-8000-00000000000a');
select format(
  '%s product, %s distributor, %s open, %s won, %s lost, %s open, %s weighted',
  product_count, distributor_count, open_opportunities, won, lost, open_value, weighted_value
)
from reporting.org_principal_summary
where principal_org_id = 'a1000000-0000-4000-8000-000000000002';

-- check: A5.5 every view shows its reader's rows, not its owner's
-- my_dashboard of phase 7 is the exception: it reads, as its owner, what its reader may not.
-- expect: no rows
select c.oid::regclass
from pg_class c
where c.relnamespace in ('public'::regnamespace, 'reporting'::regnamespace)
  and c.relkind = 'v'
  and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
  and c.oid is distinct from to_regclass('reporting.my_dashboard');

-- check: A5.5 the four views are there for signed-in users and not for anon
-- expect: true
select bool_and(
  has_table_privilege('authenticated', v, 'select')
  and not (has_table_privilege('anon', v, 'select') and has_schema_privilege('anon', split_part(v, '.', 1), 'usage'))
)
from unnest(array[
  'public.v_org_roles', 'reporting.latest_interaction', 'reporting.pipeline_full', 'reporting.org_principal_summary'
]) v;
