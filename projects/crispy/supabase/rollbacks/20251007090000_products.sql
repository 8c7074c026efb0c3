drop table public.products;
