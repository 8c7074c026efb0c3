-- The base data of a development database: 28 segments, an admin who can sign in (admin@test.com, password
-- "password123") and the 16 principals. Only ever for a local database: everybody knows that password. All names are
-- invented. A second run changes nothing.

insert into public.segments (name)
values
  ('Bar/Lounge'), ('Breakfast/Brunch'), ('Business and Industry'), ('Casual Dining'), ('Catering'),
  ('Chain/Group'), ('Country Clubs/Golf/Health Fitness'), ('Distributor'), ('Education'), ('Entertainment'),
  ('Ethnic Cuisine'), ('Fast food'), ('Fine Dining'), ('Food Truck'), ('Gastropub'), ('Healthcare'),
  ('Hospitality'), ('Industrial'), ('Italian'), ('Management Company'), ('Meal Prep Service'),
  ('Military/Government'), ('Pizza'), ('Retail'), ('Travel'), ('Unknown'), ('Vegan/Vegetarian'), ('Vending')
on conflict do nothing;

-- The id is the UUID v5 of the address in the DNS namespace.
insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  -- Supabase's auth server reads these as text and fails on null.
  confirmation_token, recovery_token, email_change, email_change_token_new
)
values (
  '00000000-0000-0000-0000-000000000000', 'fb3c6709-de2d-5ada-9334-332218ce5120',
  'authenticated', 'authenticated', 'admin@test.com',
  extensions.crypt('password123', extensions.gen_salt('bf')), now(),
  '{"provider": "email", "providers": ["email"]}', '{"first_name": "Admin", "last_name": "User"}', now(), now(),
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
where u.email = 'admin@test.com'
on conflict do nothing;

-- Not left to the trigger on auth.users, which does not fire when the user was there already.
insert into public.sales (user_id, first_name, last_name, email, role)
select u.id, 'Admin', 'User', u.email, 'admin'
from auth.users u
where u.email = 'admin@test.com'
on conflict (user_id) do update set role = excluded.role where sales.role <> excluded.role;

insert into public.organizations (name, organization_type, priority, segment_id, sales_id)
select principal.name, 'principal', 'A', segment.id, admin.id
from (
  values
    ('Larkfield Cheese Works'), ('Copper Kettle Sauces'), ('Northmere Fries'), ('Tansy Hill Bakery'),
    ('Blue Quay Seafood'), ('Oat & Anvil Dairy'), ('Redbarrow Meats'), ('Sunmill Pasta'),
    ('Juniper Row Beverages'), ('Harrow Spice Trading'), ('Millpond Frozen Fruit'), ('Saltgrass Snacks'),
    ('Fernleigh Soups'), ('Pepperline Produce'), ('Kestrel Coffee Roasters'), ('Mapleford Desserts')
) principal (name)
join public.sales admin on admin.email = 'admin@test.com'
join public.segments segment on segment.name = 'Industrial'
where not exists (select from public.organizations o where o.name = principal.name and o.organization_type = 'principal');
