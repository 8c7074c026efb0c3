-- After every deployment, whatever it changed: what must be true of every table, function and policy.

-- check: a new user reads every table granted to signed-in users
-- A policy that reads itself raises 42P17 here.
-- expect: true
insert into auth.users (id, email, aud, role)
values ('c0000000-0000-4000-8000-000000000001', 'ada@check.test', 'authenticated', 'authenticated');
-- as: user ada@check.test
do $$
declare
  relation text;
begin
  for relation in
    select format('%I.%I', ns.nspname, c.relname)
    from pg_class c
    join pg_namespace ns on ns.oid = c.relnamespace
    where ns.nspname in ('public', 'audit', 'archive')
      and c.relkind in ('r', 'p', 'v')
      and has_schema_privilege(ns.oid, 'usage')
      and has_table_privilege(c.oid, 'select')
  loop
    execute 'select from ' || relation || ' limit 1';
  end loop;
end
$$;
select true;

-- check: anon reaches no table
-- expect: no rows
select c.oid::regclass
from pg_class c
join pg_namespace ns on ns.oid = c.relnamespace
where ns.nspname in ('public', 'audit', 'archive')
  and c.relkind in ('r', 'p', 'v', 'm')
  and (
    has_table_privilege('anon', c.oid, 'select, insert, update, delete, truncate, references, trigger')
    or has_any_column_privilege('anon', c.oid, 'select, insert, update')
  );

-- check: neither anon nor anybody signed in reaches a sequence
-- expect: no rows
select c.oid::regclass
from pg_class c
join pg_namespace ns on ns.oid = c.relnamespace
where ns.nspname in ('public', 'audit', 'archive')
  and c.relkind = 'S'
  and (
    has_sequence_privilege('anon', c.oid, 'usage, select, update')
    or has_sequence_privilege('authenticated', c.oid, 'usage, select, update')
  );

-- check: anon calls no function
-- Save for those of extensions.
-- expect: no rows
select p.oid::regprocedure
from pg_proc p
join pg_namespace ns on ns.oid = p.pronamespace
where ns.nspname in ('public', 'audit', 'archive')
  and has_function_privilege('anon', p.oid, 'execute')
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e');

-- check: signed-in users call only what is meant for them
-- expect: no rows
select p.oid::regprocedure
from pg_proc p
join pg_namespace ns on ns.oid = p.pronamespace
where ns.nspname in ('public', 'audit', 'archive')
  and has_function_privilege('authenticated', p.oid, 'execute')
  and p.proname not in ('current_sales_id', 'current_sales_role', 'archive_record', 'restore_record')
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e');

-- check: every function pins its search_path
-- expect: no rows
select p.oid::regprocedure
from pg_proc p
join pg_namespace ns on ns.oid = p.pronamespace
where ns.nspname in ('public', 'audit', 'archive')
  and not coalesce(array_to_string(p.proconfig, ' ') ~ 'search_path=', false)
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e');

-- check: every table has row security
-- expect: no rows
select c.oid::regclass
from pg_class c
join pg_namespace ns on ns.oid = c.relnamespace
where ns.nspname in ('public', 'audit', 'archive') and c.relkind in ('r', 'p') and not c.relrowsecurity;

-- check: signed-in users neither empty tables nor make triggers on them
-- expect: no rows
select c.oid::regclass
from pg_class c
join pg_namespace ns on ns.oid = c.relnamespace
where ns.nspname in ('public', 'audit', 'archive')
  and c.relkind in ('r', 'p')
  and has_table_privilege('authenticated', c.oid, 'truncate, references, trigger');

-- check: policies ask who is signed in once for a query, not once for a row
-- expect: no rows
select p.tablename, p.policyname
from pg_policies p
where p.schemaname in ('public', 'audit', 'archive')
  and regexp_replace(concat_ws(' ', p.qual, p.with_check), 'SELECT (public\.)?current_sales_(id|role)\(\)', '', 'g')
    like '%current_sales_%()%';

-- check: every foreign key has a whole index that begins with it
-- One of live rows would not do: a delete of what the key refers to has to find the archived ones as well.
-- expect: no rows
select k.conrelid::regclass, k.conname
from pg_constraint k
join pg_namespace ns on ns.oid = k.connamespace
where ns.nspname in ('public', 'audit', 'archive')
  and k.contype = 'f'
  and not exists (select from pg_index x where x.indrelid = k.conrelid and x.indkey[0] = k.conkey[1] and x.indpred is null);

-- check: every table that says when it was changed keeps it true
-- expect: no rows
select a.attrelid::regclass
from pg_attribute a
join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and a.attname = 'updated_at'
  and not a.attisdropped
  and not exists (
    select
    from pg_trigger t
    where t.tgrelid = c.oid and t.tgfoid = to_regprocedure('public.set_updated_at()') and t.tgenabled = 'O'
  );

-- check: every index is valid
-- expect: no rows
select x.indexrelid::regclass
from pg_index x
join pg_class c on c.oid = x.indexrelid
join pg_namespace ns on ns.oid = c.relnamespace
where ns.nspname in ('public', 'audit', 'archive') and not x.indisvalid;
