-- fixture: a contact
insert into sales (id, email) values (-3, 'max@check.test');
insert into contacts (id, first_name, last_name, sales_id, last_seen)
values (-3, 'Iris', 'Vance', -3, '2025-06-01 12:00+00');

-- check: a contact's name follows first and last name
-- given: a contact
-- expect: value Iris Moss
update contacts set last_name = 'Moss' where id = -3;
select name from contacts where id = -3;

-- check: a contact's name is never written itself
-- given: a contact
-- expect: error 428C9
update contacts set name = 'Nobody' where id = -3;

-- check: a contact has empty lists and lives in the USA unless said otherwise
-- given: a contact
-- expect: value [] [] {} USA f
select concat_ws(' ', email, phone, tags, country, has_newsletter::text::char(1)) from contacts where id = -3;

-- check: a contact is first and last seen when it is made
-- expect: true
insert into sales (id, email) values (-3, 'max@check.test');
insert into contacts (id, first_name, last_name, sales_id) values (-4, 'Ned', 'Fry', -3);
select first_seen = now() and last_seen = now() from contacts where id = -4;

-- check: a contact is cold, warm, hot or in contract
-- given: a contact
-- expect: error 23514
update contacts set status = 'lukewarm' where id = -3;

-- check: a contact is somebody's
-- expect: error 23502
insert into contacts (first_name, last_name) values ('Iris', 'Vance');

-- check: a contact is found by the words of what it is now
-- given: a contact
-- expect: true
update contacts set title = 'Purchasing' where id = -3;
select search_tsv @@ to_tsquery('english', 'iris & purchase') from contacts where id = -3;

-- check: a note moves the contact's last_seen forward
-- given: a contact
-- expect: value 2025-06-02
insert into "contactNotes" (contact_id, text, date, sales_id) values (-3, 'Called.', '2025-06-02 12:00+00', -3);
select (last_seen at time zone 'utc')::date from contacts where id = -3;

-- check: a note of the past does not move last_seen back
-- given: a contact
-- expect: value 2025-06-01
insert into "contactNotes" (contact_id, text, date, sales_id) values (-3, 'Met.', '2025-05-02 12:00+00', -3);
select (last_seen at time zone 'utc')::date from contacts where id = -3;

-- check: a contact takes its notes along, and outlives its organization
-- expect: value "contactNotes".contact_id c, "contactNotes".sales_id r, "contactNotes".updated_by n, contacts.created_by r, contacts.organization_id n, contacts.sales_id r, contacts.updated_by n
select string_agg(format('%s.%s %s', k.conrelid::regclass, a.attname, k.confdeltype), ', ' order by k.conrelid::regclass::text collate "C", a.attname)
from pg_constraint k
join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.conrelid in ('contacts'::regclass, '"contactNotes"'::regclass);

-- check: the lists of contacts have their indexes
-- expect: no rows
select name
from unnest(array['contacts_status_idx', 'contacts_sales_idx', 'contacts_organization_idx', 'contacts_search_idx']) name
where to_regclass(name) is null;
