-- What is archived stays so: deleted_at belongs to the tables.

drop function public.restore_record(text, bigint);
drop function public.archive_record(text, bigint);
drop function public.archivable_record(text, bigint, boolean);
drop function public.archive_rules(text);
