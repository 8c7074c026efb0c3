-- Which users are test users, and how much data each was given. Written with the service key alone.

create table public.test_user_metadata (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null unique references auth.users (id) on delete cascade,
  role text not null check (role in ('admin', 'sales_director', 'account_manager')),
  created_by text default 'automated_script',
  created_at timestamptz not null default now(),
  last_sync_at timestamptz,
  test_data_counts jsonb not null default '{
    "contacts": 0, "organizations": 0, "opportunities": 0, "activities": 0, "tasks": 0, "notes": 0
  }'
);

create index idx_test_user_metadata_role on public.test_user_metadata (role);

alter table public.test_user_metadata enable row level security;
revoke all on public.test_user_metadata from anon, authenticated, service_role;
grant select on public.test_user_metadata to authenticated;
grant select, insert, update, delete on public.test_user_metadata to service_role;

create policy test_user_metadata_select on public.test_user_metadata
  for select to authenticated
  using ((select public.current_sales_role()) is not null);
