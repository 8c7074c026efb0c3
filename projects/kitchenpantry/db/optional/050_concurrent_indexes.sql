-- Optional, before 050, on a populated production database: builds the four owner indexes without
-- blocking writers. 050 then finds them and refuses to go on if a build was interrupted.
--
-- Not in a transaction: CREATE INDEX CONCURRENTLY is refused there (25001). Adding the columns first is
-- instant, for they have no default.

alter table public.opportunities add column if not exists deleted_at timestamptz;
alter table public.interactions add column if not exists deleted_at timestamptz;
alter table public.organizations add column if not exists deleted_at timestamptz;

create index concurrently if not exists idx_opportunities_owner_deleted
  on public.opportunities (owner_user_id, deleted_at)
  where deleted_at is null;
create index concurrently if not exists idx_opportunities_owner_created
  on public.opportunities (owner_user_id, created_at desc)
  include (opportunity_id, organization_id, principal_org_id, distributor_org_id, deleted_at);
create index concurrently if not exists idx_interactions_composite
  on public.interactions (opportunity_id, interaction_date desc, deleted_at)
  where deleted_at is null;
create index concurrently if not exists idx_organizations_owner_deleted
  on public.organizations (owner_user_id, deleted_at)
  where deleted_at is null;
