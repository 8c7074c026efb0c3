-- Built while others write: each statement stands for itself, outside of a transaction. Where one fails, those before
-- it stay, and "if not exists" lets the next attempt pass them; that none is invalid is what the check asks.

create index concurrently if not exists idx_customers_email on public.customers (email);
create index concurrently if not exists idx_jobs_scheduled_date on public.jobs (scheduled_date)
  where scheduled_date is not null;
create index concurrently if not exists idx_quotes_created_at on public.quotes (user_id, created_at desc);
create index concurrently if not exists idx_invoices_due_date on public.invoices (due_date)
  where due_date is not null;
