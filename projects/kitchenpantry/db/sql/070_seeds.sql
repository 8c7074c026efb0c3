-- Lookup rows. A row that is there already stays as its users made it.

insert into public.stage_lu
  (code, display_name, sort_order, requires_product, is_closed, is_won, default_probability, stale_after_days)
values
  ('new_lead', 'New Lead', 1, false, false, false, 10, 7),
  ('initial_outreach', 'Initial Outreach', 2, false, false, false, 20, 14),
  ('sample_visit_offered', 'Sample/Visit Offered', 3, true, false, false, 30, 14),
  ('awaiting_response', 'Awaiting Response', 4, false, false, false, 25, 14),
  ('feedback_logged', 'Feedback Logged', 5, true, false, false, 50, 21),
  ('demo_scheduled', 'Demo Scheduled', 6, true, false, false, 70, 14),
  ('closed_won', 'Closed - Won', 7, true, true, true, 100, null),
  ('closed_lost', 'Closed - Lost', 8, false, true, false, 0, null)
on conflict (code) do nothing;

insert into public.status_lu (code, display_name, sort_order, is_closed)
values
  ('active', 'Active', 1, false),
  ('qualified', 'Qualified', 2, false),
  ('nurturing', 'Nurturing', 3, false),
  ('on_hold', 'On Hold', 4, false),
  ('closed_won', 'Closed - Won', 5, true),
  ('closed_lost', 'Closed - Lost', 6, true)
on conflict (code) do nothing;

insert into public.interaction_type_lu (code, display_name, sort_order)
values
  ('call', 'Call', 1),
  ('email', 'Email', 2),
  ('meeting', 'Meeting', 3),
  ('demo', 'Demo', 4),
  ('proposal', 'Proposal', 5),
  ('follow_up', 'Follow-up', 6),
  ('trade_show', 'Trade Show', 7),
  ('site_visit', 'Site Visit', 8),
  ('contract_review', 'Contract Review', 9),
  ('sample', 'Sample', 10)
on conflict (code) do nothing;

insert into public.source_lu (code, display_name, sort_order)
values
  ('referral', 'Referral', 1),
  ('trade_show', 'Trade Show', 2),
  ('website', 'Website', 3),
  ('cold_call', 'Cold Call', 4),
  ('email_campaign', 'Email Campaign', 5),
  ('social_media', 'Social Media', 6),
  ('partner', 'Partner', 7),
  ('existing_customer', 'Existing Customer', 8)
on conflict (code) do nothing;

insert into public.loss_reason_lu (code, display_name, description, sort_order)
values
  ('price_too_high', 'Price Too High', null, 1),
  ('no_authorization', 'No Authorization', 'The distributor is not authorized for the principal.', 2),
  ('competitor_relationship', 'Competitor Relationship', null, 3),
  ('product_fit', 'Product Fit', null, 4),
  ('timing', 'Timing', null, 5),
  ('no_response', 'No Response', null, 6),
  ('other', 'Other', null, 7)
on conflict (code) do nothing;

insert into public.state_lu (code, display_name, sort_order)
values
  ('AL', 'Alabama', 1),
  ('AK', 'Alaska', 2),
  ('AZ', 'Arizona', 3),
  ('AR', 'Arkansas', 4),
  ('CA', 'California', 5),
  ('CO', 'Colorado', 6),
  ('CT', 'Connecticut', 7),
  ('DE', 'Delaware', 8),
  ('DC', 'District of Columbia', 9),
  ('FL', 'Florida', 10),
  ('GA', 'Georgia', 11),
  ('HI', 'Hawaii', 12),
  ('ID', 'Idaho', 13),
  ('IL', 'Illinois', 14),
  ('IN', 'Indiana', 15),
  ('IA', 'Iowa', 16),
  ('KS', 'Kansas', 17),
  ('KY', 'Kentucky', 18),
  ('LA', 'Louisiana', 19),
  ('ME', 'Maine', 20),
  ('MD', 'Maryland', 21),
  ('MA', 'Massachusetts', 22),
  ('MI', 'Michigan', 23),
  ('MN', 'Minnesota', 24),
  ('MS', 'Mississippi', 25),
  ('MO', 'Missouri', 26),
  ('MT', 'Montana', 27),
  ('NE', 'Nebraska', 28),
  ('NV', 'Nevada', 29),
  ('NH', 'New Hampshire', 30),
  ('NJ', 'New Jersey', 31),
  ('NM', 'New Mexico', 32),
  ('NY', 'New York', 33),
  ('NC', 'North Carolina', 34),
  ('ND', 'North Dakota', 35),
  ('OH', 'Ohio', 36),
  ('OK', 'Oklahoma', 37),
  ('OR', 'Oregon', 38),
  ('PA', 'Pennsylvania', 39),
  ('RI', 'Rhode Island', 40),
  ('SC', 'South Carolina', 41),
  ('SD', 'South Dakota', 42),
  ('TN', 'Tennessee', 43),
  ('TX', 'Texas', 44),
  ('UT', 'Utah', 45),
  ('VT', 'Vermont', 46),
  ('VA', 'Virginia', 47),
  ('WA', 'Washington', 48),
  ('WV', 'West Virginia', 49),
  ('WI', 'Wisconsin', 50),
  ('WY', 'Wyoming', 51)
on conflict (code) do nothing;
