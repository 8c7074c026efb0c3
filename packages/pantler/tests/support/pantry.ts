import { digestTable, digestText, listTables, readSequences, sqlName } from "../../src/copy/index.js";
import { dumpedSchemas, fingerprintOf, readSchema } from "../../src/schema/index.js";
import { withCopySession } from "./copying.js";
import { query } from "./inspect.js";

/** A small database with what a restore has to put in its place: keys, sequences, views, rules, users. */
const schema = `
create type unit as enum ('piece', 'litre', 'kilogram');
create table suppliers (
  id bigint generated always as identity primary key,
  name text not null unique,
  note text
);
create table goods (
  id serial primary key,
  supplier bigint references suppliers,
  unit unit not null default 'piece',
  price numeric(10, 2) not null check (price > 0),
  label text generated always as ('No. ' || price::text) stored
);
create index goods_supplier_idx on goods (supplier);
create table movements (day date not null, good int not null references goods, amount int not null)
  partition by range (day);
create table movements_old partition of movements for values from ('2025-01-01') to ('2026-01-01');
create table movements_new partition of movements for values from ('2026-01-01') to ('2027-01-01');
create table "Odd ""table"", with; a name" ("a column; --" text, "Straße" int);
create table keepers (id uuid primary key references auth.users on delete cascade, name text);
create function touch() returns trigger language plpgsql set search_path = '' as $$
begin
  insert into public.touched (what) values (tg_table_name);
  return null;
end $$;
create table touched (what text);
create trigger suppliers_touched after insert on suppliers for each statement execute function touch();
create view cheap as select * from goods where price < 5;
create materialized view stock as select good, sum(amount) as amount from movements group by good;
alter table suppliers enable row level security;
create policy suppliers_seen on suppliers for select to authenticated using (note is not null);
`;

const rows = `
insert into auth.users (id, email)
  select gen_random_uuid(), 'keeper' || n || '@example.com' from generate_series(1, 5) as n;
insert into keepers select id, email from auth.users;
insert into suppliers (name, note) select 'supplier ' || n, repeat(md5(n::text), 4) from generate_series(1, 600) as n;
insert into goods (supplier, price) select 1 + n % 600, 1 + n % 9 from generate_series(1, 1500) as n;
insert into movements select date '2025-06-01' + n % 500, 1 + n % 1500, n from generate_series(1, 3000) as n;
insert into "Odd ""table"", with; a name" select repeat('\\', n), n from generate_series(1, 20) as n;
refresh materialized view stock;
`;

/** What somebody might do between a backup and its restore, to rows and to shape. */
const changes = `
delete from movements where amount % 3 = 0;
update suppliers set note = 'changed' where id % 2 = 0;
drop table "Odd ""table"", with; a name";
alter table goods add column weight int default 7;
create table later (id int primary key);
insert into later select generate_series(1, 100);
delete from auth.users where email like 'keeper1@%';
select setval('goods_id_seq', 99999);
drop policy suppliers_seen on suppliers;
`;

/** Fills a database with the pantry. */
export async function fillPantry(url: string): Promise<void> {
  await query(url, schema);
  await query(url, rows);
}

/** Changes the pantry's rows and shape. */
export async function changePantry(url: string): Promise<void> {
  await query(url, changes);
}

/** Changes rows of one table only, a little differently each time. */
export async function changeGoods(url: string): Promise<void> {
  await query(url, "update goods set price = price + 1 where id % 10 = 0");
}

/** All that a backup holds of a database, as one text: two databases with the same one have the same content. */
export async function contentOf(url: string): Promise<string> {
  return await withCopySession(url, async (client) => {
    const schemas = await dumpedSchemas(client);
    const tables = await listTables(client, schemas, [
      { schema: "auth", name: "users" },
      { schema: "auth", name: "identities" },
    ]);
    const lines = [`schema ${fingerprintOf(await readSchema(client))}`];
    for (const table of tables) {
      lines.push(`${sqlName(table)} ${digestText(await digestTable(client, table))}`);
    }
    for (const sequence of await readSequences(client, schemas)) {
      lines.push(`${sqlName(sequence)} ${sequence.lastValue} ${sequence.isCalled}`);
    }
    const views = await client.query<{ name: string; filled: boolean }>(
      "select oid::regclass::text as name, relispopulated as filled from pg_class where relkind = 'm' order by 1",
    );
    for (const { name, filled } of views.rows) {
      if (!filled) {
        lines.push(`${name} is not filled`);
        continue;
      }
      const { rows: found } = await client.query<{ content: string }>(
        `select md5(coalesce(string_agg(row::text, ',' order by row::text), '')) as content from ${name} as row`,
      );
      lines.push(`${name} ${found[0]?.content}`);
    }
    return lines.join("\n");
  });
}

/** Waits until nobody but the asker is connected: a killed process' sessions end a moment later. */
export async function untilAlone(url: string): Promise<void> {
  await query(
    url,
    `do $$
     begin
       for attempt in 1..500 loop
         perform pg_stat_clear_snapshot();
         exit when not exists (
           select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
         );
         perform pg_sleep(0.01);
       end loop;
     end $$`,
  );
}
