-- With cascade, because only the owner of auth.users drops a trigger on it: the two go with their function.
drop function public.sync_sales_from_auth() cascade;
drop function public.stamp_actor();
drop function public.stamp_editor();
drop function public.current_sales_id();
drop function public.current_sales_role();
drop table public.sales;
