-- Phase 8. The lookups that the application offers; demo data is asserted only through what it needs.

-- fixture: the people
-- What is owned is Ada's or Ben's, never Cleo's; Dora is an admin.
insert into auth.users (id, email, aud, role, raw_app_meta_data)
values
  ('a0000000-0000-4000-8000-00000000000a', 'ada@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000b', 'ben@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000c', 'cleo@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000d', 'dora@check.test', 'authenticated', 'authenticated', '{"role": "admin"}');

-- check: A8.1 eight active stages in their order
-- expect: value New Lead, Initial Outreach, Sample/Visit Offered, Awaiting Response, Feedback Logged, Demo Scheduled, Closed - Won, Closed - Lost
select string_agg(display_name, ', ' order by sort_order)
from stage_lu
where is_active;

-- check: A8.1 the gated, closed and won stages
-- expect: value sample_visit_offered, feedback_logged, demo_scheduled, closed_won; closed_won, closed_lost; closed_won
select concat_ws(
  '; ',
  string_agg(code, ', ' order by sort_order) filter (where requires_product),
  string_agg(code, ', ' order by sort_order) filter (where is_closed),
  string_agg(code, ', ' order by sort_order) filter (where is_won)
)
from stage_lu
where is_active;

-- check: A8.2 every lookup has options for its form
-- given: the people
-- expect: true
-- as: user ada@check.test
select
  (select count(*) from status_lu where is_active) >= 6
  and (select count(*) from interaction_type_lu where is_active) >= 10
  and (select count(*) from source_lu where is_active) >= 8
  and (select count(*) from loss_reason_lu where is_active) >= 7
  and (select count(*) from state_lu where is_active) >= 51;

-- check: A8.3 the pipeline shows eight opportunities, one in each stage
-- given: the people
-- expect: value 1 2 3 4 5 6 7 8
insert into organizations (organization_id, name) values ('a1000000-0000-4000-8000-000000000001', 'Check Customer'), ('a1000000-0000-4000-8000-000000000002', 'Check Principal');
insert into products (product_id, principal_org_id, name, category)
values ('a2000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000002', 'Check Product', 'dairy');
insert into opportunities (organization_id, product_id, name, stage, owner_user_id)
select 'a1000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000001', display_name, code, 'a0000000-0000-4000-8000-00000000000a'
from stage_lu
where is_active;
select string_agg(stage_order::text, ' ' order by stage_order)
from reporting.pipeline_full
where organization_id = 'a1000000-0000-4000-8000-000000000001' and stage_name = opportunity_name;

-- check: A8.4 a second run of the seeds inserts nothing
-- expect: value 0
with
  stage_lu as (
    insert into stage_lu (code, display_name, sort_order)
    select code, code, 0
    from string_to_table('new_lead initial_outreach sample_visit_offered awaiting_response feedback_logged demo_scheduled closed_won closed_lost', ' ') code
    on conflict (code) do nothing
    returning 1
  ),
  status_lu as (
    insert into status_lu (code, display_name, sort_order)
    select code, code, 0
    from string_to_table('active qualified nurturing on_hold closed_won closed_lost', ' ') code
    on conflict (code) do nothing
    returning 1
  ),
  interaction_type_lu as (
    insert into interaction_type_lu (code, display_name, sort_order)
    select code, code, 0
    from string_to_table('call email meeting demo proposal follow_up trade_show site_visit contract_review sample', ' ') code
    on conflict (code) do nothing
    returning 1
  ),
  source_lu as (
    insert into source_lu (code, display_name, sort_order)
    select code, code, 0
    from string_to_table('referral trade_show website cold_call email_campaign social_media partner existing_customer', ' ') code
    on conflict (code) do nothing
    returning 1
  ),
  loss_reason_lu as (
    insert into loss_reason_lu (code, display_name, sort_order)
    select code, code, 0
    from string_to_table('price_too_high no_authorization competitor_relationship product_fit timing no_response other', ' ') code
    on conflict (code) do nothing
    returning 1
  ),
  state_lu as (
    insert into state_lu (code, display_name, sort_order)
    select code, code, 0
    from string_to_table('AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY', ' ') code
    on conflict (code) do nothing
    returning 1
  )
select (select count(*) from stage_lu)
  + (select count(*) from status_lu)
  + (select count(*) from interaction_type_lu)
  + (select count(*) from source_lu)
  + (select count(*) from loss_reason_lu)
  + (select count(*) from state_lu);
