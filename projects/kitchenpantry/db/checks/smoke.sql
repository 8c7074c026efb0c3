-- After every deployment, whatever it changed: the few things that must be true of a working database.

-- check: a new user reads every table and view granted to signed-in users
-- A policy that reads itself raises 42P17 here. Before phase 6 the views are granted but not yet the tables below them.
-- expect: true
insert into auth.users (id, email, aud, role, raw_app_meta_data)
values
  ('a0000000-0000-4000-8000-00000000000a', 'ada@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000b', 'ben@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000c', 'cleo@check.test', 'authenticated', 'authenticated', '{}'),
  ('a0000000-0000-4000-8000-00000000000d', 'dora@check.test', 'authenticated', 'authenticated', '{"role": "admin"}');
-- as: user ada@check.test
do $$
declare
  relation text;
begin
  for relation in
    select format('%I.%I', ns.nspname, c.relname)
    from pg_class c
    join pg_namespace ns on ns.oid = c.relnamespace
    where ns.nspname in ('public', 'reporting')
      and c.relkind in ('r', 'p', 'v')
      and has_schema_privilege(ns.oid, 'usage')
      and has_table_privilege(c.oid, 'select')
      and to_regprocedure('public.my_accessible_organizations()') is not null
  loop
    execute 'select from ' || relation || ' limit 1';
  end loop;
end
$$;
select true;

-- check: anon reads no table and no view
-- expect: no rows
-- as: deployer
select c.oid::regclass
from pg_class c
join pg_namespace ns on ns.oid = c.relnamespace
where ns.nspname in ('public', 'reporting')
  and c.relkind in ('r', 'p', 'v', 'm')
  and has_schema_privilege('anon', ns.oid, 'usage')
  and has_table_privilege('anon', c.oid, 'select, insert, update, delete');

-- check: no table that signed-in users reach lacks row security
-- expect: no rows
select c.oid::regclass
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and not c.relrowsecurity
  and has_table_privilege('authenticated', c.oid, 'select, insert, update, delete');

-- check: every index is valid
-- expect: no rows
select x.indexrelid::regclass
from pg_index x
join pg_class c on c.oid = x.indexrelid
join pg_namespace ns on ns.oid = c.relnamespace
where ns.nspname in ('public', 'reporting') and not x.indisvalid;
