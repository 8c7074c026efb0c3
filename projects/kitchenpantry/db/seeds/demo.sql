-- Demo data for a development database, after 070. Names, people and numbers are invented. Fixed ids
-- and ON CONFLICT DO NOTHING: a second run inserts nothing. Both users sign in with the password
-- "pantry-demo".

insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  -- GoTrue reads these as text and fails on null.
  confirmation_token, recovery_token, email_change, email_change_token_new
)
values
  (
    '00000000-0000-0000-0000-000000000000', '0a000000-0000-4000-8000-000000000001',
    'authenticated', 'authenticated', 'mara@pantry.test',
    extensions.crypt('pantry-demo', extensions.gen_salt('bf')), now(),
    '{"provider": "email", "providers": ["email"], "role": "admin"}', '{"name": "Mara Ellis"}', now(), now(),
    '', '', '', ''
  ),
  (
    '00000000-0000-0000-0000-000000000000', '0a000000-0000-4000-8000-000000000002',
    'authenticated', 'authenticated', 'jonas@pantry.test',
    extensions.crypt('pantry-demo', extensions.gen_salt('bf')), now(),
    '{"provider": "email", "providers": ["email"]}', '{"name": "Jonas Reed"}', now(), now(),
    '', '', '', ''
  )
on conflict do nothing;

insert into auth.identities (
  id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at
)
select
  u.id, u.id::text, u.id,
  jsonb_build_object('sub', u.id::text, 'email', u.email, 'email_verified', true, 'phone_verified', false),
  'email', now(), now(), now()
from auth.users u
where u.id in ('0a000000-0000-4000-8000-000000000001', '0a000000-0000-4000-8000-000000000002')
on conflict do nothing;

-- 1, 2 principals and 3, 4 distributors, all shared; 5 to 8 customers, the last one shared.
insert into public.organizations
  (organization_id, name, state, city, priority, segment, website, description, owner_user_id)
values
  ('0b000000-0000-4000-8000-000000000001', 'Saltmarsh Provisions', 'ME', 'Belfast', 'A', 'Principal',
    'https://saltmarsh.example', 'Smoked and cured seafood.', null),
  ('0b000000-0000-4000-8000-000000000002', 'Hollow Oak Creamery', 'VT', 'Brattleboro', 'A', 'Principal',
    'https://hollowoak.example', 'Aged cheese and cultured butter.', null),
  ('0b000000-0000-4000-8000-000000000003', 'Tri-River Foodservice', 'PA', 'Pittsburgh', 'B', 'Distributor',
    'https://tririver.example', 'Broadline distributor.', null),
  ('0b000000-0000-4000-8000-000000000004', 'Granite State Supply', 'NH', 'Concord', 'B', 'Distributor',
    'https://granitestate.example', 'Regional cold chain.', null),
  ('0b000000-0000-4000-8000-000000000005', 'The Copper Ladle', 'MA', 'Worcester', 'A', 'Fine Dining',
    'https://copperladle.example', 'Tasting menu, forty seats.', '0a000000-0000-4000-8000-000000000001'),
  ('0b000000-0000-4000-8000-000000000006', 'Lantern Street Diner', 'CT', 'New Haven', 'C', 'Casual',
    null, 'Breakfast all day.', '0a000000-0000-4000-8000-000000000001'),
  ('0b000000-0000-4000-8000-000000000007', 'Northfield School Kitchens', 'NY', 'Albany', 'B', 'Institutional',
    null, 'Eleven schools, one commissary.', '0a000000-0000-4000-8000-000000000002'),
  ('0b000000-0000-4000-8000-000000000008', 'Harbor Light Hotels', 'RI', 'Newport', 'B', 'Hospitality',
    'https://harborlight.example', 'Three hotels with banquet kitchens.', null)
on conflict do nothing;

