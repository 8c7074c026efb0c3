-- Phase 4. The identity of a user is set as claims alone: what the rules say must hold without row
-- security too, and signed-in users hold no grants before phase 6.

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

-- fixture: a call that puts it on hold
-- given: one opportunity
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'on_hold', now(), 'a0000000-0000-4000-8000-00000000000a', now());

-- fixture: a call that leaves it active
-- given: one opportunity
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000a', now());

-- fixture: a call of an hour ago and one of now
-- given: one opportunity
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'new_lead', null, now() - interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now());
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', 'initial_outreach', null, now(), 'a0000000-0000-4000-8000-00000000000a', now());

-- fixture: a call of Ben on Ada's opportunity
-- given: one opportunity
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000b', now());

-- fixture: a call of Ben on Ada's opportunity, 24 hours and a minute old
-- given: one opportunity
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000b', now() - interval '24 hours 1 minute');

-- check: A4.1 an opportunity without product and principal is refused
-- given: a customer, a principal and its product
-- expect: error 23514
insert into opportunities (organization_id, name, owner_user_id)
values ('a1000000-0000-4000-8000-000000000001', 'Check Opportunity', 'a0000000-0000-4000-8000-00000000000a');

-- check: A4.1 an opportunity has a product or a principal, and takes the principal of its product
-- given: a customer, a principal and its product
-- expect: true
insert into opportunities (organization_id, principal_org_id, product_id, name, owner_user_id)
values
  ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', null, 'Check by principal', 'a0000000-0000-4000-8000-00000000000a'),
  ('a1000000-0000-4000-8000-000000000001', null, 'a2000000-0000-4000-8000-000000000001', 'Check by product', 'a0000000-0000-4000-8000-00000000000a');
select count(*) = 2 and bool_and(principal_org_id is not distinct from 'a1000000-0000-4000-8000-000000000002')
from opportunities
where organization_id = 'a1000000-0000-4000-8000-000000000001';

-- check: A4.1 the principal of an opportunity is the principal of its product
-- given: a customer, a principal and its product
-- expect: error 23514
insert into opportunities (organization_id, principal_org_id, product_id, name, owner_user_id)
values ('a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'a2000000-0000-4000-8000-000000000001', 'Check Opportunity', 'a0000000-0000-4000-8000-00000000000a');

-- check: A4.2 a new interaction takes stage and status along
-- given: one opportunity
-- expect: value initial_outreach on_hold
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'on_hold', now(), 'a0000000-0000-4000-8000-00000000000a', now());
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.2 stage and status come each from the latest interaction that has one
-- given: one opportunity
-- expect: value initial_outreach on_hold
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now() - interval '2 hours', 'a0000000-0000-4000-8000-00000000000a', now());
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', null, 'on_hold', now() - interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now());
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000003', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 03', null, null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
update opportunities set stage = 'closed_lost', status = 'active' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select resync_opportunity('a4000000-0000-4000-8000-000000000001');
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.2 of two interactions at one moment the one created later is the latest
-- given: one opportunity
-- expect: value initial_outreach active
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', null, now() - interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now() - interval '1 minute');
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', 'new_lead', null, now() - interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now() - interval '2 minutes');
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.3 an update of a driver column resyncs
-- given: a call that leaves it active
-- expect: value closed_lost on_hold
update interactions set stage = 'closed_lost', status = 'on_hold' where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.3 an update of the date alone resyncs
-- given: a call of an hour ago and one of now
-- expect: value new_lead active
update interactions set interaction_date = now() - interval '2 hours' where interaction_id = 'a5000000-0000-4000-8000-000000000002';
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.3 a move to another opportunity resyncs both
-- given: a call of an hour ago and one of now
-- expect: value new_lead initial_outreach
insert into opportunities (opportunity_id, organization_id, principal_org_id, name, owner_user_id)
values ('a4000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check Second', 'a0000000-0000-4000-8000-00000000000a');
update interactions set opportunity_id = 'a4000000-0000-4000-8000-000000000002' where interaction_id = 'a5000000-0000-4000-8000-000000000002';
select string_agg(stage, ' ' order by name) from opportunities where organization_id = 'a1000000-0000-4000-8000-000000000001';

