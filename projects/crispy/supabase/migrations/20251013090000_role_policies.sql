-- What each role may do. Everybody works on what is their own; an admin on everything; a sales director reads
-- everything. Principals, products, segments and tags are read by all staff, or their labels would vanish.
--
-- Deleted rows pass no policy. That also keeps a plain update from setting deleted_at: the new row would
-- have to be visible.

create policy organizations_select on public.organizations
  for select to authenticated
  using (
    deleted_at is null
    and (
      (select public.current_sales_role()) in ('admin', 'sales_director')
      or sales_id = (select public.current_sales_id())
      or (organization_type = 'principal' and (select public.current_sales_role()) is not null)
    )
  );
create policy organizations_insert on public.organizations
  for insert to authenticated
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy organizations_update on public.organizations
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())))
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy organizations_delete on public.organizations
  for delete to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));

create policy contacts_select on public.contacts
  for select to authenticated
  using (
    deleted_at is null
    and (
      (select public.current_sales_role()) in ('admin', 'sales_director')
      or sales_id = (select public.current_sales_id())
    )
  );
create policy contacts_insert on public.contacts
  for insert to authenticated
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy contacts_update on public.contacts
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())))
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy contacts_delete on public.contacts
  for delete to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));

create policy "contactNotes_select" on public."contactNotes"
  for select to authenticated
  using (
    deleted_at is null
    and (
      (select public.current_sales_role()) in ('admin', 'sales_director')
      or sales_id = (select public.current_sales_id())
    )
  );
create policy "contactNotes_insert" on public."contactNotes"
  for insert to authenticated
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy "contactNotes_update" on public."contactNotes"
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())))
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy "contactNotes_delete" on public."contactNotes"
  for delete to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));

create policy opportunities_select on public.opportunities
  for select to authenticated
  using (
    deleted_at is null
    and (
      (select public.current_sales_role()) in ('admin', 'sales_director')
      or (select public.current_sales_id()) in (opportunity_owner_id, account_manager_id)
    )
  );
create policy opportunities_insert on public.opportunities
  for insert to authenticated
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or (select public.current_sales_id()) in (opportunity_owner_id, account_manager_id)));
create policy opportunities_update on public.opportunities
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or (select public.current_sales_id()) in (opportunity_owner_id, account_manager_id)))
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or (select public.current_sales_id()) in (opportunity_owner_id, account_manager_id)));
create policy opportunities_delete on public.opportunities
  for delete to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or (select public.current_sales_id()) in (opportunity_owner_id, account_manager_id)));

create policy activities_select on public.activities
  for select to authenticated
  using (
    deleted_at is null
    and (
      (select public.current_sales_role()) in ('admin', 'sales_director')
      or created_by = (select public.current_sales_id())
    )
  );
create policy activities_insert on public.activities
  for insert to authenticated
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or created_by = (select public.current_sales_id())));
create policy activities_update on public.activities
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or created_by = (select public.current_sales_id())))
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or created_by = (select public.current_sales_id())));
create policy activities_delete on public.activities
  for delete to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or created_by = (select public.current_sales_id())));

create policy tasks_select on public.tasks
  for select to authenticated
  using (
    deleted_at is null
    and (
      (select public.current_sales_role()) in ('admin', 'sales_director')
      or sales_id = (select public.current_sales_id())
    )
  );
create policy tasks_insert on public.tasks
  for insert to authenticated
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy tasks_update on public.tasks
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())))
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy tasks_delete on public.tasks
  for delete to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));

create policy deals_select on public.deals
  for select to authenticated
  using (
    deleted_at is null
    and (
      (select public.current_sales_role()) in ('admin', 'sales_director')
      or sales_id = (select public.current_sales_id())
    )
  );
create policy deals_insert on public.deals
  for insert to authenticated
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy deals_update on public.deals
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())))
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy deals_delete on public.deals
  for delete to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));

