-- Organizations and the people in them. What an organization is (principal, distributor, customer)
-- is never stored: 040 derives it from what the organization does.

create table if not exists public.organizations (
  organization_id uuid primary key default gen_random_uuid(),
  name citext not null check (length(btrim(name::text)) between 1 and 200),
  state text references public.state_lu,
  city text,
  address_line_1 text,
  address_line_2 text,
  postal_code text,
  country text not null default 'US',
  phone text,
  email citext,
  website text,
  industry text,
  segment text,
  priority text not null default 'C' check (priority in ('A', 'B', 'C', 'D')),
  parent_organization_id uuid references public.organizations,
  description text,
  notes text,
  -- Null means shared: everybody signed in reads it, only the service role writes it.
  owner_user_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint organizations_not_own_parent_ck check (parent_organization_id <> organization_id)
);

create unique index if not exists organizations_name_uq on public.organizations (name);
create index if not exists organizations_state_idx on public.organizations (state);
create index if not exists organizations_owner_idx on public.organizations (owner_user_id);
create index if not exists organizations_parent_idx on public.organizations (parent_organization_id)
  where parent_organization_id is not null;

create table if not exists public.contacts (
  contact_id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations,
  first_name text not null,
  last_name text not null,
  -- concat_ws is not immutable and a generated column must be.
  full_name text generated always as (first_name || ' ' || last_name) stored,
  title text,
  department text,
  role text check (role in ('decision_maker', 'influencer', 'buyer', 'end_user', 'gatekeeper', 'champion')),
  email citext,
  phone text,
  mobile_phone text,
  linkedin_url text,
  is_primary_contact boolean not null default false,
  purchase_influence text not null default 'Unknown'
    check (purchase_influence in ('High', 'Medium', 'Low', 'Unknown')),
  decision_authority text not null default 'End User'
    check (decision_authority in ('Decision Maker', 'Influencer', 'End User', 'Gatekeeper')),
  notes text,
  owner_user_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index if not exists contacts_organization_idx on public.contacts (organization_id);
create index if not exists contacts_owner_idx on public.contacts (owner_user_id);
create unique index if not exists contacts_primary_per_org_uq on public.contacts (organization_id)
  where is_primary_contact;
create unique index if not exists contacts_org_email_uq on public.contacts (organization_id, email)
  where email is not null;

create or replace trigger trg_org_90_updated_at
  before update on public.organizations
  for each row execute function public.set_updated_at();

create or replace trigger trg_con_90_updated_at
  before update on public.contacts
  for each row execute function public.set_updated_at();

grant all on public.organizations, public.contacts to service_role;

-- Closed to signed-in users until row security guards it (050), whose grants a re-run must keep.
do $pack$
begin
  if not exists (select from pg_policies where schemaname = 'public' and tablename = 'organizations') then
    revoke all on public.organizations, public.contacts from anon, authenticated;
  end if;
end
$pack$;