-- check: A4.3 an update of notes or subject leaves the opportunity alone
-- given: a call that leaves it active
-- expect: true
update opportunities set stage = 'closed_lost', last_sync_at = '2001-01-01' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
update interactions set notes = 'More', subject = 'Other' where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select stage = 'closed_lost' and last_sync_at = '2001-01-01' from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.3 last_sync_at tells of real changes only
-- given: one opportunity
-- expect: true
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now() - interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now());
update opportunities set last_sync_at = '2001-01-01' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000a', now());
select set_config('kp.first', last_sync_at::text, true) from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000003', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 03', 'closed_lost', null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
select current_setting('kp.first')::timestamptz = '2001-01-01' and last_sync_at = now()
from opportunities
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.4 without its latest interaction an opportunity falls back to the one before
-- given: one opportunity
-- expect: value new_lead active
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'new_lead', 'active', now() - interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now());
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', 'initial_outreach', 'on_hold', now(), 'a0000000-0000-4000-8000-00000000000a', now());
delete from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000002';
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.4 without any interaction an opportunity keeps what it has
-- given: a call that puts it on hold
-- expect: value initial_outreach on_hold
delete from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.5 a back-dated interaction does not override a later one
-- given: a call that puts it on hold
-- expect: value initial_outreach on_hold
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', 'closed_lost', 'active', now() - interval '3 days', 'a0000000-0000-4000-8000-00000000000a', now());
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.6 a manual stage stays, the status goes on following
-- given: one opportunity
-- expect: value new_lead on_hold
update opportunities set stage_manual = true where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000a', now());
update interactions set stage = 'closed_lost', status = 'on_hold' where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.6 a manual status stays, the stage goes on following
-- given: one opportunity
-- expect: value closed_lost active
update opportunities set status_manual = true where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000a', now());
update interactions set stage = 'closed_lost', status = 'on_hold' where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.7 the owner of the opportunity edits a driver after 25 hours
-- given: one opportunity
-- expect: value closed_lost active
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000b', now() - interval '25 hours');
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true);
update interactions set stage = 'closed_lost' where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.8 the owner of the interaction edits a driver after 23 hours 59 minutes
-- given: one opportunity
-- expect: value closed_lost active
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000b', now() - interval '23 hours 59 minutes');
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000b", "role": "authenticated"}', true);
update interactions set stage = 'closed_lost' where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.8 the owner of the interaction edits no driver after 24 hours 1 minute
-- given: a call of Ben on Ada's opportunity, 24 hours and a minute old
-- expect: error 42501
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000b", "role": "authenticated"}', true);
update interactions set stage = 'closed_lost' where interaction_id = 'a5000000-0000-4000-8000-000000000001';

-- check: A4.8 the owner of the interaction deletes nothing after 24 hours 1 minute
-- given: a call of Ben on Ada's opportunity, 24 hours and a minute old
-- expect: error 42501
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000b", "role": "authenticated"}', true);
delete from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000001';

-- check: A4.8 the owner of the interaction edits its notes at any time
-- given: one opportunity
-- expect: true
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000b', now() - interval '30 days');
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000b", "role": "authenticated"}', true);
update interactions set notes = 'Late thought' where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select notes = 'Late thought' from interactions where interaction_id = 'a5000000-0000-4000-8000-000000000001';

-- check: A4.8 the 24 hours cannot be wound back
-- given: one opportunity
-- expect: error 42501
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', 'active', now(), 'a0000000-0000-4000-8000-00000000000b', now() - interval '23 hours');
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000b", "role": "authenticated"}', true);
update interactions set created_at = now() where interaction_id = 'a5000000-0000-4000-8000-000000000001';

-- check: A4.9 a third user edits no driver
-- Asserted without row security here, where nothing else stands in the way; under it see V3.
-- given: a call of Ben on Ada's opportunity
-- expect: error 42501
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000c", "role": "authenticated"}', true);
update interactions set stage = 'closed_lost' where interaction_id = 'a5000000-0000-4000-8000-000000000001';

-- check: A4.9 the owner of an interaction does not hand it over
-- given: a call of Ben on Ada's opportunity
-- expect: error 42501
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000b", "role": "authenticated"}', true);
update interactions set owner_user_id = 'a0000000-0000-4000-8000-00000000000c' where interaction_id = 'a5000000-0000-4000-8000-000000000001';

-- check: A4.9 an interaction moves only between two opportunities of one owner
-- given: a call that leaves it active
-- expect: error 42501
insert into opportunities (opportunity_id, organization_id, principal_org_id, name, owner_user_id)
values ('a4000000-0000-4000-8000-000000000002', 'a1000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check Second', 'a0000000-0000-4000-8000-00000000000b');
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true);
update interactions set opportunity_id = 'a4000000-0000-4000-8000-000000000002' where interaction_id = 'a5000000-0000-4000-8000-000000000001';

-- check: A4.10 both manual flags are switched on and off and persist
-- given: one opportunity
-- expect: value true true, false false
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true);
update opportunities set stage_manual = true, status_manual = true where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select set_config('kp.on', stage_manual || ' ' || status_manual, true)
from opportunities
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
update opportunities set stage_manual = false, status_manual = false where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select current_setting('kp.on') || ', ' || stage_manual || ' ' || status_manual
from opportunities
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.10 a flag switched off does not look back, resync_opportunity does
-- given: one opportunity
-- expect: value new_lead, initial_outreach
update opportunities set stage_manual = true where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
update opportunities set stage_manual = false where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select set_config('kp.kept', stage, true) from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true);
select resync_opportunity('a4000000-0000-4000-8000-000000000001');
select current_setting('kp.kept') || ', ' || stage from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.10 only the owner resyncs an opportunity
-- given: one opportunity
-- expect: error 42501
select set_config('request.jwt.claims', '{"sub": "a0000000-0000-4000-8000-00000000000b", "role": "authenticated"}', true);
select resync_opportunity('a4000000-0000-4000-8000-000000000001');

