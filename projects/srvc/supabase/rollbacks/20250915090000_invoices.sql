drop table public.invoices;
