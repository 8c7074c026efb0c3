-- check: set_updated_at moves updated_at
-- expect: true
create table touched (id integer, updated_at timestamptz default '2000-01-01');
create trigger touched_updated_at before update on touched for each row execute function set_updated_at();
insert into touched (id) values (1);
update touched set id = 2;
select updated_at = now() from touched;