-- check: A4.11 an interaction in a gated stage needs a product
-- Even where the opportunity would not take the stage.
-- given: one opportunity
-- expect: error 23514
update opportunities set stage_manual = true where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'demo_scheduled', null, now(), 'a0000000-0000-4000-8000-00000000000a', now());

-- check: A4.11 an opportunity in a gated stage needs a product
-- given: one opportunity
-- expect: error 23514
update opportunities set stage = 'demo_scheduled' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.11 an opportunity in a gated stage keeps its product
-- given: one opportunity
-- expect: error 23514
update opportunities set product_id = 'a2000000-0000-4000-8000-000000000001', stage = 'demo_scheduled' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
update opportunities set product_id = null where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.11 with a product a gated stage is reached
-- given: one opportunity
-- expect: value demo_scheduled active
update opportunities set product_id = 'a2000000-0000-4000-8000-000000000001' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'demo_scheduled', null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
select stage || ' ' || status from opportunities where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: A4.12 the sync costs an inserted interaction less than 50 ms
-- A smoke-sized run on whatever the database holds; bench:kitchenpantry measures at load size.
-- given: one opportunity
-- expect: true
do $$
declare
  durations numeric[];
begin
  for n in 1..200 loop
    insert into interactions (opportunity_id, interaction_type, subject, stage, owner_user_id)
    values (
      'a4000000-0000-4000-8000-000000000001', 'call', 'Check call ' || n,
      case n % 2 when 0 then 'new_lead' else 'initial_outreach' end, 'a0000000-0000-4000-8000-00000000000a'
    );
    durations := durations || current_setting('kp.trigger_ms')::numeric;
  end loop;
  perform set_config(
    'kp.p95',
    (select percentile_cont(0.95) within group (order by d)::text from unnest(durations) d),
    true
  );
end
$$;
select current_setting('kp.p95')::numeric < 50;

-- check: T1 an interaction does not lie in the future
-- given: one opportunity
-- expect: error 23514
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', null, now() + interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now());

-- check: T1 an interaction was not created in the future
-- given: one opportunity
-- expect: error 23514
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'initial_outreach', null, now(), 'a0000000-0000-4000-8000-00000000000a', now() + interval '1 hour');

-- check: T3 closing sets the close date, reopening clears it and the loss reason
-- given: one opportunity
-- expect: true
insert into loss_reason_lu (code, display_name, sort_order) values ('other', 'Other', 7)
on conflict (code) do nothing;
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', 'closed_lost', null, now() - interval '1 hour', 'a0000000-0000-4000-8000-00000000000a', now());
update opportunities set loss_reason = 'other' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
select set_config('kp.closed', (actual_close_date = current_date)::text, true)
from opportunities
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000002', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 02', 'new_lead', null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
select current_setting('kp.closed')::boolean and actual_close_date is null and loss_reason is null
from opportunities
where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: T5 the contact of an opportunity works for its organization
-- given: one opportunity
-- expect: error 23514
insert into contacts (contact_id, organization_id, first_name, last_name)
values ('a3000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000003', 'Ina', 'Check');
update opportunities set contact_id = 'a3000000-0000-4000-8000-000000000001' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: T6 the triggers of one table run in the documented order
-- expect: value 10 20 30 90, 10 20 50 90
select string_agg(numbers, ', ' order by tgrelid desc)
from (
  select
    tgrelid::regclass::text as tgrelid,
    string_agg(substring(tgname from '\d\d'), ' ' order by tgname) as numbers
  from pg_trigger
  where tgrelid in ('public.opportunities'::regclass, 'public.interactions'::regclass)
    and not tgisinternal
    and tgname not like '%\_search'
  group by tgrelid
) t;

-- check: T6 an update moves updated_at
-- given: one opportunity
-- expect: true
insert into interactions
  (interaction_id, opportunity_id, interaction_type, subject, stage, status, interaction_date, owner_user_id, created_at)
values
  ('a5000000-0000-4000-8000-000000000001', 'a4000000-0000-4000-8000-000000000001', 'call', 'Check call 01', null, null, now(), 'a0000000-0000-4000-8000-00000000000a', now());
update opportunities set updated_at = '2001-01-01' where opportunity_id = 'a4000000-0000-4000-8000-000000000001';
update interactions set updated_at = '2001-01-01' where interaction_id = 'a5000000-0000-4000-8000-000000000001';
select o.updated_at = now() and i.updated_at = now()
from opportunities o
join interactions i on i.opportunity_id = o.opportunity_id
where o.opportunity_id = 'a4000000-0000-4000-8000-000000000001';

-- check: T6 every security definer function pins its search path and is closed to PUBLIC
-- expect: no rows
select p.oid::regprocedure
from pg_proc p
where p.pronamespace in ('public'::regnamespace, coalesce(to_regnamespace('reporting'), 'public'::regnamespace))
  and p.prosecdef
  and (
    not coalesce(array_to_string(p.proconfig, ' ') like '%search_path=%', false)
    or exists (
      select
      from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
      where g.grantee = 0 or g.grantee = 'anon'::regrole
    )
  );
