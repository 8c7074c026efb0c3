drop table public.opportunities;
drop function public.move_opportunity();
