drop trigger organizations_70_audit on public.organizations;
drop trigger contacts_70_audit on public.contacts;
drop trigger opportunities_70_audit on public.opportunities;
drop function audit.log_changes();
drop table audit.change_log;
drop schema audit;