insert into public.contacts (
  contact_id, organization_id, first_name, last_name, title, role, email, phone,
  is_primary_contact, purchase_influence, decision_authority, owner_user_id
)
values
  ('0c000000-0000-4000-8000-000000000001', '0b000000-0000-4000-8000-000000000005', 'Ines', 'Varga',
    'Executive Chef', 'decision_maker', 'ines@copperladle.example', '555-0101', true, 'High', 'Decision Maker',
    '0a000000-0000-4000-8000-000000000001'),
  ('0c000000-0000-4000-8000-000000000002', '0b000000-0000-4000-8000-000000000005', 'Tobias', 'Lind',
    'Purchasing', 'buyer', 'tobias@copperladle.example', '555-0102', false, 'Medium', 'Influencer',
    '0a000000-0000-4000-8000-000000000001'),
  ('0c000000-0000-4000-8000-000000000003', '0b000000-0000-4000-8000-000000000006', 'Dot', 'Kessler',
    'Owner', 'decision_maker', 'dot@lanternstreet.example', '555-0103', true, 'High', 'Decision Maker',
    '0a000000-0000-4000-8000-000000000001'),
  ('0c000000-0000-4000-8000-000000000004', '0b000000-0000-4000-8000-000000000007', 'Ruth', 'Amadi',
    'Nutrition Director', 'decision_maker', 'ruth@northfield.example', '555-0104', true, 'High', 'Decision Maker',
    '0a000000-0000-4000-8000-000000000002'),
  ('0c000000-0000-4000-8000-000000000005', '0b000000-0000-4000-8000-000000000007', 'Pavel', 'Morrow',
    'Commissary Lead', 'influencer', 'pavel@northfield.example', '555-0105', false, 'Medium', 'Influencer',
    '0a000000-0000-4000-8000-000000000002'),
  ('0c000000-0000-4000-8000-000000000006', '0b000000-0000-4000-8000-000000000008', 'Lena', 'Ortiz',
    'Banquet Chef', 'champion', 'lena@harborlight.example', '555-0106', true, 'Medium', 'Influencer', null)
on conflict do nothing;

insert into public.products (
  product_id, principal_org_id, name, sku, category, description, unit_of_measure,
  unit_cost, list_price, min_order_quantity, season_start, season_end, shelf_life_days
)
values
  ('0d000000-0000-4000-8000-000000000001', '0b000000-0000-4000-8000-000000000001', 'Cold Smoked Char', 'SM-101',
    'seafood', 'Side, skin on, sliced.', 'kg', 18.5, 31, 5, null, null, 28),
  ('0d000000-0000-4000-8000-000000000002', '0b000000-0000-4000-8000-000000000001', 'Cured Mackerel', 'SM-102',
    'seafood', 'Juniper cure.', 'kg', 9.75, 17.5, 5, 9, 2, 21),
  ('0d000000-0000-4000-8000-000000000003', '0b000000-0000-4000-8000-000000000001', 'Kelp Salt', 'SM-201',
    'spices_seasonings', 'Flaked, in tubs.', 'tub', 4.2, 8.9, 12, null, null, 720),
  ('0d000000-0000-4000-8000-000000000004', '0b000000-0000-4000-8000-000000000002', 'Oak Barrel Cheddar', 'HO-110',
    'dairy', 'Eighteen months.', 'wheel', 96, 165, 1, null, null, 180),
  ('0d000000-0000-4000-8000-000000000005', '0b000000-0000-4000-8000-000000000002', 'Cultured Butter', 'HO-120',
    'dairy', 'Salted, 84 percent.', 'kg', 8.1, 14.2, 10, null, null, 90),
  ('0d000000-0000-4000-8000-000000000006', '0b000000-0000-4000-8000-000000000002', 'Whey Caramel', 'HO-130',
    'baking_supplies', null, 'jar', 3.6, 7.5, 12, 10, 1, 365)
on conflict do nothing;

