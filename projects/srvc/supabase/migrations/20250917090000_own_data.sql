-- People work on what is their own, and on nothing else. Who writes a row has to own what it refers to as well, or a
-- job could be put on the customer of another company.
--
-- (select auth.uid()) is asked once for a query; without the select it would be asked once for each row.

create policy customers_select_own on public.customers
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy customers_insert_own on public.customers
  for insert to authenticated
  with check (user_id = (select auth.uid()));
create policy customers_update_own on public.customers
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));
create policy customers_delete_own on public.customers
  for delete to authenticated
  using (user_id = (select auth.uid()));

create policy quotes_select_own on public.quotes
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy quotes_insert_own on public.quotes
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (
      select from public.customers c where c.id = quotes.customer_id and c.user_id = (select auth.uid())
    )
  );
create policy quotes_update_own on public.quotes
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (
    user_id = (select auth.uid())
    and exists (
      select from public.customers c where c.id = quotes.customer_id and c.user_id = (select auth.uid())
    )
  );
create policy quotes_delete_own on public.quotes
  for delete to authenticated
  using (user_id = (select auth.uid()));

create policy jobs_select_own on public.jobs
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy jobs_insert_own on public.jobs
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (
      select from public.customers c where c.id = jobs.customer_id and c.user_id = (select auth.uid())
    )
    and (
      jobs.quote_id is null
      or exists (select from public.quotes q where q.id = jobs.quote_id and q.user_id = (select auth.uid()))
    )
  );
create policy jobs_update_own on public.jobs
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (
    user_id = (select auth.uid())
    and exists (
      select from public.customers c where c.id = jobs.customer_id and c.user_id = (select auth.uid())
    )
    and (
      jobs.quote_id is null
      or exists (select from public.quotes q where q.id = jobs.quote_id and q.user_id = (select auth.uid()))
    )
  );
create policy jobs_delete_own on public.jobs
  for delete to authenticated
  using (user_id = (select auth.uid()));

create policy invoices_select_own on public.invoices
  for select to authenticated
  using (user_id = (select auth.uid()));
create policy invoices_insert_own on public.invoices
  for insert to authenticated
  with check (
    user_id = (select auth.uid())
    and exists (
      select from public.customers c where c.id = invoices.customer_id and c.user_id = (select auth.uid())
    )
    and (
      invoices.quote_id is null
      or exists (select from public.quotes q where q.id = invoices.quote_id and q.user_id = (select auth.uid()))
    )
  );
create policy invoices_update_own on public.invoices
  for update to authenticated
  using (user_id = (select auth.uid()))
  with check (
    user_id = (select auth.uid())
    and exists (
      select from public.customers c where c.id = invoices.customer_id and c.user_id = (select auth.uid())
    )
    and (
      invoices.quote_id is null
      or exists (select from public.quotes q where q.id = invoices.quote_id and q.user_id = (select auth.uid()))
    )
  );
create policy invoices_delete_own on public.invoices
  for delete to authenticated
  using (user_id = (select auth.uid()));

-- Read only. What a subscription is follows from what was paid for: the server that hears of payments writes it, with
-- the service key. Who could write it would upgrade themselves.
create policy user_subscriptions_select_own on public.user_subscriptions
  for select to authenticated
  using (user_id = (select auth.uid()));

-- The same for roles: who could write them would make themselves an admin.
create policy user_roles_select_own on public.user_roles
  for select to authenticated
  using (user_id = (select auth.uid()));

grant select, insert, update, delete on public.customers, public.quotes, public.jobs, public.invoices to authenticated;
grant select on public.user_subscriptions, public.user_roles to authenticated;

grant select, insert, update, delete on
  public.customers, public.quotes, public.jobs, public.invoices,
  public.subscription_plans, public.user_subscriptions, public.user_roles
  to service_role;
