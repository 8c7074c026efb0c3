drop table public.user_roles;
