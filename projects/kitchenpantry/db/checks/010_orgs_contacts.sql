-- Phase 2. Fixtures carry their own ids and names, and nothing of them is kept.

-- fixture: one organization
insert into organizations (organization_id, name) values ('a1000000-0000-4000-8000-000000000001', 'Check Customer');

-- check: A2.1 an organization name is unique whatever its case
-- expect: error 23505
insert into organizations (name) values ('ACME (check)');
insert into organizations (name) values ('acme (check)');

-- check: A2.1 an organization name is not blank
-- expect: error 23514
insert into organizations (name) values ('   ');

-- check: A2.2 a contact belongs to an organization
-- expect: error 23502
insert into contacts (first_name, last_name) values ('Ina', 'Check');

-- check: A2.3 a contact belongs to an organization that exists
-- expect: error 23503
insert into contacts (organization_id, first_name, last_name)
values ('a1000000-0000-4000-8000-000000000099', 'Ina', 'Check');

-- check: A2.4 the full name follows either name
-- given: one organization
-- expect: true
insert into contacts (contact_id, organization_id, first_name, last_name)
values ('a3000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'Ina', 'Check');
update contacts set first_name = 'Ida' where contact_id = 'a3000000-0000-4000-8000-000000000001';
update contacts set last_name = 'Check-Moor' where contact_id = 'a3000000-0000-4000-8000-000000000001';
select full_name = 'Ida Check-Moor' from contacts where contact_id = 'a3000000-0000-4000-8000-000000000001';

-- check: A2.4 the full name is never written
-- given: one organization
-- expect: error 428C9
insert into contacts (organization_id, first_name, last_name, full_name)
values ('a1000000-0000-4000-8000-000000000001', 'Ina', 'Check', 'Somebody Else');

-- check: A2.5 an organization has one primary contact
-- given: one organization
-- expect: error 23505
insert into contacts (organization_id, first_name, last_name, is_primary_contact)
values ('a1000000-0000-4000-8000-000000000001', 'Ina', 'Check', true);
insert into contacts (organization_id, first_name, last_name, is_primary_contact)
values ('a1000000-0000-4000-8000-000000000001', 'Ida', 'Check', true);

-- check: A2.5 an e-mail address names one contact of an organization
-- given: one organization
-- expect: error 23505
insert into contacts (organization_id, first_name, last_name, email)
values ('a1000000-0000-4000-8000-000000000001', 'Ina', 'Check', 'ina@check.test');
insert into contacts (organization_id, first_name, last_name, email)
values ('a1000000-0000-4000-8000-000000000001', 'Ida', 'Check', 'INA@check.test');

-- check: A2.6 an update moves updated_at
-- expect: true
insert into organizations (organization_id, name, updated_at)
values ('a1000000-0000-4000-8000-000000000001', 'Check Customer', '2001-01-01');
insert into contacts (contact_id, organization_id, first_name, last_name, updated_at)
values ('a3000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'Ina', 'Check', '2001-01-01');
update organizations set city = 'Here' where organization_id = 'a1000000-0000-4000-8000-000000000001';
update contacts set title = 'Chef' where contact_id = 'a3000000-0000-4000-8000-000000000001';
select o.updated_at = now() and c.updated_at = now()
from organizations o
join contacts c on c.organization_id = o.organization_id
where o.organization_id = 'a1000000-0000-4000-8000-000000000001';

-- check: A2.7 an organization is not its own parent
-- given: one organization
-- expect: error 23514
update organizations set parent_organization_id = organization_id where organization_id = 'a1000000-0000-4000-8000-000000000001';
