-- The plans that are for sale are read by everybody, also before they sign up.

create policy public_read on public.subscription_plans
  for select to anon, authenticated
  using (is_active);

-- pantler:ignore grant-to-anon the page with the prices is for visitors
grant select on public.subscription_plans to anon;
