drop table public."dealNotes";
drop table public.deals;
