drop index concurrently if exists public.idx_customers_email;
drop index concurrently if exists public.idx_jobs_scheduled_date;
drop index concurrently if exists public.idx_quotes_created_at;
drop index concurrently if exists public.idx_invoices_due_date;
