import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { withClient } from "../packages/pantler/src/postgres/index.js";

/** What a database is filled with; the server makes it, the same in each run. */
export interface DataSet {
  readonly title: string;
  readonly sql: string;
}

/** How much a filled database holds. */
export interface Extent {
  readonly tables: number;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Many narrow rows.
 * @param scale how often two million of them
 */
export function narrowRows(scale = 1): DataSet {
  return {
    title: `${scale * 2} million narrow rows`,
    sql: `
      create table narrow (id bigint not null, a int not null, b int not null, at timestamptz not null, note text);
      select setseed(0.5);
      insert into narrow
      select n, random() * 1000000, n % 1000, '2026-01-01 00:00+00'::timestamptz + n * interval '1 second', 'note ' || n % 10007
      from generate_series(1, ${scale} * 2000000) as n;
      alter table narrow add primary key (id);
      create index narrow_a_idx on narrow (a);
    `,
  };
}

/** Few wide rows of text and JSON that hardly compress: hashes in base64 and in hexadecimal digits. */
export const wideRows: DataSet = {
  title: "300,000 wide rows",
  sql: `
    create table wide (id int not null, body text not null, doc jsonb not null);
    insert into wide
    select n, translate(encode(noise.bytes, 'base64'), E'\\n', ''), jsonb_build_object('n', n, 'noise', encode(substr(noise.bytes, 1, 200), 'hex'))
    from generate_series(1, 300000) as n
    cross join lateral (
      select sha512(('a' || n)::bytea) || sha512(('b' || n)::bytea) || sha512(('c' || n)::bytea)
        || sha512(('d' || n)::bytea) || sha512(('e' || n)::bytea) || sha512(('f' || n)::bytea) as bytes
    ) as noise;
    alter table wide add primary key (id);
  `,
};

/** Many small tables, each with a foreign key to the one before and two indexes. */
export const smallTables: DataSet = {
  title: "500 small tables",
  sql: `
    do $$
    begin
      for t in 1 .. 500 loop
        execute format('create table small_%s (id int primary key, previous int, name text not null, at timestamptz not null)', t);
        execute format(
          'insert into small_%s select n, n, ''name '' || n * %s, timestamptz ''2026-01-01 00:00+00'' + n * interval ''1 hour'' from generate_series(1, 100) as n',
          t, t
        );
        execute format('create index on small_%s (previous)', t);
        execute format('create index on small_%s (lower(name))', t);
        if t > 1 then
          execute format('alter table small_%s add foreign key (previous) references small_%s', t, t - 1);
        end if;
      end loop;
    end $$;
  `,
};

/** Fills an empty database, and leaves nothing for the first reader to tidy up. */
export async function fill(database: DatabaseUrl, { sql }: DataSet): Promise<Extent> {
  await withClient(database, async (client) => {
    await client.query(sql);
    await client.query("vacuum (freeze, analyze)");
  });
  return await readExtent(database);
}

/** Counts what a database holds, exactly. */
export async function readExtent(database: DatabaseUrl): Promise<Extent> {
  return await withClient(database, async (client) => {
    const { rows } = await client.query<{ tables: string; rows: string; bytes: string }>(`
      select
        count(*) as tables,
        sum((xpath('/row/n/text()', query_to_xml(format('select count(*) as n from public.%I', tablename), false, true, '')))[1]::text::bigint) as rows,
        pg_database_size(current_database()) as bytes
      from pg_tables
      where schemaname = 'public'
    `);
    const [found] = rows;
    return { tables: Number(found?.tables), rows: Number(found?.rows), bytes: Number(found?.bytes) };
  });
}
