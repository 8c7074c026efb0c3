drop table public.test_user_metadata;