insert into public.product_distributors (product_id, distributor_org_id, is_primary, vendor_item_number, unit_cost)
values
  ('0d000000-0000-4000-8000-000000000001', '0b000000-0000-4000-8000-000000000004', true, 'GS-7101', 20.1),
  ('0d000000-0000-4000-8000-000000000001', '0b000000-0000-4000-8000-000000000003', false, 'TR-4411', 20.9),
  ('0d000000-0000-4000-8000-000000000002', '0b000000-0000-4000-8000-000000000004', true, 'GS-7102', 10.6),
  ('0d000000-0000-4000-8000-000000000003', '0b000000-0000-4000-8000-000000000003', true, 'TR-4502', 4.9),
  ('0d000000-0000-4000-8000-000000000004', '0b000000-0000-4000-8000-000000000003', true, 'TR-5110', 104),
  ('0d000000-0000-4000-8000-000000000004', '0b000000-0000-4000-8000-000000000004', false, 'GS-8810', 103.5),
  ('0d000000-0000-4000-8000-000000000005', '0b000000-0000-4000-8000-000000000003', true, 'TR-5120', 8.9),
  ('0d000000-0000-4000-8000-000000000006', '0b000000-0000-4000-8000-000000000004', true, 'GS-8830', 4.1)
on conflict do nothing;

-- One opportunity ends in each stage; the interactions below take them there.
insert into public.opportunities (
  opportunity_id, organization_id, contact_id, product_id, principal_org_id, distributor_org_id,
  name, source, loss_reason, priority, estimated_value, estimated_close_date, opportunity_context,
  next_action, owner_user_id, created_at
)
values
  ('0e000000-0000-4000-8000-000000000001', '0b000000-0000-4000-8000-000000000006',
    '0c000000-0000-4000-8000-000000000003', null, '0b000000-0000-4000-8000-000000000002', null,
    'Butter for the diner', 'cold_call', null, 'low', 2400, current_date + 60, 'New Product Interest',
    'Call back after the holiday', '0a000000-0000-4000-8000-000000000001', now() - interval '12 days'),
  ('0e000000-0000-4000-8000-000000000002', '0b000000-0000-4000-8000-000000000008',
    '0c000000-0000-4000-8000-000000000006', null, '0b000000-0000-4000-8000-000000000001', null,
    'Banquet seafood', 'referral', null, 'medium', 18000, current_date + 75, 'Food Show',
    'Send the price list', '0a000000-0000-4000-8000-000000000001', now() - interval '20 days'),
  ('0e000000-0000-4000-8000-000000000003', '0b000000-0000-4000-8000-000000000005',
    '0c000000-0000-4000-8000-000000000001', '0d000000-0000-4000-8000-000000000001', null,
    '0b000000-0000-4000-8000-000000000004',
    'Char on the tasting menu', 'trade_show', null, 'high', 9600, current_date + 40, 'Sampling',
    'Deliver the sample', '0a000000-0000-4000-8000-000000000001', now() - interval '25 days'),
  ('0e000000-0000-4000-8000-000000000004', '0b000000-0000-4000-8000-000000000007',
    '0c000000-0000-4000-8000-000000000004', '0d000000-0000-4000-8000-000000000005', null,
    '0b000000-0000-4000-8000-000000000003',
    'School butter programme', 'website', null, 'high', 42000, current_date + 90, 'Follow-up',
    'Ask for the tender calendar', '0a000000-0000-4000-8000-000000000002', now() - interval '30 days'),
  ('0e000000-0000-4000-8000-000000000005', '0b000000-0000-4000-8000-000000000007',
    '0c000000-0000-4000-8000-000000000005', '0d000000-0000-4000-8000-000000000003', null, null,
    'Kelp salt trial', 'partner', null, 'medium', 3100, current_date + 30, 'Sampling',
    'Write up the tasting', '0a000000-0000-4000-8000-000000000002', now() - interval '45 days'),
  ('0e000000-0000-4000-8000-000000000006', '0b000000-0000-4000-8000-000000000005',
    '0c000000-0000-4000-8000-000000000002', '0d000000-0000-4000-8000-000000000004', null,
    '0b000000-0000-4000-8000-000000000003',
    'Cheddar for the cheese trolley', 'existing_customer', null, 'critical', 14500, current_date + 14,
    'Demo Request', 'Prepare the demo', '0a000000-0000-4000-8000-000000000001', now() - interval '40 days'),
  ('0e000000-0000-4000-8000-000000000007', '0b000000-0000-4000-8000-000000000008',
    '0c000000-0000-4000-8000-000000000006', '0d000000-0000-4000-8000-000000000002', null,
    '0b000000-0000-4000-8000-000000000004',
    'Mackerel canapes', 'referral', null, 'medium', 7800, current_date - 5, 'Site Visit',
    null, '0a000000-0000-4000-8000-000000000002', now() - interval '60 days'),
  ('0e000000-0000-4000-8000-000000000008', '0b000000-0000-4000-8000-000000000006',
    '0c000000-0000-4000-8000-000000000003', '0d000000-0000-4000-8000-000000000006', null, null,
    'Whey caramel pancakes', 'social_media', 'price_too_high', 'low', 1900, current_date - 10, 'Custom',
    null, '0a000000-0000-4000-8000-000000000001', now() - interval '50 days')
