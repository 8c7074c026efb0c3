-- Two companies with their customers, quotes, jobs and invoices, an admin, and four plans. Only ever for a database that
-- nobody but its developer reaches: everybody knows the password, "TestPass123!". All names are invented. Every id
-- follows from what the row is, so that a second run changes nothing.

-- The users that pantler.config.ts declares, with the ids that `pantler user create-test` gives them: the UUID of version
-- 5 of the address in the DNS namespace.
insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  -- Supabase's auth server reads these as text and fails on null.
  confirmation_token, recovery_token, email_change, email_change_token_new, email_change_token_current,
  phone_change, phone_change_token, reauthentication_token
)
select
  '00000000-0000-0000-0000-000000000000', person.id::uuid, 'authenticated', 'authenticated', person.email,
  extensions.crypt('TestPass123!', extensions.gen_salt('bf')), now(),
  '{"provider": "email", "providers": ["email"]}', person.metadata::jsonb, now(), now(),
  '', '', '', '', '', '', '', ''
from (
  values
    (
      'd69e6cff-7a30-5165-9ab9-015c58a57477', 'owner-a@test.local',
      '{"full_name": "Rosa Lindgren", "company": "Brightwater Plumbing"}'
    ),
    (
      'bee9b9b8-3aec-5997-b1df-a65c7c82614d', 'owner-b@test.local',
      '{"full_name": "Tom Okafor", "company": "Northgate Heating"}'
    ),
    ('2c4a3829-90f4-5a08-8774-b9ac6c40faf4', 'admin@test.local', '{"full_name": "Ines Duarte"}')
) person (id, email, metadata)
on conflict do nothing;

insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select
  u.id::text, u.id,
  jsonb_build_object('sub', u.id::text, 'email', u.email, 'email_verified', true, 'phone_verified', false),
  'email', now(), now(), now()
from auth.users u
where u.email in ('owner-a@test.local', 'owner-b@test.local', 'admin@test.local')
on conflict do nothing;

insert into public.user_roles (user_id, role)
select u.id, person.role
from (
  values ('owner-a@test.local', 'member'), ('owner-b@test.local', 'member'), ('admin@test.local', 'admin')
) person (email, role)
join auth.users u on u.email = person.email
on conflict do nothing;

-- The last one is not sold any more: visitors do not see it.
insert into public.subscription_plans (
  id, stripe_price_id, name, description, price_cents, billing_interval, features,
  max_customers, max_invoices, max_storage_gb, is_active
)
select md5('srvc plan ' || plan.price_id)::uuid, plan.*
from (
  values
    (
      'price_starter_month', 'Starter', 'For a van and a telephone.', 2900, 'month',
      '["Customers", "Quotes", "Invoices"]'::jsonb, 50, 100, 5, true
    ),
    (
      'price_professional_month', 'Professional', 'For a company with people on the road.', 4900, 'month',
      '["Customers", "Quotes", "Invoices", "Schedule", "Reminders"]', 500, 1000, 25, true
    ),
    (
      'price_enterprise_month', 'Enterprise', 'For several branches.', 9900, 'month',
      '["Customers", "Quotes", "Invoices", "Schedule", "Reminders", "Branches"]', null, null, 100, true
    ),
    (
      'price_founders_year', 'Founders', 'For those who came first.', 19900, 'year',
      '["Customers", "Quotes", "Invoices", "Schedule"]', 200, 400, 10, false
    )
) plan (price_id, name, description, cents, billing_interval, features, customers, invoices, storage, is_active)
on conflict do nothing;

insert into public.user_subscriptions (
  id, user_id, stripe_customer_id, stripe_subscription_id, plan_id, status,
  current_period_start, current_period_end, cancel_at_period_end
)
select
  md5('srvc subscription ' || s.email)::uuid, u.id, 'cus_' || s.name, 'sub_' || s.name,
  md5('srvc plan ' || s.price_id)::uuid, s.status,
  timestamptz '2026-10-01 00:00:00+00', timestamptz '2026-11-01 00:00:00+00', s.ends
from (
  values
    ('owner-a@test.local', 'brightwater', 'price_professional_month', 'active', false),
    ('owner-b@test.local', 'northgate', 'price_starter_month', 'past_due', true)
) s (email, name, price_id, status, ends)
join auth.users u on u.email = s.email
on conflict do nothing;

-- In what follows n counts the rows of both companies: of five in a row three are the first one's, two the second's.

insert into public.customers (
  id, user_id, first_name, last_name, email, phone, company_name,
  address_street, address_city, address_state, address_zip, notes, created_at, updated_at
)
select
  md5('srvc customer ' || n)::uuid, u.id, first_name, last_name,
  -- Every seventh has a telephone and nothing else.
  case when n % 7 <> 0 then lower(first_name || '.' || last_name || '.' || n || '@example.com') end,
  '+1-503-555-01' || to_char(n, 'FM00'),
  case when n % 4 = 0 then last_name || (array[' Bakery', ' Dental', ' Properties', ' Garage'])[1 + n / 4 % 4] end,
  n * 7 || (array[' Alder Lane', ' Mill Road', ' Harbour Street', ' Quarry Hill', ' Orchard Row'])[1 + n % 5],
  (array['Ashford', 'Millbrook', 'Stonebridge', 'Fairhaven'])[1 + n % 4], 'OR', to_char(97000 + n, 'FM00000'),
  case n % 3
    when 0 then 'Rings twice: the bell is quiet.'
    when 1 then 'The main valve is behind the stairs.'
  end,
  made.at, made.at
