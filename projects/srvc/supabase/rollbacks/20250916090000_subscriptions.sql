drop table public.user_subscriptions;
drop table public.subscription_plans;
