drop trigger contacts_30_organization_in_sight on public.contacts;
drop trigger "contactNotes_30_contact_in_sight" on public."contactNotes";
drop trigger opportunities_30_customer_organization_in_sight on public.opportunities;
drop trigger opportunities_30_principal_organization_in_sight on public.opportunities;
drop trigger opportunities_30_distributor_organization_in_sight on public.opportunities;
drop trigger activities_30_contact_in_sight on public.activities;
drop trigger activities_30_organization_in_sight on public.activities;
drop trigger activities_30_opportunity_in_sight on public.activities;
drop trigger tasks_30_contact_in_sight on public.tasks;
drop trigger tasks_30_opportunity_in_sight on public.tasks;
drop trigger deals_30_organization_in_sight on public.deals;
drop trigger "dealNotes_30_deal_in_sight" on public."dealNotes";
drop function public.reference_in_sight();

alter policy contacts_insert on public.contacts
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
alter policy "contactNotes_insert" on public."contactNotes"
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
alter policy opportunities_insert on public.opportunities
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or (select public.current_sales_id()) in (opportunity_owner_id, account_manager_id)));
alter policy activities_insert on public.activities
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or created_by = (select public.current_sales_id())));
alter policy tasks_insert on public.tasks
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
alter policy deals_insert on public.deals
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
alter policy "dealNotes_insert" on public."dealNotes"
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
