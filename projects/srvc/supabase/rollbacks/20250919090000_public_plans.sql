revoke all on public.subscription_plans from anon;
drop policy public_read on public.subscription_plans;
