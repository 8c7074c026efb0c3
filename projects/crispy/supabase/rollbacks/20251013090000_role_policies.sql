-- Grants go first: at no moment does somebody signed in see what no policy guards. Row security stays on,
-- as the tables were made, so that only the deployer reaches them.

revoke all on
  public.sales, public.segments, public.tags, public.organizations, public.contacts, public."contactNotes",
  public.products, public.opportunities, public.activities, public.tasks, public.deals, public."dealNotes"
  from authenticated, service_role;

drop policy organizations_select on public.organizations;
drop policy organizations_insert on public.organizations;
drop policy organizations_update on public.organizations;
drop policy organizations_delete on public.organizations;
drop policy contacts_select on public.contacts;
drop policy contacts_insert on public.contacts;
drop policy contacts_update on public.contacts;
drop policy contacts_delete on public.contacts;
drop policy "contactNotes_select" on public."contactNotes";
drop policy "contactNotes_insert" on public."contactNotes";
drop policy "contactNotes_update" on public."contactNotes";
drop policy "contactNotes_delete" on public."contactNotes";
drop policy opportunities_select on public.opportunities;
drop policy opportunities_insert on public.opportunities;
drop policy opportunities_update on public.opportunities;
drop policy opportunities_delete on public.opportunities;
drop policy activities_select on public.activities;
drop policy activities_insert on public.activities;
drop policy activities_update on public.activities;
drop policy activities_delete on public.activities;
drop policy tasks_select on public.tasks;
drop policy tasks_insert on public.tasks;
drop policy tasks_update on public.tasks;
drop policy tasks_delete on public.tasks;
drop policy deals_select on public.deals;
drop policy deals_insert on public.deals;
drop policy deals_update on public.deals;
drop policy deals_delete on public.deals;
drop policy "dealNotes_select" on public."dealNotes";
drop policy "dealNotes_insert" on public."dealNotes";
drop policy "dealNotes_update" on public."dealNotes";
drop policy "dealNotes_delete" on public."dealNotes";
drop policy products_select on public.products;
drop policy products_insert on public.products;
drop policy products_update on public.products;
drop policy products_delete on public.products;
drop policy segments_select on public.segments;
drop policy segments_insert on public.segments;
drop policy segments_update on public.segments;
drop policy segments_delete on public.segments;
drop policy tags_select on public.tags;
drop policy tags_insert on public.tags;
drop policy tags_update on public.tags;
drop policy tags_delete on public.tags;
drop policy sales_select on public.sales;
drop policy sales_insert on public.sales;
drop policy sales_update on public.sales;
drop policy sales_delete on public.sales;
