-- check: a segment's name is unique whatever its case
-- expect: error 23505
insert into segments (name) values ('Check Segment'), ('check segment');

-- check: a tag's name is unique
-- expect: error 23505
insert into tags (name) values ('check tag'), ('check tag');

-- check: a tag is blue and unused unless said otherwise
-- expect: value blue-500 0
insert into tags (name) values ('check tag');
select concat_ws(' ', color, usage_count) from tags where name = 'check tag';

-- check: an organization is of unknown type and priority C unless said otherwise
-- expect: value unknown C
insert into organizations (id, name) values (-1, 'Check');
select concat_ws(' ', organization_type, priority) from organizations where id = -1;

-- check: an organization is of one of six types
-- expect: error 23514
insert into organizations (name, organization_type) values ('Check', 'vendor');

-- check: an organization's priority is A to D
-- expect: error 23514
insert into organizations (name, priority) values ('Check', 'E');

-- check: an organization is not its own parent
-- expect: error 23514
insert into organizations (id, name, parent_organization_id) values (-1, 'Check', -1);

-- check: an organization is found by the words of what it is now
-- expect: value f t
insert into organizations (id, name) values (-1, 'Check Creamery');
update organizations set name = 'Check Roasters', city = 'Duluth' where id = -1;
select concat_ws(
  ' ', (search_tsv @@ to_tsquery('english', 'creamery'))::text::char(1),
  (search_tsv @@ to_tsquery('english', 'roaster & duluth'))::text::char(1)
)
from organizations
where id = -1;

-- check: rows that refer to an organization keep it, save for its children, which lose their parent
-- expect: value organizations.created_by r, organizations.parent_organization_id n, organizations.sales_id r, organizations.segment_id n, organizations.updated_by n, segments.created_by n
select string_agg(format('%s.%s %s', k.conrelid::regclass, a.attname, k.confdeltype), ', ' order by k.conrelid::regclass::text, a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid in ('organizations'::regclass, 'segments'::regclass);

-- check: the lists of organizations have their indexes
-- expect: no rows
select name
from unnest(array[
  'segments_name_uq', 'organizations_priority_idx', 'organizations_type_idx', 'organizations_sales_idx',
  'organizations_search_idx'
]) name
where to_regclass(name) is null;
