-- What somebody is beside an owner of data. Kept here and not in auth.users, where users write about themselves.

-- pantler:ignore missing-updated-at a role is granted or taken away, never changed
create table public.user_roles (
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null check (role in ('admin', 'member')),
  granted_at timestamptz not null default now(),
  primary key (user_id, role)
);

alter table public.user_roles enable row level security;
revoke all on public.user_roles from anon, authenticated, service_role;
