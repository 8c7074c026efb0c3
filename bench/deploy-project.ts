import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { withClient } from "../packages/pantler/src/postgres/index.js";

/** A file of the project, by its path. */
export interface ProjectFile {
  readonly path: string;
  readonly content: string;
}

/** The table that everybody reads and writes, and that three of the four migrations change. */
export const busiest = { name: "public.orders", ordersOf: (rows: number) => Math.floor(rows * 0.4) };

/** What is applied before anything is measured. */
export const base = migration(
  "20260101000000_shop",
  `create table public.customers (
  id bigint primary key,
  name text not null,
  email text not null unique
);
create table public.orders (
  id bigint primary key,
  customer_id bigint not null references public.customers,
  status text not null,
  note text,
  placed_at timestamptz not null
);
create table public.order_lines (
  id bigint primary key,
  order_id bigint not null references public.orders,
  article text not null,
  amount int not null
);
alter table public.customers enable row level security;
alter table public.orders enable row level security;
alter table public.order_lines enable row level security;
create policy customers_seen on public.customers for select to authenticated using (true);
create policy orders_seen on public.orders for select to authenticated using (true);
create policy order_lines_seen on public.order_lines for select to authenticated using (true);
create index orders_customer_id_idx on public.orders (customer_id);
create index order_lines_order_id_idx on public.order_lines (order_id);
`,
);

/** What is measured: four migrations that do what most do, and their rollback scripts. */
export const pending: readonly ProjectFile[] = [
  migration(
    "20260201000000_priority",
    "alter table public.orders add column priority int not null default 0;\n",
  ),
  rollback("20260201000000_priority", "alter table public.orders drop column priority;\n"),
  migration(
    "20260201000001_placed_at_idx",
    "create index orders_placed_at_idx on public.orders (placed_at);\n",
  ),
  rollback("20260201000001_placed_at_idx", "drop index public.orders_placed_at_idx;\n"),
  migration("20260201000002_late_first", "update public.orders set priority = 1 where status = 'late';\n"),
  rollback("20260201000002_late_first", "update public.orders set priority = 0 where status = 'late';\n"),
  migration(
    "20260201000003_shipments",
    `create table public.shipments (
  id bigint generated always as identity primary key,
  order_id bigint not null references public.orders,
  shipped_at timestamptz not null default now()
);
create index shipments_order_id_idx on public.shipments (order_id);
alter table public.shipments enable row level security;
create policy shipments_seen on public.shipments for select to authenticated using (true);
create policy shipments_added on public.shipments for insert to authenticated with check (shipped_at <= now());
`,
  ),
  rollback("20260201000003_shipments", "drop table public.shipments;\n"),
];

function migration(name: string, content: string): ProjectFile {
  return { path: `supabase/migrations/${name}.sql`, content };
}

function rollback(name: string, content: string): ProjectFile {
  return { path: `supabase/rollbacks/${name}.sql`, content };
}

/**
 * Fills the tables; a tenth of the orders is late.
 * @param rows how many all tables hold together: a tenth of them customers, four tenths orders, the rest their lines
 */
export async function fill(database: DatabaseUrl, rows: number): Promise<void> {
  const customers = Math.ceil(rows * 0.1);
  const orders = busiest.ordersOf(rows);
  const lines = rows - customers - orders;
  await withClient(database, async (client) => {
    await client.query("set statement_timeout = 0");
    await client.query(
      `insert into public.customers
      select n, 'customer ' || n, md5(n::text) || '@example.com' from generate_series(1, $1::int) as n`,
      [customers],
    );
    await client.query(
      `insert into public.orders
      select n, 1 + n % $1, case when n % 10 = 0 then 'late' else 'sent' end, md5('note' || n),
        '2026-01-01 00:00+00'::timestamptz + n * interval '1 second'
      from generate_series(1, $2::int) as n`,
      [customers, orders],
    );
    await client.query(
      `insert into public.order_lines
      select n, 1 + n % $1, 'article ' || n % 1009, n % 7 from generate_series(1, $2::int) as n`,
      [orders, lines],
    );
    await client.query("vacuum analyze public.customers, public.orders, public.order_lines");
  });
}

/**
 * Looks for everything that the four migrations make.
 * @throws Error naming what is not as it has to be
 */
export async function verify(database: DatabaseUrl, way: string): Promise<void> {
  const found = await withClient(database, async (client) => {
    const { rows } = await client.query<Record<string, string>>(`
      select
        (select count(*) from public.orders where (status = 'late') <> (priority = 1)) as "orders with the wrong priority",
        (select 1 - count(*) from pg_catalog.pg_indexes where indexname = 'orders_placed_at_idx') as "missing indexes",
        (select 2 - count(*) from pg_catalog.pg_policies where tablename = 'shipments') as "missing policies",
        (select 5 - count(*) from supabase_migrations.schema_migrations) as "missing rows of the ledger"
    `);
    return rows[0] ?? {};
  });
  const wrong = Object.entries(found).filter(([, count]) => Number(count) !== 0);
  if (wrong.length === 0) return;
  throw new Error(`${way} left behind: ${wrong.map(([what, count]) => `${count} ${what}`).join(", ")}`);
}
