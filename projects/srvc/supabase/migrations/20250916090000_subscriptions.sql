-- What the companies themselves pay for: the plans, and which of them each company has.

create table public.subscription_plans (
  id uuid primary key default gen_random_uuid(),
  stripe_price_id text not null unique check (char_length(stripe_price_id) between 1 and 200),
  name text not null check (char_length(name) between 1 and 100),
  description text check (char_length(description) <= 1000),
  price_cents integer not null check (price_cents >= 0),
  price_amount numeric(12, 2) generated always as (price_cents / 100.0) stored,
  billing_interval text not null check (billing_interval in ('month', 'year')),
  features jsonb not null default '[]',
  -- Without a number there is no limit.
  max_customers integer check (max_customers > 0),
  max_invoices integer check (max_invoices > 0),
  max_storage_gb integer check (max_storage_gb > 0),
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.user_subscriptions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references auth.users (id) on delete restrict,
  stripe_customer_id text not null,
  stripe_subscription_id text not null unique,
  plan_id uuid not null references public.subscription_plans (id) on delete restrict,
  -- "canceled" is Stripe's spelling; jobs and invoices are "cancelled".
  status text not null check (status in ('active', 'canceled', 'past_due', 'unpaid', 'incomplete')),
  current_period_start timestamptz,
  current_period_end timestamptz,
  cancel_at_period_end boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_subscriptions_period_ck check (
    (current_period_start is null) = (current_period_end is null)
    and (current_period_start is null or current_period_start < current_period_end)
  )
);

create index user_subscriptions_plan_id_idx on public.user_subscriptions (plan_id);

alter table public.subscription_plans enable row level security;
alter table public.user_subscriptions enable row level security;
revoke all on public.subscription_plans, public.user_subscriptions from anon, authenticated, service_role;

create trigger subscription_plans_90_updated_at
  before update on public.subscription_plans
  for each row execute function public.set_updated_at();
create trigger user_subscriptions_90_updated_at
  before update on public.user_subscriptions
  for each row execute function public.set_updated_at();
