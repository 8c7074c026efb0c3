drop table public."contactNotes";
drop table public.contacts;
drop function public.see_contact();
