-- Refused while something else needs the extension.

drop function public.set_updated_at();
drop extension citext;
