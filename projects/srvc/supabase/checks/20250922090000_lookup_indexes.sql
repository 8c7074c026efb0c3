-- check: what people and Stripe look up has its index
-- expect: no rows
select name
from unnest(array[
  'customers_user_id_name_idx', 'customers_name_search_idx', 'quotes_quote_number_idx', 'invoices_invoice_number_idx',
  'customers_stripe_customer_id_idx', 'invoices_stripe_payment_intent_id_idx',
  'user_subscriptions_stripe_customer_id_idx', 'user_subscriptions_current_period_end_idx'
]) name
where to_regclass(name) is null;

-- check: what was changed lately is found in each table that people work with
-- expect: no rows
select name
from unnest(array['customers', 'quotes', 'jobs', 'invoices', 'user_subscriptions']) name
where to_regclass(name || '_updated_at_idx') is null;