on conflict do nothing;

insert into public.interactions (
  interaction_id, opportunity_id, contact_id, interaction_type, subject, interaction_date, duration_minutes,
  outcome, follow_up_required, follow_up_date, stage, status, owner_user_id, created_at
)
values
  ('0f000000-0000-4000-8000-000000000001', '0e000000-0000-4000-8000-000000000001',
    '0c000000-0000-4000-8000-000000000003', 'call', 'First call', now() - interval '12 days', 10,
    'no_response', true, current_date + 2, 'new_lead', 'active', '0a000000-0000-4000-8000-000000000001',
    now() - interval '12 days'),
  ('0f000000-0000-4000-8000-000000000002', '0e000000-0000-4000-8000-000000000001',
    '0c000000-0000-4000-8000-000000000003', 'email', 'Price list sent', now() - interval '9 days', null,
    null, false, null, null, null, '0a000000-0000-4000-8000-000000000001', now() - interval '9 days'),
  ('0f000000-0000-4000-8000-000000000003', '0e000000-0000-4000-8000-000000000002',
    '0c000000-0000-4000-8000-000000000006', 'trade_show', 'Met at the food show', now() - interval '20 days', 15,
    'successful', false, null, 'new_lead', 'active', '0a000000-0000-4000-8000-000000000001',
    now() - interval '20 days'),
  ('0f000000-0000-4000-8000-000000000004', '0e000000-0000-4000-8000-000000000002',
    '0c000000-0000-4000-8000-000000000006', 'email', 'Introduction', now() - interval '6 days', null,
    'follow_up_needed', true, current_date + 1, 'initial_outreach', 'active',
    '0a000000-0000-4000-8000-000000000001', now() - interval '6 days'),
  ('0f000000-0000-4000-8000-000000000005', '0e000000-0000-4000-8000-000000000003',
    '0c000000-0000-4000-8000-000000000001', 'call', 'Interest in char', now() - interval '24 days', 20,
    'successful', false, null, 'initial_outreach', 'qualified', '0a000000-0000-4000-8000-000000000001',
    now() - interval '24 days'),
  ('0f000000-0000-4000-8000-000000000006', '0e000000-0000-4000-8000-000000000003',
    '0c000000-0000-4000-8000-000000000001', 'sample', 'Sample offered', now() - interval '4 days', null,
    'successful', true, current_date + 3, 'sample_visit_offered', 'qualified',
    '0a000000-0000-4000-8000-000000000001', now() - interval '4 days'),
  ('0f000000-0000-4000-8000-000000000007', '0e000000-0000-4000-8000-000000000004',
    '0c000000-0000-4000-8000-000000000004', 'meeting', 'Menu planning', now() - interval '28 days', 60,
    'successful', false, null, 'initial_outreach', 'active', '0a000000-0000-4000-8000-000000000002',
    now() - interval '28 days'),
  ('0f000000-0000-4000-8000-000000000008', '0e000000-0000-4000-8000-000000000004',
    '0c000000-0000-4000-8000-000000000004', 'proposal', 'Offer for two terms', now() - interval '18 days', null,
    'follow_up_needed', true, current_date - 4, 'awaiting_response', 'nurturing',
    '0a000000-0000-4000-8000-000000000002', now() - interval '18 days'),
  ('0f000000-0000-4000-8000-000000000009', '0e000000-0000-4000-8000-000000000005',
    '0c000000-0000-4000-8000-000000000005', 'sample', 'Six tubs delivered', now() - interval '35 days', null,
    'successful', false, null, 'sample_visit_offered', 'active', '0a000000-0000-4000-8000-000000000002',
    now() - interval '35 days'),
  ('0f000000-0000-4000-8000-000000000010', '0e000000-0000-4000-8000-000000000005',
    '0c000000-0000-4000-8000-000000000005', 'follow_up', 'Kitchen liked it', now() - interval '8 days', 25,
    'successful', false, null, 'feedback_logged', 'qualified', '0a000000-0000-4000-8000-000000000002',
    now() - interval '8 days'),
  ('0f000000-0000-4000-8000-000000000011', '0e000000-0000-4000-8000-000000000006',
    '0c000000-0000-4000-8000-000000000002', 'call', 'Budget agreed', now() - interval '15 days', 15,
    'successful', false, null, 'feedback_logged', 'qualified', '0a000000-0000-4000-8000-000000000001',
    now() - interval '15 days'),
  ('0f000000-0000-4000-8000-000000000012', '0e000000-0000-4000-8000-000000000006',
    '0c000000-0000-4000-8000-000000000001', 'demo', 'Demo booked', now() - interval '2 days', 5,
    'successful', true, current_date + 5, 'demo_scheduled', 'qualified',
    '0a000000-0000-4000-8000-000000000002', now() - interval '2 days'),
  ('0f000000-0000-4000-8000-000000000013', '0e000000-0000-4000-8000-000000000007',
    '0c000000-0000-4000-8000-000000000006', 'demo', 'Canape tasting', now() - interval '21 days', 90,
    'successful', false, null, 'demo_scheduled', 'qualified', '0a000000-0000-4000-8000-000000000002',
    now() - interval '21 days'),
  ('0f000000-0000-4000-8000-000000000014', '0e000000-0000-4000-8000-000000000007',
    '0c000000-0000-4000-8000-000000000006', 'contract_review', 'Signed', now() - interval '5 days', 30,
    'successful', false, null, 'closed_won', 'closed_won', '0a000000-0000-4000-8000-000000000002',
    now() - interval '5 days'),
  ('0f000000-0000-4000-8000-000000000015', '0e000000-0000-4000-8000-000000000008',
    '0c000000-0000-4000-8000-000000000003', 'site_visit', 'Pancake morning', now() - interval '22 days', 45,
    'postponed', false, null, 'awaiting_response', 'on_hold', '0a000000-0000-4000-8000-000000000001',
    now() - interval '22 days'),
  ('0f000000-0000-4000-8000-000000000016', '0e000000-0000-4000-8000-000000000008',
    '0c000000-0000-4000-8000-000000000003', 'call', 'Too expensive', now() - interval '10 days', 10,
    'not_interested', false, null, 'closed_lost', 'closed_lost', '0a000000-0000-4000-8000-000000000001',
    now() - interval '10 days')
