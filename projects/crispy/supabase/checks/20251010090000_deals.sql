-- fixture: a deal
insert into sales (id, email) values (-3, 'max@check.test');
insert into deals (id, name, sales_id) values (-3, 'Check', -3);

-- check: a deal begins as an opportunity with nobody
-- given: a deal
-- expect: value opportunity {}
select concat_ws(' ', stage, contact_ids) from deals where id = -3;

-- check: the six stages of a deal are taken
-- given: a deal
-- expect: rows 6
insert into deals (name, stage, sales_id)
select stage, stage, -3
from unnest(array['opportunity', 'proposal-sent', 'in-negociation', 'won', 'lost', 'delayed']) stage;

-- check: there is no seventh stage of a deal
-- given: a deal
-- expect: error 23514
update deals set stage = 'in-negotiation' where id = -3;

-- check: a deal is somebody's
-- expect: error 23502
insert into deals (name) values ('Check');

-- check: an organization takes its deals along, a deal its notes
-- expect: value "dealNotes".deal_id c, "dealNotes".sales_id r, deals.organization_id c, deals.sales_id r
select string_agg(format('%s.%s %s', k.conrelid::regclass, a.attname, k.confdeltype), ', ' order by k.conrelid::regclass::text collate "C", a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid in ('deals'::regclass, '"dealNotes"'::regclass);

-- check: the lists of deals have their indexes
-- expect: no rows
select name
from unnest(array['deals_stage_idx', 'deals_sales_idx', 'deals_organization_idx', '"dealNotes_deal_idx"']) name
where to_regclass(name) is null;