from generate_series(1, 50) n
cross join lateral (
  select
    (array['Ada', 'Bruno', 'Celia', 'Dmitri', 'Edith', 'Farid', 'Greta', 'Hugo', 'Ilse', 'Jonah'])[1 + n % 10] first_name,
    (array['Abbot', 'Birch', 'Castell', 'Dorn', 'Ekberg', 'Farrow', 'Grange'])[1 + n % 7] last_name
) person
cross join lateral (select timestamptz '2026-01-05 08:00:00+00' + n * interval '26 hours' as at) made
join auth.users u on u.email = case when n % 5 in (1, 2, 3) then 'owner-a@test.local' else 'owner-b@test.local' end
on conflict do nothing;

-- The customer's company is that of their quotes, jobs and invoices.

insert into public.quotes (
  id, user_id, customer_id, quote_number, title, description,
  subtotal_cents, tax_cents, total_cents, status, valid_until, created_at, updated_at
)
select
  md5('srvc quote ' || n)::uuid, c.user_id, c.id, 'Q-2026-' || to_char(n, 'FM0000'), work.title,
  'Parts and labour, ' || lower(work.title) || '.',
  money.cents, money.cents / 10, money.cents + money.cents / 10,
  (array['accepted', 'sent', 'draft', 'accepted', 'rejected', 'accepted', 'expired', 'sent'])[1 + n % 8],
  case when n % 8 <> 2 then made.at + interval '30 days' end, made.at, made.at
from generate_series(1, 80) n
cross join lateral (
  select (array['Water heater', 'Kitchen tap', 'Boiler service', 'Bathroom pipes', 'Leak search', 'Heat pump'])[1 + n % 6]
) work (title)
cross join lateral (select 4000::bigint + n * 1730 as cents) money
cross join lateral (select timestamptz '2026-03-02 09:30:00+00' + n * interval '50 hours' as at) made
join public.customers c on c.id = md5('srvc customer ' || 1 + (n - 1) % 50)::uuid
on conflict do nothing;

insert into public.jobs (
  id, user_id, customer_id, quote_id, title, description, status,
  scheduled_date, estimated_hours, actual_hours, notes, created_at, updated_at
)
select
  md5('srvc job ' || n)::uuid, c.user_id, c.id, q.id,
  coalesce(q.title, (array['Inspection', 'Emergency call', 'Drain cleaning'])[1 + n % 3]),
  q.description, job.status,
  case when job.status <> 'pending' or n % 2 = 0 then made.at + interval '9 days' end,
  1 + n % 6 + 0.5, case when job.status = 'completed' then 1 + n % 7 + 0.25 end,
  case when job.status = 'cancelled' then 'The customer called it off.' end, made.at, made.at
from generate_series(1, 120) n
cross join lateral (
  select (array['completed', 'pending', 'in_progress', 'completed', 'cancelled', 'pending'])[1 + n % 6]
) job (status)
cross join lateral (select timestamptz '2026-04-06 07:00:00+00' + n * interval '31 hours' as at) made
left join public.quotes q on q.id = md5('srvc quote ' || n)::uuid and q.status = 'accepted'
join public.customers c on c.id = coalesce(q.customer_id, md5('srvc customer ' || 1 + (n - 1) % 50)::uuid)
on conflict do nothing;

-- What was sent is due at once and has no due date: one with a date would be overdue one day, without anybody to say so.
insert into public.invoices (
  id, user_id, customer_id, quote_id, invoice_number, title, subtotal_cents, tax_cents, total_cents,
  status, due_date, paid_date, stripe_payment_intent_id, created_at, updated_at
)
select
  md5('srvc invoice ' || n)::uuid, c.user_id, c.id, q.id, 'I-2026-' || to_char(n, 'FM0000'),
  coalesce(q.title, 'Service call'),
  coalesce(q.subtotal_cents, money.cents), coalesce(q.tax_cents, money.cents / 10),
  coalesce(q.total_cents, money.cents + money.cents / 10), invoice.status,
  case when invoice.status in ('paid', 'partially_paid', 'overdue') then made.at + interval '14 days' end,
  case when invoice.status = 'paid' then made.at + interval '6 days' end,
  case when invoice.status = 'paid' then 'pi_' || md5('srvc payment ' || n) end, made.at, made.at
from generate_series(1, 60) n
cross join lateral (
  select (array['paid', 'sent', 'draft', 'paid', 'partially_paid', 'overdue', 'paid', 'cancelled'])[1 + n % 8]
) invoice (status)
cross join lateral (select 6500::bigint + n * 910 as cents) money
cross join lateral (select timestamptz '2026-05-04 16:00:00+00' + n * interval '47 hours' as at) made
left join public.quotes q on q.id = md5('srvc quote ' || n)::uuid and q.status = 'accepted'
join public.customers c on c.id = coalesce(q.customer_id, md5('srvc customer ' || 1 + (n - 1) % 50)::uuid)
on conflict do nothing;
