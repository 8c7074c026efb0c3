-- What a customer owes. A financial record: the customer stays as long as there is one.

create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete restrict,
  customer_id uuid not null references public.customers (id) on delete restrict,
  quote_id uuid references public.quotes (id) on delete set null,
  invoice_number text not null check (char_length(invoice_number) between 1 and 50),
  title text not null check (char_length(title) between 1 and 200),
  description text check (char_length(description) <= 5000),
  subtotal_cents bigint not null default 0 check (subtotal_cents >= 0),
  tax_cents bigint not null default 0 check (tax_cents >= 0),
  total_cents bigint not null default 0 check (total_cents >= 0),
  subtotal numeric(12, 2) generated always as (subtotal_cents / 100.0) stored,
  tax_amount numeric(12, 2) generated always as (tax_cents / 100.0) stored,
  total_amount numeric(12, 2) generated always as (total_cents / 100.0) stored,
  status text not null default 'draft'
    check (status in ('draft', 'sent', 'paid', 'partially_paid', 'overdue', 'cancelled')),
  due_date timestamptz,
  paid_date timestamptz,
  stripe_payment_intent_id text check (char_length(stripe_payment_intent_id) <= 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint invoices_user_id_invoice_number_uq unique (user_id, invoice_number),
  constraint invoices_total_ck check (total_cents = subtotal_cents + tax_cents),
  constraint invoices_paid_date_ck check ((status = 'paid') = (paid_date is not null))
);

create index invoices_customer_id_idx on public.invoices (customer_id);
create index invoices_quote_id_idx on public.invoices (quote_id) where quote_id is not null;
create index invoices_user_id_status_idx on public.invoices (user_id, status);

alter table public.invoices enable row level security;
revoke all on public.invoices from anon, authenticated, service_role;

create trigger invoices_90_updated_at
  before update on public.invoices
  for each row execute function public.set_updated_at();
