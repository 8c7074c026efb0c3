drop table public.tasks;
drop table public.activities;
drop function public.set_completed_at();
