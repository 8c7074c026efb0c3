-- check: the indexes that were built beside the work of others are whole
-- expect: value idx_customers_email, idx_invoices_due_date, idx_jobs_scheduled_date, idx_quotes_created_at
select string_agg(c.relname, ', ' order by c.relname)
from pg_index x
join pg_class c on c.oid = x.indexrelid
where x.indexrelid in (
    to_regclass('idx_customers_email'), to_regclass('idx_jobs_scheduled_date'), to_regclass('idx_quotes_created_at'),
    to_regclass('idx_invoices_due_date')
  )
  and x.indisvalid;

-- check: the newest quotes of a company are read in their order
-- expect: true
select pg_get_indexdef(to_regclass('idx_quotes_created_at')) like '%(user_id, created_at DESC)';
