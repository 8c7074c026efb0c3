-- What lists, searches and the messages of Stripe look for.

create index customers_user_id_name_idx on public.customers (user_id, last_name, first_name);
create index customers_name_search_idx on public.customers
  using gin (to_tsvector('simple', first_name || ' ' || last_name || ' ' || coalesce(company_name, '')));
create index quotes_quote_number_idx on public.quotes (quote_number);
create index invoices_invoice_number_idx on public.invoices (invoice_number);

create index customers_stripe_customer_id_idx on public.customers (stripe_customer_id)
  where stripe_customer_id is not null;
create index invoices_stripe_payment_intent_id_idx on public.invoices (stripe_payment_intent_id)
  where stripe_payment_intent_id is not null;
create index user_subscriptions_stripe_customer_id_idx on public.user_subscriptions (stripe_customer_id);
create index user_subscriptions_current_period_end_idx on public.user_subscriptions (current_period_end);

-- What was changed since somebody looked.
create index customers_updated_at_idx on public.customers (updated_at);
create index quotes_updated_at_idx on public.quotes (updated_at);
create index jobs_updated_at_idx on public.jobs (updated_at);
create index invoices_updated_at_idx on public.invoices (updated_at);
create index user_subscriptions_updated_at_idx on public.user_subscriptions (updated_at);
