-- Grants go first: at no moment does somebody signed in see what no policy guards. Row security stays on, as the tables
-- were made, so that only the deployer reaches them.

revoke all on
  public.customers, public.quotes, public.jobs, public.invoices,
  public.subscription_plans, public.user_subscriptions, public.user_roles
  from authenticated, service_role;

drop policy customers_select_own on public.customers;
drop policy customers_insert_own on public.customers;
drop policy customers_update_own on public.customers;
drop policy customers_delete_own on public.customers;
drop policy quotes_select_own on public.quotes;
drop policy quotes_insert_own on public.quotes;
drop policy quotes_update_own on public.quotes;
drop policy quotes_delete_own on public.quotes;
drop policy jobs_select_own on public.jobs;
drop policy jobs_insert_own on public.jobs;
drop policy jobs_update_own on public.jobs;
drop policy jobs_delete_own on public.jobs;
drop policy invoices_select_own on public.invoices;
drop policy invoices_insert_own on public.invoices;
drop policy invoices_update_own on public.invoices;
drop policy invoices_delete_own on public.invoices;
drop policy user_subscriptions_select_own on public.user_subscriptions;
drop policy user_roles_select_own on public.user_roles;