create policy "dealNotes_select" on public."dealNotes"
  for select to authenticated
  using (
    deleted_at is null
    and (
      (select public.current_sales_role()) in ('admin', 'sales_director')
      or sales_id = (select public.current_sales_id())
    )
  );
create policy "dealNotes_insert" on public."dealNotes"
  for insert to authenticated
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy "dealNotes_update" on public."dealNotes"
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())))
  with check (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));
create policy "dealNotes_delete" on public."dealNotes"
  for delete to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or sales_id = (select public.current_sales_id())));

-- Read by all, kept by admins.

create policy products_select on public.products
  for select to authenticated
  using (deleted_at is null and (select public.current_sales_role()) is not null);
create policy products_insert on public.products
  for insert to authenticated
  with check (deleted_at is null and (select public.current_sales_role()) = 'admin');
create policy products_update on public.products
  for update to authenticated
  using (deleted_at is null and (select public.current_sales_role()) = 'admin')
  with check (deleted_at is null and (select public.current_sales_role()) = 'admin');
create policy products_delete on public.products
  for delete to authenticated
  using (deleted_at is null and (select public.current_sales_role()) = 'admin');

create policy segments_select on public.segments
  for select to authenticated
  using ((select public.current_sales_role()) is not null);
create policy segments_insert on public.segments
  for insert to authenticated
  with check ((select public.current_sales_role()) = 'admin');
create policy segments_update on public.segments
  for update to authenticated
  using ((select public.current_sales_role()) = 'admin')
  with check ((select public.current_sales_role()) = 'admin');
create policy segments_delete on public.segments
  for delete to authenticated
  using ((select public.current_sales_role()) = 'admin');

create policy tags_select on public.tags
  for select to authenticated
  using ((select public.current_sales_role()) is not null);
create policy tags_insert on public.tags
  for insert to authenticated
  with check ((select public.current_sales_role()) = 'admin');
create policy tags_update on public.tags
  for update to authenticated
  using ((select public.current_sales_role()) = 'admin')
  with check ((select public.current_sales_role()) = 'admin');
create policy tags_delete on public.tags
  for delete to authenticated
  using ((select public.current_sales_role()) = 'admin');

-- One's own profile, as far as the columns granted below go, and neither role nor disabled: both helpers
-- read the row as it was before the statement.

create policy sales_select on public.sales
  for select to authenticated
  using (deleted_at is null and (select public.current_sales_role()) is not null);
create policy sales_insert on public.sales
  for insert to authenticated
  with check (deleted_at is null and (select public.current_sales_role()) = 'admin');
create policy sales_update on public.sales
  for update to authenticated
  using (deleted_at is null and ((select public.current_sales_role()) = 'admin' or id = (select public.current_sales_id())))
  with check (
    deleted_at is null
    and (
      (select public.current_sales_role()) = 'admin'
      or (id = (select public.current_sales_id()) and role = (select public.current_sales_role()) and not disabled)
    )
  );
create policy sales_delete on public.sales
  for delete to authenticated
  using (deleted_at is null and (select public.current_sales_role()) = 'admin');

-- The login and its address are the auth server's, and deleted_at is archive_record's.
grant select, delete on public.sales to authenticated;
grant insert (user_id, first_name, last_name, email, phone, avatar_url, role, disabled)
  on public.sales to authenticated;
grant update (first_name, last_name, phone, avatar_url, role, disabled)
  on public.sales to authenticated;

grant select, insert, update, delete on
  public.segments, public.tags, public.organizations, public.contacts, public."contactNotes",
  public.products, public.opportunities, public.activities, public.tasks, public.deals, public."dealNotes"
  to authenticated;

grant select, insert, update, delete on
  public.sales, public.segments, public.tags, public.organizations, public.contacts, public."contactNotes",
  public.products, public.opportunities, public.activities, public.tasks, public.deals, public."dealNotes"
  to service_role;
