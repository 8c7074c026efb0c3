-- An admin sees and edits everything save for roles: a policy of user_roles that reads user_roles would never end
-- (42P17), and who is an admin is decided with the service key.
--
-- Whether somebody is one does not depend on the row, so it is asked once for a query. Everybody sees their own roles
-- and no others, which is all that the question needs.

create policy admin_full_access on public.customers
  for all to authenticated
  using (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'))
  with check (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'));
create policy admin_full_access on public.quotes
  for all to authenticated
  using (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'))
  with check (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'));
create policy admin_full_access on public.jobs
  for all to authenticated
  using (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'))
  with check (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'));
create policy admin_full_access on public.invoices
  for all to authenticated
  using (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'))
  with check (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'));
create policy admin_full_access on public.subscription_plans
  for all to authenticated
  using (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'))
  with check (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'));
create policy admin_full_access on public.user_subscriptions
  for all to authenticated
  using (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'))
  with check (exists (select from public.user_roles r where r.user_id = (select auth.uid()) and r.role = 'admin'));

grant select, insert, update, delete on public.subscription_plans, public.user_subscriptions to authenticated;
