-- What a customer was offered. Money is counted in cents, and shown in whole units.

create table public.quotes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  customer_id uuid not null references public.customers (id) on delete cascade,
  quote_number text not null check (char_length(quote_number) between 1 and 50),
  title text not null check (char_length(title) between 1 and 200),
  description text check (char_length(description) <= 5000),
  subtotal_cents bigint not null default 0 check (subtotal_cents >= 0),
  tax_cents bigint not null default 0 check (tax_cents >= 0),
  total_cents bigint not null default 0 check (total_cents >= 0),
  subtotal numeric(12, 2) generated always as (subtotal_cents / 100.0) stored,
  tax_amount numeric(12, 2) generated always as (tax_cents / 100.0) stored,
  total_amount numeric(12, 2) generated always as (total_cents / 100.0) stored,
  status text not null default 'draft' check (status in ('draft', 'sent', 'accepted', 'rejected', 'expired')),
  valid_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint quotes_user_id_quote_number_uq unique (user_id, quote_number),
  constraint quotes_total_ck check (total_cents = subtotal_cents + tax_cents)
);

create index quotes_customer_id_idx on public.quotes (customer_id);
create index quotes_user_id_status_idx on public.quotes (user_id, status);

alter table public.quotes enable row level security;
revoke all on public.quotes from anon, authenticated, service_role;

create trigger quotes_90_updated_at
  before update on public.quotes
  for each row execute function public.set_updated_at();
