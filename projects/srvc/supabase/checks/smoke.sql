-- After every deployment, whatever it changed: what must be true of every table, function and policy.

-- check: a new user reads every table granted to signed-in users
-- A policy that reads itself raises 42P17 here.
-- expect: true
insert into auth.users (id, email, aud, role)
values ('c0000000-0000-4000-8000-000000000001', 'ann@check.test', 'authenticated', 'authenticated');
-- as: user ann@check.test
do $$
declare
  relation regclass;
begin
  for relation in
    select c.oid
    from pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p', 'v')
      and has_table_privilege(c.oid, 'select')
  loop
    execute format('select from %s limit 1', relation);
  end loop;
end
$$;
select true;

-- check: anon reads the plans and reaches no table otherwise
-- expect: no rows
select c.oid::regclass, privilege
from pg_class c
cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) privilege
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (
    has_table_privilege('anon', c.oid, privilege)
    or (privilege in ('select', 'insert', 'update', 'references') and has_any_column_privilege('anon', c.oid, privilege))
  )
  and not (c.relname = 'subscription_plans' and privilege = 'select');

-- check: neither anon nor anybody signed in writes roles
-- expect: no rows
select role, privilege
from pg_class c
cross join unnest(array['anon', 'authenticated']) role
cross join unnest(array['insert', 'update', 'delete', 'truncate']) privilege
where c.oid = to_regclass('public.user_roles')
  and (
    has_table_privilege(role, c.oid, privilege)
    or (privilege in ('insert', 'update') and has_any_column_privilege(role, c.oid, privilege))
  );

-- check: neither anon nor anybody signed in reaches a sequence
-- expect: no rows
select c.oid::regclass
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind = 'S'
  and (
    has_sequence_privilege('anon', c.oid, 'usage, select, update')
    or has_sequence_privilege('authenticated', c.oid, 'usage, select, update')
  );

-- check: neither anon nor anybody signed in calls a function
-- Save for those of extensions.
-- expect: no rows
select p.oid::regprocedure
from pg_proc p
where p.pronamespace = 'public'::regnamespace
  and (has_function_privilege('anon', p.oid, 'execute') or has_function_privilege('authenticated', p.oid, 'execute'))
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e');

-- check: every function pins its search_path
-- expect: no rows
select p.oid::regprocedure
from pg_proc p
where p.pronamespace = 'public'::regnamespace
  and not coalesce(array_to_string(p.proconfig, ' ') ~ 'search_path=', false)
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e');

-- check: every table has row security
-- expect: no rows
select c.oid::regclass
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity;

-- check: signed-in users neither empty tables nor make triggers on them
-- expect: no rows
select c.oid::regclass
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and has_table_privilege('authenticated', c.oid, 'truncate, references, trigger');

-- check: policies ask who is signed in once for a query, not once for a row
-- expect: no rows
select p.tablename, p.policyname
from pg_policies p
where p.schemaname = 'public'
  and regexp_replace(concat_ws(' ', p.qual, p.with_check), 'SELECT auth\.uid\(\)', '', 'g')
    ~ 'auth\.\w+\(|current_setting\(';

-- check: policies name whom they are for
-- expect: no rows
select p.tablename, p.policyname from pg_policies p where p.schemaname = 'public' and 'public' = any (p.roles);

-- check: every foreign key has an index that begins with it
-- One that leaves out the rows without a key serves as well, one of other rows would not.
-- expect: no rows
select k.conrelid::regclass, k.conname
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.connamespace = 'public'::regnamespace
  and k.contype = 'f'
  and not exists (
    select
    from pg_index x
    where x.indrelid = k.conrelid
      and x.indkey[0] = k.conkey[1]
      and coalesce(pg_get_expr(x.indpred, x.indrelid) = format('(%I IS NOT NULL)', a.attname), true)
  );

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
where c.relnamespace = 'public'::regnamespace and not x.indisvalid;
