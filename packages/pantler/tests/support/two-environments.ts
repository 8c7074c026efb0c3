import {
  DatabaseUrl,
  Operation,
  type OperationEvent,
  type ParityRequest,
  type ParityResult,
  type SyncRequest,
  type SyncResult,
  syncEnvironment,
  type Target,
  verifyParity,
} from "../../src/index.js";
import { withDatabaseUrl } from "./database.js";
import { query } from "./inspect.js";
import { withFolder } from "./project.js";
import { targetOf } from "./target-of.js";

type Rows = Record<string, unknown>[];

/** A project with the environments `local` and `production`, which have the same schema. */
export interface TwoEnvironments {
  readonly root: string;
  readonly localUrl: string;
  readonly productionUrl: string;
  readonly local: Target;
  readonly production: Target;
  readonly events: OperationEvent[];
  readonly inLocal: (text: string) => Promise<Rows>;
  readonly inProduction: (text: string) => Promise<Rows>;
  /** Syncs from local to production, as somebody who confirms it. */
  readonly sync: (
    request?: Partial<SyncRequest>,
    sides?: { readonly from?: Target; readonly to?: Target; readonly signal?: AbortSignal },
  ) => Promise<SyncResult>;
  readonly verify: (request?: ParityRequest) => Promise<ParityResult>;
  readonly warnings: () => string[];
}

/** Keys in circles, generated and identity columns, partitions, triggers that change rows, users' rows. */
export const garden = `
create table public.beds (
  id bigint generated always as identity primary key,
  name text not null unique,
  keeper uuid references auth.users,
  best bigint,
  label text generated always as ('bed ' || name) stored
);
create table public.plants (
  id serial primary key,
  bed bigint not null references public.beds,
  parent int references public.plants,
  name text not null,
  changed_at timestamptz not null default now()
);
alter table public.beds add foreign key (best) references public.plants;
create table public.harvests (day date not null, plant int not null references public.plants, grams int)
  partition by range (day);
create table public.harvests_old partition of public.harvests for values from ('2025-01-01') to ('2026-01-01');
create table public.harvests_new partition of public.harvests for values from ('2026-01-01') to ('2027-01-01');
create table public.notes (body text);
create materialized view public.yields as
  select plant, sum(grams) as grams from public.harvests group by plant;
create function public.change_plant() returns trigger language plpgsql as $$
begin
  new.name := new.name || ' (changed)';
  new.changed_at := now();
  insert into public.notes values ('a plant was written');
  return new;
end $$;
create trigger plants_changed before insert or update on public.plants
  for each row execute function public.change_plant();
create function public.keeper_came() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.notes values ('keeper ' || new.email);
  return new;
end $$;
create trigger keeper_came after insert on auth.users for each row execute function public.keeper_came();
alter table public.beds enable row level security;
`;

/** Rows for local: two test users, who keep beds. */
export const planted = `
insert into auth.users (id, email, encrypted_password, aud, role) values
  ('11111111-1111-4111-8111-111111111111', 'admin@test.local', extensions.crypt('TestPass123!', extensions.gen_salt('bf', 4)), 'authenticated', 'authenticated'),
  ('22222222-2222-4222-8222-222222222222', 'manager@test.local', extensions.crypt('TestPass123!', extensions.gen_salt('bf', 4)), 'authenticated', 'authenticated');
insert into auth.identities (id, user_id, provider, provider_id, identity_data)
  select gen_random_uuid(), id, 'email', id::text, jsonb_build_object('sub', id, 'email', email) from auth.users;
insert into public.beds (name, keeper)
  select 'local ' || n, case n % 2 when 0 then '11111111-1111-4111-8111-111111111111' else '22222222-2222-4222-8222-222222222222' end::uuid
  from generate_series(1, 40) as n;
insert into public.plants (bed, name) select 1 + n % 40, 'plant ' || n from generate_series(1, 300) as n;
update public.plants set parent = id - 1 where id % 3 = 0;
update public.beds set best = id;
insert into public.harvests select date '2025-06-01' + n % 500, 1 + n % 300, n from generate_series(1, 600) as n;
refresh materialized view public.yields;
`;

/** Rows for production, before anything is synced. */
export const overgrown = `
insert into public.beds (name) select 'old ' || n from generate_series(1, 5) as n;
insert into public.plants (bed, name) select 1 + n % 5, 'old ' || n from generate_series(1, 20) as n;
insert into public.harvests values ('2025-05-05', 1, 7);
refresh materialized view public.yields;
`;

/**
 * Runs a test with such a project.
 * @param config the settings of its pantler.config.json
 */
export async function withTwoEnvironments(
  sql: { readonly both: string; readonly local?: string; readonly production?: string },
  test: (environments: TwoEnvironments) => Promise<void>,
  config: object = {},
): Promise<void> {
  await withDatabaseUrl(async (localUrl) => {
    await withDatabaseUrl(async (productionUrl) => {
      const files = {
        "supabase/config.toml": 'project_id = "garden"\n',
        "pantler.config.json": JSON.stringify(config),
        ".env": `PANTLER_ENGINE_URL=${localUrl}\n`,
        ".env.production": `DATABASE_URL=${productionUrl}\n`,
      };
      await withFolder(files, async (root) => {
        await Promise.all([
          query(localUrl, sql.both + (sql.local ?? "")),
          query(productionUrl, sql.both + (sql.production ?? "")),
        ]);
        await test(await open(root, localUrl, productionUrl));
      });
    });
  });
}

async function open(root: string, localUrl: string, productionUrl: string): Promise<TwoEnvironments> {
  const events: OperationEvent[] = [];
  const operation = new Operation((event) => events.push(event));
  const local = await targetOf(root, "local");
  const production = await targetOf(root, "production");
  return {
    root,
    localUrl,
    productionUrl,
    local,
    production,
    events,
    inLocal: (text) => query(localUrl, text),
    inProduction: (text) => query(productionUrl, text),
    sync: async (request = {}, { from = local, to = production, signal } = {}) =>
      await syncEnvironment(
        from,
        to,
        { keys: {}, confirm: async ({ phrase }) => phrase, ...request },
        operation,
        signal,
      ),
    verify: async (request = {}) => await verifyParity(local, production, request, operation),
    warnings: () =>
      events.flatMap((event) =>
        event.type === "finding" && event.level === "warning" ? [event.message] : [],
      ),
  };
}

/** The same environment under another address. */
export function reachedAt(target: Target, url: string): Target {
  return { ...target, url: DatabaseUrl.parse(url, "the test") };
}
