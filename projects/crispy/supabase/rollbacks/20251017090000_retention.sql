-- Refused while rows are kept there: it is the only place that still holds them.

do $rollback$
begin
  if exists (select from archive.records) then
    raise exception 'archive.records still holds rows'
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'Take them elsewhere and empty it, then roll back.';
  end if;
end
$rollback$;

drop function public.archive_expired(interval);
drop table archive.records;
drop schema archive;
