-- What is done for a customer, perhaps after a quote.

create table public.jobs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  customer_id uuid not null references public.customers (id) on delete cascade,
  quote_id uuid references public.quotes (id) on delete set null,
  title text not null check (char_length(title) between 1 and 200),
  description text check (char_length(description) <= 5000),
  status text not null default 'pending' check (status in ('pending', 'in_progress', 'completed', 'cancelled')),
  scheduled_date timestamptz,
  estimated_hours numeric(8, 2) check (estimated_hours >= 0),
  actual_hours numeric(8, 2) check (actual_hours >= 0),
  notes text check (char_length(notes) <= 2000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index idx_jobs_customer_id on public.jobs (customer_id);
create index jobs_quote_id_idx on public.jobs (quote_id) where quote_id is not null;
-- The user comes first: what people ask for is their own open jobs.
create index idx_jobs_status on public.jobs (user_id, status);

alter table public.jobs enable row level security;
revoke all on public.jobs from anon, authenticated, service_role;

create trigger jobs_90_updated_at
  before update on public.jobs
  for each row execute function public.set_updated_at();
