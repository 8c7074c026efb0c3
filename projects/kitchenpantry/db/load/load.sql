-- A database of production size, for benchmarks and load tests; after 070. Every row is invented and
-- has an id made from its number, so that a second run inserts nothing. At scale 1: 20 users, 10,000
-- organizations (a tenth shared: half of those principals, half distributors), 20,000 contacts, 10,000
-- products, 15,000 links, 10,000 opportunities, 50,000 interactions and 15,000 stakeholder links. The
-- setting kp.scale multiplies everything but the users: set it to 2 for 100,000 interactions. The
-- settings kp.users and kp.interactions say how many users there are, and interactions an opportunity.
--
-- The triggers stay on: what comes out is what the application would have made.

do $load$
declare
  scale constant numeric := coalesce(nullif(current_setting('kp.scale', true), ''), '1')::numeric;
  users constant integer := coalesce(nullif(current_setting('kp.users', true), ''), '20')::integer;
  each constant integer := coalesce(nullif(current_setting('kp.interactions', true), ''), '5')::integer;
  organizations constant integer := greatest(20 * ceil(500 * scale), 40);
  shared constant integer := organizations / 10;
  principals constant integer := shared / 2;
  customers constant integer := organizations - shared;
  contacts constant integer := 2 * organizations;
  products constant integer := organizations;
  links constant integer := products * 3 / 2;
  opportunities constant integer := organizations;
  interactions constant integer := each * opportunities;
  stakeholders constant integer := opportunities * 3 / 2;
