drop table public.organizations;
drop table public.tags;
drop table public.segments;
