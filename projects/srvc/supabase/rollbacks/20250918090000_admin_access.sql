revoke all on public.subscription_plans from authenticated;
revoke insert, update, delete on public.user_subscriptions from authenticated;

drop policy admin_full_access on public.customers;
drop policy admin_full_access on public.quotes;
drop policy admin_full_access on public.jobs;
drop policy admin_full_access on public.invoices;
drop policy admin_full_access on public.subscription_plans;
drop policy admin_full_access on public.user_subscriptions;
