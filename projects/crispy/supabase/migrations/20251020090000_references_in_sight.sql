-- Foreign keys are checked without policies: rows could be hung onto what their writer does not see, and a note there even
-- moved the hidden contact's last_seen. Whoever is no admin refers to what they see from now on. What is hidden and what is not
-- there are refused alike, so that nobody tries which exist.

-- New rows, by their policies. An admin passes before any of it is looked up.

alter policy contacts_insert on public.contacts
  with check (
    deleted_at is null
    and (
      (select public.current_sales_role()) = 'admin'
      or (
        sales_id = (select public.current_sales_id())
        and (
          organization_id is null
          or exists (select from public.organizations o where o.id = contacts.organization_id)
        )
      )
    )
  );
alter policy "contactNotes_insert" on public."contactNotes"
  with check (
    deleted_at is null
    and (
      (select public.current_sales_role()) = 'admin'
      or (
        sales_id = (select public.current_sales_id())
        and exists (select from public.contacts c where c.id = "contactNotes".contact_id)
      )
    )
  );
alter policy opportunities_insert on public.opportunities
  with check (
    deleted_at is null
    and (
      (select public.current_sales_role()) = 'admin'
      or (
        (select public.current_sales_id()) in (opportunity_owner_id, account_manager_id)
        and exists (select from public.organizations o where o.id = opportunities.customer_organization_id)
        and (
          principal_organization_id is null
          or exists (select from public.organizations o where o.id = opportunities.principal_organization_id)
        )
        and (
          distributor_organization_id is null
          or exists (select from public.organizations o where o.id = opportunities.distributor_organization_id)
        )
      )
    )
  );
-- Who was given an opportunity need not see its customer, and records what was done with them all the same.
alter policy activities_insert on public.activities
  with check (
    deleted_at is null
    and (
      (select public.current_sales_role()) = 'admin'
      or (
        created_by = (select public.current_sales_id())
        and (
          contact_id is null
          or exists (select from public.contacts c where c.id = activities.contact_id)
        )
        and (
          organization_id is null
          or exists (select from public.organizations o where o.id = activities.organization_id)
          or exists (
            select from public.opportunities p
            where p.id = activities.opportunity_id and p.customer_organization_id = activities.organization_id
          )
        )
        and (
          opportunity_id is null
          or exists (select from public.opportunities p where p.id = activities.opportunity_id)
        )
      )
    )
  );
alter policy tasks_insert on public.tasks
  with check (
    deleted_at is null
    and (
      (select public.current_sales_role()) = 'admin'
      or (
        sales_id = (select public.current_sales_id())
        and (
          contact_id is null
          or exists (select from public.contacts c where c.id = tasks.contact_id)
        )
        and (
          opportunity_id is null
          or exists (select from public.opportunities p where p.id = tasks.opportunity_id)
        )
      )
    )
  );
alter policy deals_insert on public.deals
  with check (
    deleted_at is null
    and (
      (select public.current_sales_role()) = 'admin'
      or (
        sales_id = (select public.current_sales_id())
        and (
          organization_id is null
          or exists (select from public.organizations o where o.id = deals.organization_id)
        )
      )
    )
  );
alter policy "dealNotes_insert" on public."dealNotes"
  with check (
    deleted_at is null
    and (
      (select public.current_sales_role()) = 'admin'
      or (
        sales_id = (select public.current_sales_id())
        and exists (select from public.deals d where d.id = "dealNotes".deal_id)
      )
    )
  );

-- Changed rows, by triggers: a policy sees the new row alone, and would keep people from every change of what is theirs once
-- something that it refers to was archived or given to somebody else. These look at a reference only where it changes.
-- As the caller, so that the policies of what is referred to decide.
create function public.reference_in_sight() returns trigger
  language plpgsql
  set search_path = ''
as $function$
declare
  key constant bigint := to_jsonb(new) ->> tg_argv[0];
  seen constant boolean := case tg_argv[1]
    when 'organizations' then exists (select from public.organizations o where o.id = key)
    when 'contacts' then exists (select from public.contacts c where c.id = key)
    when 'opportunities' then exists (select from public.opportunities p where p.id = key)
    when 'deals' then exists (select from public.deals d where d.id = key)
  end;
begin
  -- The service key and the deployer have no role. A signed-in user without one is refused by the policies.
  if seen or coalesce(public.current_sales_role(), 'admin') = 'admin' then
    return new;
  end if;
  raise exception '% of % refers to a row that is not there or not to be seen', tg_argv[0], tg_table_name
    using errcode = 'insufficient_privilege',
      hint = format('Choose one of the %s that you see.', tg_argv[1]);
end
$function$;

revoke all on function public.reference_in_sight() from public, anon, authenticated, service_role;

create trigger contacts_30_organization_in_sight
  before update on public.contacts
  for each row
  when (new.organization_id is not null and new.organization_id is distinct from old.organization_id)
  execute function public.reference_in_sight('organization_id', 'organizations');
create trigger "contactNotes_30_contact_in_sight"
  before update on public."contactNotes"
  for each row
  when (new.contact_id is not null and new.contact_id is distinct from old.contact_id)
  execute function public.reference_in_sight('contact_id', 'contacts');
create trigger opportunities_30_customer_organization_in_sight
  before update on public.opportunities
  for each row
  when (new.customer_organization_id is not null
    and new.customer_organization_id is distinct from old.customer_organization_id)
  execute function public.reference_in_sight('customer_organization_id', 'organizations');
create trigger opportunities_30_principal_organization_in_sight
  before update on public.opportunities
  for each row
  when (new.principal_organization_id is not null
    and new.principal_organization_id is distinct from old.principal_organization_id)
  execute function public.reference_in_sight('principal_organization_id', 'organizations');
create trigger opportunities_30_distributor_organization_in_sight
  before update on public.opportunities
  for each row
  when (new.distributor_organization_id is not null
    and new.distributor_organization_id is distinct from old.distributor_organization_id)
  execute function public.reference_in_sight('distributor_organization_id', 'organizations');
create trigger activities_30_contact_in_sight
  before update on public.activities
  for each row
  when (new.contact_id is not null and new.contact_id is distinct from old.contact_id)
  execute function public.reference_in_sight('contact_id', 'contacts');
create trigger activities_30_organization_in_sight
  before update on public.activities
  for each row
  when (new.organization_id is not null and new.organization_id is distinct from old.organization_id)
  execute function public.reference_in_sight('organization_id', 'organizations');
create trigger activities_30_opportunity_in_sight
  before update on public.activities
  for each row
  when (new.opportunity_id is not null and new.opportunity_id is distinct from old.opportunity_id)
  execute function public.reference_in_sight('opportunity_id', 'opportunities');
create trigger tasks_30_contact_in_sight
  before update on public.tasks
  for each row
  when (new.contact_id is not null and new.contact_id is distinct from old.contact_id)
  execute function public.reference_in_sight('contact_id', 'contacts');
create trigger tasks_30_opportunity_in_sight
  before update on public.tasks
  for each row
  when (new.opportunity_id is not null and new.opportunity_id is distinct from old.opportunity_id)
  execute function public.reference_in_sight('opportunity_id', 'opportunities');
create trigger deals_30_organization_in_sight
  before update on public.deals
  for each row
  when (new.organization_id is not null and new.organization_id is distinct from old.organization_id)
  execute function public.reference_in_sight('organization_id', 'organizations');
create trigger "dealNotes_30_deal_in_sight"
  before update on public."dealNotes"
  for each row
  when (new.deal_id is not null and new.deal_id is distinct from old.deal_id)
  execute function public.reference_in_sight('deal_id', 'deals');
