-- Optional, after 060, where pg_cron is available: refreshes the dashboard every 15 minutes, and once
-- off-peak with new statistics. Scheduling a job under its name again replaces it.

create extension if not exists pg_cron;

select cron.schedule('kitchenpantry_dashboard', '*/15 * * * *', 'select public.refresh_dashboard_view()');
select cron.schedule(
  'kitchenpantry_dashboard_nightly',
  '20 3 * * *',
  'select public.refresh_dashboard_view(); analyze reporting.dashboard_summary'
);