begin
  insert into auth.users (id, email, aud, role, raw_app_meta_data, created_at, updated_at)
  select md5('load user ' || n)::uuid, format('load%s@pantry.test', n), 'authenticated', 'authenticated', '{}', now(), now()
  from generate_series(1, users) n
  on conflict do nothing;

  insert into public.organizations (organization_id, name, state, city, priority, description, owner_user_id, created_at)
  select
    md5('load organization ' || n)::uuid,
    case
      when n <= principals then 'Load Principal '
      when n <= shared then 'Load Distributor '
      else 'Load Kitchen '
    end || n,
    (array['ME', 'VT', 'NH', 'MA', 'CT', 'RI', 'NY', 'PA'])[1 + n % 8],
    'Town ' || n % 300,
    (array['A', 'B', 'C', 'D'])[1 + n % 4],
    'Serves ' || (array['breakfast', 'banquets', 'school lunches', 'tasting menus', 'street food'])[1 + n % 5],
    case when n > shared then md5('load user ' || 1 + n % users)::uuid end,
    now() - make_interval(days => 30 + n % 700, secs => n)
  from generate_series(1, organizations) n
  on conflict do nothing;

  insert into public.contacts
    (contact_id, organization_id, first_name, last_name, title, email, is_primary_contact, owner_user_id)
  select
    md5('load contact ' || n)::uuid,
    md5('load organization ' || c)::uuid,
    'First' || n % 997,
    'Last' || n,
    (array['Chef', 'Purchasing', 'Owner', 'Commissary Lead'])[1 + n % 4],
    format('contact%s@load.example', n),
    n <= organizations,
    case when c > shared then md5('load user ' || 1 + c % users)::uuid end
  from generate_series(1, contacts) n
  cross join lateral (select 1 + (n - 1) % organizations as c) o
  on conflict do nothing;

  insert into public.products
    (product_id, principal_org_id, name, sku, category, description, unit_cost, list_price)
  select
    md5('load product ' || n)::uuid,
    md5('load organization ' || 1 + (n - 1) % principals)::uuid,
    'Load Product ' || n,
    'LP-' || n,
    (array['dairy', 'seafood', 'frozen', 'beverages', 'dry_goods', 'fresh_produce'])[1 + n % 6],
    (array['smoked', 'salted', 'aged', 'cultured', 'pickled'])[1 + n % 5] || ' and ready to serve',
    1 + n % 40,
    2 + n % 90
  from generate_series(1, products) n
  on conflict do nothing;

  insert into public.product_distributors (product_id, distributor_org_id, is_primary, unit_cost)
  select
    md5('load product ' || 1 + (n - 1) % products)::uuid,
    md5('load organization ' || principals + 1 + (n + n / products) % (shared - principals))::uuid,
    n <= products,
    2 + n % 50
  from generate_series(1, links) n
  on conflict do nothing;

  insert into public.opportunities (
    opportunity_id, organization_id, contact_id, product_id, distributor_org_id, name, source, priority,
    estimated_value, estimated_close_date, opportunity_context, description, owner_user_id, created_at
  )
  select
    md5('load opportunity ' || n)::uuid,
    md5('load organization ' || c)::uuid,
    md5('load contact ' || c)::uuid,
    md5('load product ' || n)::uuid,
    md5('load organization ' || principals + 1 + n % (shared - principals))::uuid,
    'Load Opportunity ' || n,
    (array['referral', 'trade_show', 'website', 'cold_call', 'partner'])[1 + n % 5],
    (array['low', 'medium', 'high', 'critical'])[1 + n % 4],
    500 + n % 20000,
    current_date + n % 120,
    (array['Site Visit', 'Food Show', 'Follow-up', 'Sampling'])[1 + n % 4],
    'Wants it ' || (array['sliced', 'whole', 'by the case', 'weekly'])[1 + n % 4],
    md5('load user ' || 1 + c % users)::uuid,
    now() - make_interval(days => 20 + n % 200, secs => n)
  from generate_series(1, opportunities) n
  cross join lateral (select shared + 1 + (n - 1) % customers as c) o
  on conflict do nothing;

  -- Each interaction looks its opportunity up. Without statistics the planner takes a partial index on live
  -- rows for nearly empty, and would read it from end to end rather than search the primary key.
  analyze public.opportunities;

  -- Every tenth one was made by a colleague of the opportunity's owner.
  insert into public.interactions (
    interaction_id, opportunity_id, contact_id, interaction_type, subject, interaction_date, duration_minutes,
    outcome, stage, status, owner_user_id, created_at
  )
  select
    md5('load interaction ' || n)::uuid,
    md5('load opportunity ' || o)::uuid,
    md5('load contact ' || c)::uuid,
    (array['call', 'email', 'meeting', 'sample', 'follow_up'])[1 + n % 5],
    'Load interaction ' || n,
    now() - make_interval(mins => 10 + (interactions - n) * 2),
    5 + n % 55,
    (array['successful', 'follow_up_needed', 'no_response'])[1 + n % 3],
    case when n % 3 > 0 then (array[
      'new_lead', 'initial_outreach', 'sample_visit_offered', 'awaiting_response', 'feedback_logged',
      'demo_scheduled', 'closed_won', 'closed_lost'
    ])[1 + (n / 3 + o) % 8] end,
    case when n % 4 = 0 then (array['active', 'qualified', 'nurturing', 'on_hold'])[1 + o % 4] end,
    md5('load user ' || 1 + (c + (n % 10 = 0)::integer) % users)::uuid,
    now() - make_interval(mins => 10 + (interactions - n) * 2)
  from generate_series(1, interactions) n
  cross join lateral (select 1 + (n - 1) % opportunities as o) p
  cross join lateral (select shared + 1 + (o - 1) % customers as c) k
  on conflict do nothing;

  insert into public.opportunity_contacts (opportunity_id, contact_id, role, is_primary)
  select
    md5('load opportunity ' || o)::uuid,
    md5('load contact ' || case when n <= opportunities then c else c + organizations end)::uuid,
    (array['decision_maker', 'buyer', 'champion'])[1 + n % 3],
    n <= opportunities
  from generate_series(1, stakeholders) n
  cross join lateral (select 1 + (n - 1) % opportunities as o) p
  cross join lateral (select shared + 1 + (o - 1) % customers as c) k
  on conflict do nothing;
end
$load$;

analyze auth.users;
analyze public.organizations;
analyze public.contacts;
analyze public.products;
analyze public.product_distributors;
analyze public.opportunities;
analyze public.interactions;
analyze public.opportunity_contacts;

select public.refresh_dashboard_view();