on conflict do nothing;

insert into public.opportunity_contacts (opportunity_id, contact_id, role, is_primary)
values
  ('0e000000-0000-4000-8000-000000000001', '0c000000-0000-4000-8000-000000000003', 'decision_maker', true),
  ('0e000000-0000-4000-8000-000000000002', '0c000000-0000-4000-8000-000000000006', 'champion', true),
  ('0e000000-0000-4000-8000-000000000003', '0c000000-0000-4000-8000-000000000001', 'decision_maker', true),
  ('0e000000-0000-4000-8000-000000000003', '0c000000-0000-4000-8000-000000000002', 'buyer', false),
  ('0e000000-0000-4000-8000-000000000004', '0c000000-0000-4000-8000-000000000004', 'decision_maker', true),
  ('0e000000-0000-4000-8000-000000000004', '0c000000-0000-4000-8000-000000000005', 'influencer', false),
  ('0e000000-0000-4000-8000-000000000005', '0c000000-0000-4000-8000-000000000005', 'influencer', true),
  ('0e000000-0000-4000-8000-000000000006', '0c000000-0000-4000-8000-000000000002', 'buyer', true),
  ('0e000000-0000-4000-8000-000000000006', '0c000000-0000-4000-8000-000000000001', 'decision_maker', false),
  ('0e000000-0000-4000-8000-000000000007', '0c000000-0000-4000-8000-000000000006', 'champion', true)
on conflict do nothing;

select public.refresh_dashboard_view();
