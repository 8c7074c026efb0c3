-- Emergency: row security keeps the business from working. Signed-in users lose their grants first,
-- for without policies they would read each other's rows; the service role goes on working. Somebody
-- who accepts that exposure sets kp.keep_grants to 'on' beforehand. To come back, run 050 and 060 again.

do $rollback$
begin
  if coalesce(current_setting('kp.keep_grants', true), '') <> 'on' then
    revoke all on
      public.stage_lu, public.status_lu, public.interaction_type_lu,
      public.source_lu, public.loss_reason_lu, public.state_lu,
      public.organizations, public.contacts, public.products, public.product_distributors,
      public.opportunities, public.interactions
      from anon, authenticated;
    if to_regclass('public.opportunity_contacts') is not null then
      revoke all on public.opportunity_contacts from anon, authenticated;
    end if;
  end if;
  if to_regclass('public.opportunity_contacts') is not null then
    alter table public.opportunity_contacts disable row level security;
  end if;
end
$rollback$;

alter table public.stage_lu disable row level security;
alter table public.status_lu disable row level security;
alter table public.interaction_type_lu disable row level security;
alter table public.source_lu disable row level security;
alter table public.loss_reason_lu disable row level security;
alter table public.state_lu disable row level security;
alter table public.organizations disable row level security;
alter table public.contacts disable row level security;
alter table public.products disable row level security;
alter table public.product_distributors disable row level security;
alter table public.opportunities disable row level security;
alter table public.interactions disable row level security;
