-- The customers of each company: people and where they live. The user who owns a row is the company.

create table public.customers (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  first_name text not null check (btrim(first_name) <> '' and char_length(first_name) <= 100),
  last_name text not null check (btrim(last_name) <> '' and char_length(last_name) <= 100),
  -- Optional: many a customer has a telephone and nothing else.
  email text check (email ~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$'),
  phone text check (char_length(phone) >= 10),
  company_name text check (char_length(company_name) <= 200),
  address_street text check (char_length(address_street) <= 200),
  address_city text check (char_length(address_city) <= 100),
  address_state text check (char_length(address_state) <= 50),
  address_zip text check (char_length(address_zip) <= 20),
  notes text check (char_length(notes) <= 2000),
  stripe_customer_id text check (char_length(stripe_customer_id) between 1 and 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create unique index customers_user_id_email_uq on public.customers (user_id, lower(email));
create index idx_customers_user_id on public.customers (user_id);

alter table public.customers enable row level security;
revoke all on public.customers from anon, authenticated, service_role;

create trigger customers_90_updated_at
  before update on public.customers
  for each row execute function public.set_updated_at();
